"""Gates: conditions on a whole suite."""

from __future__ import annotations

import msgspec
import pytest
from alignments import alignment

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.run.gates import judge_gates, with_host_gates
from pytest_matalign.run.settings import HostGate
from pytest_matalign.suites.schema import Gate, Suite, SuiteMetric, SuiteSplit
from pytest_matalign.verdicts.records import AlignmentRecord

SUITE = Suite(
    name="s",
    title="t",
    version=1,
    models=("x", "y"),
    split=(SuiteSplit(id="qm9"),),
    metric=(SuiteMetric(name="cknna"), SuiteMetric(name="mutual_knn")),
)


def record(b: str, value: float | None, *, metric: str = "cknna") -> AlignmentRecord:
    return AlignmentRecord(
        suite="s",
        split="qm9",
        a="team",
        b=b,
        pair_class="same-modality",
        metric=metric,
        higher_is_closer=True,
        alignment=None if value is None else alignment(value, half_width=0.1, metric=metric),
        verdict="skipped" if value is None else "no-baseline",
        reason="not installed" if value is None else "",
    )


def judged(gate: Gate, *records: AlignmentRecord) -> tuple[str, str]:
    """Verdict and reason of one gate."""
    suite = msgspec.structs.replace(SUITE, gate=(gate,))
    found = judge_gates(suite, candidate="team", embeddings=[], alignments=records)
    assert len(found) == 1
    return found[0].verdict, found[0].reason


@pytest.mark.parametrize(
    ("bound", "verdict"), [(0.35, "passed"), (0.45, "undecided"), (0.65, "failed")]
)
def test_the_mean_is_given_the_mean_interval(bound: float, verdict: str) -> None:
    """0.5 ± 0.1: alignments with one model err together, so averaging gains nothing."""
    gate = Gate(id="m", kind="mean-alignment", at_least=bound)
    found, reason = judged(
        gate, record("x", 0.4), record("y", 0.6), record("x", 0.0, metric="mutual_knn")
    )
    assert found == verdict
    assert "over 2 alignments = 0.500 [0.400, 0.600]" in reason
    assert "least aligned: x on qm9 0.400" in reason


def test_the_mean_is_over_the_strong_references() -> None:
    """Named by the gate; controls never count."""
    gate = Gate(id="m", kind="mean-alignment", references=("y",), at_least=0.3)
    verdict, reason = judged(gate, record("x", 0.1), record("y", 0.6), record("control", 0.0))
    assert verdict == "passed"
    assert "over 1 alignments = 0.600" in reason


def test_coverage_counts_what_was_asked_for() -> None:
    """What is missing is told with its reason."""
    gate = Gate(id="c", kind="coverage", at_least=0.75)
    verdict, reason = judged(gate, record("x", 0.4), record("y", None))
    assert verdict == "failed"
    assert "1 of 2 alignments were measured (50%)" in reason
    assert "missing: 1 × not installed" in reason


def test_the_error_budget_counts_checks() -> None:
    """One error within a budget of one, two beyond it."""
    gate = Gate(id="e", kind="error-budget", at_most=1)
    wrong = msgspec.structs.replace(record("x", None), verdict="error", reason="broke")
    assert judged(gate, wrong, record("y", 0.4))[0] == "passed"
    verdict, reason = judged(gate, wrong, wrong)
    assert verdict == "failed"
    assert "2 of 2 checks ended in an error, expected at most 1 (chosen): broke" in reason


def test_nothing_measured_is_skipped_and_not_passed() -> None:
    """A mean of nothing is no mean."""
    gate = Gate(id="m", kind="mean-alignment", at_least=0.1)
    assert judged(gate, record("x", None))[0] == "skipped"


def test_a_host_moves_the_bound_of_a_suite_s_gate() -> None:
    """Only what is given is replaced."""
    suite = msgspec.structs.replace(
        SUITE, gate=(Gate(id="m", kind="mean-alignment", at_least=0.5, source="paper"),)
    )
    found = with_host_gates({"s": suite}, [HostGate(id="m", at_least=0.2)])["s"].gate
    assert [(gate.at_least, gate.source) for gate in found] == [(0.2, "paper")]


def test_a_host_adds_a_gate() -> None:
    """To every suite of the run, unless it names one."""
    found = with_host_gates({"s": SUITE}, [HostGate(id="c", kind="coverage", at_least=0.9)])
    assert [gate.id for gate in found["s"].gate] == ["c"]


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        (HostGate(id="c"), "is no gate of suite 's'; a new gate needs a kind"),
        (HostGate(id="c", suite="z"), "names suite 'z', which is not in this run"),
        (HostGate(id="c", kind="coverage", at_most=0.5), "of kind coverage must have at_least"),
        (HostGate(id="c", kind="coverage"), "exactly one of at_least and at_most"),
        (HostGate(id="a b", kind="coverage", at_least=0.5), "ids are letters, digits"),
    ],
)
def test_a_wrong_gate_of_a_host_is_one_sentence(gate: HostGate, message: str) -> None:
    """Naming the table and what is wrong."""
    with pytest.raises(ConfigurationError, match=message):
        with_host_gates({"s": SUITE}, [gate])
