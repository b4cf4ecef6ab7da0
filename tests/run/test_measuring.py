"""What is measured of a case, and why there may be nothing to measure."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_run import ALIKE, SAMPLES, SmallRun

from pytest_matalign.cache import DamagedEntryWarning
from pytest_matalign.run.measuring import Measurement, NotMeasured
from pytest_matalign.suites.schema import Gate, SuiteMetric, SuiteSplit

BUDGET = (Gate(id="errors", kind="error-budget", at_most=1),)


def measured(run: SmallRun, a: str, b: str) -> Measurement:
    found = run.measurer.measured(run.case(a, b))
    assert isinstance(found, Measurement)
    return found


def missing(run: SmallRun, a: str, b: str) -> NotMeasured:
    found = run.measurer.measured(run.case(a, b))
    assert isinstance(found, NotMeasured)
    return found


def test_models_that_agree_are_told_from_one_that_does_not(tmp_path: Path) -> None:
    """With all that makes a number: n, k, preprocessing, interval and null."""
    run = SmallRun(tmp_path)
    alike = measured(run, *ALIKE).alignment
    apart = measured(run, ALIKE[0], "mock-different-0").alignment
    assert alike.value > apart.value
    assert (alike.n, alike.k, alike.preprocess) == (SAMPLES, 5, "center-l2")
    assert alike.low < alike.value < alike.high
    assert abs(apart.value - apart.null_mean) < abs(alike.value - alike.null_mean)


def test_a_case_is_measured_once_and_found_in_the_store(tmp_path: Path) -> None:
    """Another process of the same run reads the value back, bit for bit."""
    run = SmallRun(tmp_path)
    first = measured(run, *ALIKE)
    assert measured(run, *ALIKE) is first
    assert measured(SmallRun(tmp_path), *ALIKE) == first


@pytest.mark.parametrize("content", ['{"digest": "0", "value": {}}', '{"value', "[1, 2]"])
def test_a_damaged_result_is_measured_again(tmp_path: Path, content: str) -> None:
    """And the user is told."""
    first = measured(SmallRun(tmp_path), *ALIKE)
    (path,) = (tmp_path / "store" / "results").rglob("*.json")
    path.write_text(content)
    with pytest.warns(DamagedEntryWarning):
        assert measured(SmallRun(tmp_path), *ALIKE) == first


def test_what_decides_whether_values_may_be_compared_is_kept(tmp_path: Path) -> None:
    """Fewer samples are other samples; another reference is another identity."""
    run = SmallRun(tmp_path)
    first, other = measured(run, *ALIKE), measured(run, ALIKE[0], "mock-different-0")
    assert first.samples_fingerprint == other.samples_fingerprint
    assert first.reference_identity != other.reference_identity
    fewer = SmallRun(tmp_path, split=(SuiteSplit(id="qm9", samples=30),))
    assert measured(fewer, *ALIKE).samples_fingerprint != first.samples_fingerprint


def test_a_model_that_refuses_the_split_is_skipped(tmp_path: Path) -> None:
    """With how much it accepts, and why not more."""
    found = missing(SmallRun(tmp_path, models=(ALIKE[0], "blind")), ALIKE[0], "blind")
    assert found.verdict == "skipped"
    assert found.reason.startswith(f"blind on qm9: accepts 0 of {SAMPLES} samples")


def test_a_model_that_fails_is_an_error(tmp_path: Path) -> None:
    """Of every pair it is in, unless a check of its own tells of it."""
    models = (ALIKE[0], "mock-failing-0")
    run = SmallRun(tmp_path, models=models)
    found = missing(run, *models)
    assert (found.verdict, found.tolerated) == ("error", False)
    assert "mock-failing-0" in found.reason
    assert "Error" in run.measurer.traceback("mock-failing-0", run.suite.split[0])


def test_its_own_check_tells_of_a_failure_once(tmp_path: Path) -> None:
    """The pairs say only that there is nothing to compare."""
    models = (ALIKE[0], "mock-failing-0")
    run = SmallRun(tmp_path, models=models)
    run.measurer.checked = frozenset({("mock-failing-0", "qm9")})
    found = missing(run, *models)
    assert found.verdict == "skipped"
    assert found.reason == "mock-failing-0 has no embedding of qm9: its own check failed"


def test_an_error_budget_covers_references_and_not_the_candidate(tmp_path: Path) -> None:
    """A reference that fails is counted; the model under test may not fail."""
    reference = SmallRun(tmp_path, models=("mock-failing-0",), candidate=ALIKE[0], gate=BUDGET)
    assert missing(reference, ALIKE[0], "mock-failing-0").tolerated
    own = SmallRun(tmp_path, models=ALIKE, candidate="mock-failing-0", gate=BUDGET)
    assert not missing(own, "mock-failing-0", ALIKE[0]).tolerated


def test_too_few_samples_for_the_metric_is_an_error_of_the_pair(tmp_path: Path) -> None:
    """Neither model has failed, so no check of theirs would tell."""
    run = SmallRun(tmp_path, metric=(SuiteMetric(name="cknna", k=SAMPLES),))
    run.measurer.checked = frozenset((model, "qm9") for model in ALIKE)
    found = missing(run, *ALIKE)
    assert found.verdict == "error"
    assert str(SAMPLES) in found.reason
