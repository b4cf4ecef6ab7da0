"""`pytest --matalign` behaves as a pytest user expects."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hosts import Host, card

pytestmark = pytest.mark.slow

CEILING = """
[[expectation]]
id = "impossible"
metric = "cknna"
at_most = -1.0
source = "chosen for this test"
"""


def test_every_case_is_a_test_with_a_readable_id(host: Host) -> None:
    """Ids name split, metric and both models, and never a path of the machine."""
    result = host.run("--collect-only", "-q")
    result.stdout.fnmatch_lines(
        [
            "matalign/mini::test_embedding[[]qm9-composition[]]",
            "matalign/mini::test_alignment[[]qm9-cknna-composition--size[]]",
            "matalign/mini::test_alignment[[]qm9-distance_correlation-size--random[]]",
            "9 tests collected*",
        ]
    )


def test_a_run_measures_and_prints_a_scorecard(host: Host) -> None:
    """Three embeddings, three pairs by two metrics, and a table."""
    result = host.run("--matalign-json", "card.json")
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(["*matalign scorecard*", "*mini / qm9*", "mini: *6 alignments*"])
    alignments = card(host.path / "card.json")["alignments"]
    measured = [record["alignment"] for record in alignments]
    assert [one["n"] for one in measured] == [60] * 6
    assert all(one["low"] <= one["value"] <= one["high"] for one in measured)
    assert {record["verdict"] for record in alignments} == {"no-baseline"}


def test_the_host_s_own_tests_run_only_when_asked_for(host: Host) -> None:
    """Without a path only the suites run; with one, both."""
    host.pytester.makepyfile(test_own="def test_own(): assert True")
    host.run().assert_outcomes(passed=9)
    host.run("test_own.py").assert_outcomes(passed=10)


def test_m_tells_alignment_checks_from_the_host_s_own_tests(host: Host) -> None:
    """Every check of a suite carries the marker `matalign`."""
    host.pytester.makepyfile(test_own="def test_own(): assert True")
    result = host.run("--strict-markers", "-m", "not matalign", "test_own.py")
    result.assert_outcomes(passed=1, deselected=9)


def test_k_selects_cases(host: Host) -> None:
    """`-k` matches models, splits and metrics."""
    host.run("-k", "cknna and size").assert_outcomes(passed=2, deselected=7)


def test_a_node_id_selects_one_case(host: Host) -> None:
    """An id copied from the output can be pasted back."""
    node = "matalign/mini::test_alignment[qm9-cknna-composition--size]"
    host.run(node).assert_outcomes(passed=1)


def test_a_failed_expectation_fails_its_test_and_the_run(host: Host) -> None:
    """One sentence with value, interval, bound and source, and exit status 1."""
    host.expect(CEILING)
    result = host.run("-k", "cknna-composition--size")
    result.assert_outcomes(failed=1, deselected=8)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["cknna = * at n = 60, expected at most -1.000 (impossible: chosen for this test)."]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_lf_runs_the_failures_again(host: Host) -> None:
    """The cache of pytest knows our ids."""
    host.expect(CEILING)
    host.run("-p", "cacheprovider").assert_outcomes(passed=6, failed=3)
    host.run("-p", "cacheprovider", "--lf").assert_outcomes(failed=3, deselected=6)


def test_x_stops_at_the_first_failure_and_still_reports(host: Host) -> None:
    """What was measured before the stop is in the scorecard."""
    host.expect(CEILING)
    result = host.run("-x", "--matalign-json", "card.json")
    result.assert_outcomes(passed=3, failed=1)
    assert len(card(host.path / "card.json")["alignments"]) == 1


def test_quiet_prints_one_line_a_suite(host: Host) -> None:
    """`-q` leaves the tables out."""
    result = host.run("-q")
    result.stdout.no_fnmatch_line("*mini / qm9*")
    result.stdout.fnmatch_lines(["mini: *6 alignments*"])


def test_parallel_and_serial_scorecards_are_the_same(host: Host) -> None:
    """Bit-identical apart from `run`, from a fresh store each."""
    host.run("--matalign-json", "serial.json", "--matalign-store", "one").assert_outcomes(passed=9)
    result = host.pytester.runpytest_subprocess(
        "--matalign", "-n", "2", "--matalign-json", "parallel.json", "--matalign-store", "two"
    )
    result.assert_outcomes(passed=9)
    assert card(host.path / "serial.json") == card(host.path / "parallel.json")


def test_junit_holds_verdict_and_value(host: Host) -> None:
    """Each case has its figures as properties."""
    host.run("-k", "cknna-composition--size", "--junit-xml", "junit.xml")
    xml = (host.path / "junit.xml").read_text()
    assert 'name="matalign_verdict" value="no-baseline"' in xml
    assert 'name="matalign_value"' in xml


@pytest.mark.parametrize("plugin", ["no:xdist", "no:terminal"])
def test_other_plugins_may_be_absent(host: Host, plugin: str) -> None:
    """Neither xdist nor a terminal is needed."""
    result = host.run("-p", plugin, "--matalign-json", "card.json")
    assert result.ret == pytest.ExitCode.OK
    assert len(card(host.path / "card.json")["alignments"]) == 6


def test_entries_laid_over_those_of_others_change_nothing(host: Host) -> None:
    """Every block and every result of the store in another's place: all are refused, told of and
    computed anew, and the second scorecard is the first.
    """
    host.run("--matalign-json", "first.json").assert_outcomes(passed=9)
    for kind in ("embeddings", "results"):
        files = sorted((Path(os.environ["MATALIGN_CACHE"]) / kind).rglob("*.*"))
        contents = [file.read_bytes() for file in files]
        assert len(files) > 1
        for file, content in zip(files, contents[1:] + contents[:1], strict=True):
            file.write_bytes(content)
    again = host.run("--matalign-json", "again.json")
    again.stdout.fnmatch_lines(["*DamagedEntryWarning: The store entry *"])
    assert card(host.path / "again.json") == card(host.path / "first.json")
    source = json.loads((host.path / "again.json").read_text())["run"]["embedding_origins"]
    assert source == {"computed": 3}
