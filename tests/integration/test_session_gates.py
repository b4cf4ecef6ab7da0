"""Gates on a whole suite are test results like any other."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from hosts import Host

GATES = """
[[gate]]
id = "mean"
kind = "mean-alignment"
models = ["composition"]
at_least = 0.99
source = "chosen for this test"
[[gate]]
id = "coverage"
kind = "coverage"
at_least = 1.0
"""


def test_a_failed_gate_is_a_failed_test(host: Host) -> None:
    """In the short summary, in JUnit and in the exit status, with its reason; 100 % at the end."""
    host.expect(GATES)
    result = host.run("--junitxml=junit.xml", "-p", "no:xdist")
    result.assert_outcomes(passed=10, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*[[]100%[]]",
            "mean cknna of composition over 2 alignments = *, expected at least 0.990 *",
            "FAILED matalign/mini::gate[[]mean-composition[]] - mean cknna*",
        ]
    )
    assert "[109%]" not in result.stdout.str()
    cases = ET.parse(host.path / "junit.xml").iter("testcase")  # noqa: S314  our own output
    gates = {case.get("name"): case for case in cases if case.get("name", "").startswith("gate")}
    assert gates["gate[mean-composition]"].find("failure") is not None
    assert gates["gate[coverage]"].find("failure") is None
    assert gates["gate[coverage]"].get("classname") == "matalign.mini"


def test_nothing_is_judged_when_nothing_ran(host: Host) -> None:
    """Collecting only, or selecting nothing, keeps pytest's own exit status."""
    host.expect(GATES)
    assert host.run("--collect-only", "-q").ret == pytest.ExitCode.OK
    assert host.run("-k", "no_such_case").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_a_part_of_a_suite_is_not_judged_as_a_whole(host: Host) -> None:
    """The mean over what `-k` selected would be another mean; the scorecard says so."""
    host.expect(GATES)
    result = host.run("-k", "composition--size", "--matalign-json", "card.json")
    result.assert_outcomes(passed=2, deselected=7)
    gates = json.loads((host.path / "card.json").read_text())["gates"]
    assert {gate["verdict"] for gate in gates} == {"skipped"}
    assert gates[0]["reason"] == "2 of the suite's 6 alignments were checked"


def test_lf_judges_a_failed_gate_again(host: Host) -> None:
    """Even where only the failed checks run: what they leave out is filled in."""
    ceiling = '[[expectation]]\nid = "e"\nmetric = "cknna"\nat_most = -1.0\nsource = "chosen"\n'
    host.expect(GATES + ceiling)
    host.run("-p", "cacheprovider").assert_outcomes(passed=7, failed=4)
    result = host.run("-p", "cacheprovider", "--lf")
    result.assert_outcomes(passed=1, failed=4, deselected=6)
    result.stdout.fnmatch_lines(["FAILED matalign/mini::gate[[]mean-composition[]]*"])


def test_an_error_budget_spares_the_checks_of_references(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reference that breaks counts against the budget, and fails the run only beyond it."""
    from pytest_matalign.zoo.adapters import size

    def broken(_: object) -> object:
        raise RuntimeError("broke")

    monkeypatch.setattr(size, "load", broken)
    chosen = """[[expectation]]
id = "no-nonsense"
metric = "cknna"
at_most = 1.5
source = "chosen"
"""
    budget = chosen + '[[gate]]\nid = "errors"\nkind = "error-budget"\nat_most = {}\n'
    host.expect(budget.format(1))
    result = host.run("--matalign-candidate", "composition")
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["xfailed"] == 1
    host.expect(budget.format(0))
    result = host.run("--matalign-candidate", "composition")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["FAILED matalign/mini::gate[[]errors[]] - 1 of * ended in an*"])
