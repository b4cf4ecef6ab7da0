"""What a measured alignment means: against its expectations, and against the last release."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from small_run import ALIKE, SmallRun

from pytest_matalign.suites.schema import Expectation, Measured
from pytest_matalign.verdicts.baseline import Baseline, BaselineRow, row_of, write_baseline
from pytest_matalign.verdicts.records import AlignmentRecord

DIFFERENT = "mock-different-0"


def expected(**bound: object) -> tuple[Expectation, ...]:
    return (
        msgspec.convert({"id": "e", "metric": "cknna", "source": "chosen", **bound}, Expectation),
    )


def judged(run: SmallRun, a: str, b: str) -> AlignmentRecord:
    return run.judging.judged(run.case(a, b))


def test_without_expectation_or_baseline_nothing_is_said(tmp_path: Path) -> None:
    """The value stands, with what it may be compared by."""
    record = judged(SmallRun(tmp_path), *ALIKE)
    assert (record.verdict, record.reason, record.expectations) == ("no-baseline", "", ())
    assert record.alignment is not None
    assert record.samples_fingerprint
    assert record.reference_identity


def test_what_was_not_measured_has_its_reason_and_no_alignment(tmp_path: Path) -> None:
    """Expectations have nothing to be held against."""
    run = SmallRun(tmp_path, models=(ALIKE[0], "blind"), expectation=expected(at_least=0.5))
    record = judged(run, ALIKE[0], "blind")
    assert (record.verdict, record.alignment, record.expectations) == ("skipped", None, ())
    assert "accepts 0 of" in record.reason


@pytest.mark.parametrize(
    ("bound", "verdict"),
    [({"at_least": -1}, "passed"), ({"at_least": 2}, "failed"), ({"at_most": -1}, "failed")],
)
def test_a_bound_is_held_against_the_whole_interval(
    tmp_path: Path, bound: dict[str, float], verdict: str
) -> None:
    """The outcome tells what was bounded and what it was."""
    record = judged(SmallRun(tmp_path, expectation=expected(**bound)), *ALIKE)
    assert record.verdict == verdict
    (outcome,) = record.expectations
    assert record.alignment is not None
    assert (outcome.quantity, outcome.value) == ("cknna", record.alignment.value)
    assert (verdict == "failed") == ("(e: chosen)" in record.reason)


def test_a_bound_read_off_another_n_says_nothing(tmp_path: Path) -> None:
    """Alignment at fixed k falls as n grows."""
    read_off = Measured(n=1000, families=5)
    bound = expected(at_least=2, measured=msgspec.to_builtins(read_off))
    record = judged(SmallRun(tmp_path, expectation=bound), *ALIKE)
    assert record.verdict == "not-comparable"
    assert "was measured at another n" in record.reason


def test_models_that_agree_are_above_one_that_does_not(tmp_path: Path) -> None:
    """A difference over the same samples; the weaker of both replacements counts."""
    run = SmallRun(tmp_path, expectation=expected(above=DIFFERENT, between=[ALIKE[:1], ALIKE[1:]]))
    record = judged(run, *ALIKE)
    assert record.verdict == "passed"
    (outcome,) = record.expectations
    assert outcome.quantity.endswith(f"minus that of {DIFFERENT}")
    assert outcome.value is not None
    assert outcome.value > 0


def test_a_model_is_closer_to_its_like(tmp_path: Path) -> None:
    """And where the suite says the opposite, that fails."""
    near = expected(closer_than=DIFFERENT, between=[ALIKE[:1], ALIKE[1:]])
    assert judged(SmallRun(tmp_path, expectation=near), *ALIKE).verdict == "passed"
    far = expected(closer_than=ALIKE[1], between=[ALIKE[:1], [DIFFERENT]])
    assert judged(SmallRun(tmp_path, expectation=far), ALIKE[0], DIFFERENT).verdict == "failed"


def test_a_control_that_cannot_be_had_leaves_the_question_open(tmp_path: Path) -> None:
    """Neither passed nor failed."""
    run = SmallRun(tmp_path, expectation=expected(above="mock-failing-0"))
    (outcome,) = judged(run, *ALIKE).expectations
    assert outcome.verdict == "skipped"
    assert "mock-failing-0" in outcome.quantity


def baseline_of(run: SmallRun, **changed: object) -> BaselineRow:
    """The row of what a run measures, as its last release may have left it."""
    row = row_of(judged(run, *ALIKE))
    assert row is not None
    return msgspec.structs.replace(row, alignment=msgspec.structs.replace(row.alignment, **changed))


def release(run: SmallRun, *rows: BaselineRow) -> None:
    write_baseline(run.book_path, Baseline(candidate=ALIKE[0], package_version="0", rows=rows))


def test_a_lost_alignment_is_a_regression(tmp_path: Path) -> None:
    """Against the value and the interval that were committed."""
    before = SmallRun(tmp_path, candidate=ALIKE[0])
    release(before, baseline_of(before, value=3.0, low=2.99, high=3.01))
    record = judged(SmallRun(tmp_path, candidate=ALIKE[0]), *ALIKE)
    assert record.verdict == "regressed"
    assert record.baseline is not None
    assert not record.baseline.paired
    assert "from the baseline's 3.000" in record.reason


def test_a_baseline_measured_otherwise_is_not_comparable(tmp_path: Path) -> None:
    """Named, with the command that mends it."""
    before = SmallRun(tmp_path, candidate=ALIKE[0])
    release(before, baseline_of(before, k=7))
    record = judged(SmallRun(tmp_path, candidate=ALIKE[0]), *ALIKE)
    assert record.verdict == "not-comparable"
    assert "another k (7)" in record.reason


def test_without_a_candidate_a_baseline_is_not_looked_at(tmp_path: Path) -> None:
    """Nobody is being released."""
    before = SmallRun(tmp_path)
    release(before, baseline_of(before, value=3.0, low=2.99, high=3.01))
    assert judged(SmallRun(tmp_path), *ALIKE).verdict == "no-baseline"


@pytest.mark.parametrize(
    ("candidate", "multiplicity", "adjusted"),
    [
        (ALIKE[0], "benjamini-hochberg", True),
        (ALIKE[0], "none", False),
        (None, "benjamini-hochberg", False),
    ],
)
def test_the_comparisons_of_a_candidate_are_judged_together(
    tmp_path: Path, candidate: str | None, multiplicity: str, *, adjusted: bool
) -> None:
    """Where the suite asks for it; two comparisons, of which one is far from failing."""
    bound = expected(at_least=2)
    run = SmallRun(tmp_path, candidate=candidate, multiplicity=multiplicity, expectation=bound)
    (outcome,) = judged(run, *ALIKE).expectations
    assert (outcome.adjusted_p_value is not None) == adjusted
    assert outcome.verdict == "failed"
