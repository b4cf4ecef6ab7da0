"""`--matalign-strict`: nothing is left open."""

from __future__ import annotations

import pytest

from hosts import MINI, Host

FAILED = "a strict run leaves nothing open: {}*"


@pytest.fixture
def refusing(host: Host) -> Host:
    """A reference that refuses every sample: its checks are skipped."""
    host.suite(MINI.replace('"random"', '"dipeptide"'))
    return host


def test_a_skipped_check_fails(refusing: Host) -> None:
    """Which it does not otherwise."""
    assert refusing.run().ret == pytest.ExitCode.OK
    result = refusing.run("--matalign-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED.format("5 skipped; the first on qm9: ")])


def test_the_host_s_table_may_demand_it(refusing: Host) -> None:
    """`strict = true`."""
    refusing.configure("strict = true")
    assert refusing.run().ret == pytest.ExitCode.TESTS_FAILED


def test_a_check_that_the_baseline_lacks_fails(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is a baseline; without one nothing is judged, which fails by itself."""
    monkeypatch.delenv("CI", raising=False)
    strict = ("--matalign-candidate", "composition", "--matalign-strict")
    result = host.run(*strict)
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["FAILED *gate[[]candidate-judged[]] - nothing was judged*"])
    host.run(*strict, "--matalign-models", "size", "--matalign-update", "all")
    assert host.run(*strict, "--matalign-models", "size").ret == pytest.ExitCode.OK
    result = host.run(*strict)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED.format("2 no-baseline; the first on qm9")])


def test_a_check_that_cannot_be_compared_fails(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one of another k, where the baseline keeps no embeddings to measure it again.

    Strict or not, and with the way to update it.
    """
    monkeypatch.delenv("CI", raising=False)
    candidate = ("--matalign-candidate", "composition")
    host.configure('baseline_embeddings = "none"')
    host.run(*candidate, "--matalign-update", "all")
    host.suite(MINI.replace("k = 5", "k = 4"))
    lost = host.run(*candidate)
    assert lost.ret == pytest.ExitCode.TESTS_FAILED
    lost.stdout.fnmatch_lines(["*2 rows of the baseline could not be compared, the first cknna*"])
    assert "--matalign-update=all" in lost.stdout.str()
    result = host.run(*candidate, "--matalign-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED.format("2 not-comparable; the first on qm9")])


def test_a_check_that_was_not_made_fails(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deselected, it says as little as skipped."""
    monkeypatch.delenv("CI", raising=False)
    candidate = ("--matalign-candidate", "composition")
    host.run(*candidate, "--matalign-update", "all")
    chosen = (*candidate, "-k", "not cknna")
    assert host.run(*chosen).ret == pytest.ExitCode.OK
    result = host.run(*chosen, "--matalign-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED.format("2 of 7 checks were not made")])


def test_a_gate_without_anything_to_judge_fails(host: Host) -> None:
    """Such as a mean over pairs that were all skipped."""
    host.suite(
        MINI.replace('"random"', '"dipeptide"')
        + '[[gate]]\nid = "g"\nkind = "mean-alignment"\nmodels = ["size"]\n'
        'references = ["dipeptide"]\nat_least = 0.1\n'
    )
    result = host.run("--matalign-strict")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([FAILED.format("6 skipped; the first on qm9: ")])


def test_a_run_with_nothing_open_passes(host: Host) -> None:
    """Measured and judged throughout."""
    host.run("--matalign-strict").assert_outcomes(passed=9)
