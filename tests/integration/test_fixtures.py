"""The fixtures of a suite are ours, whatever the host calls its own."""

from __future__ import annotations

import pytest

from hosts import Host

ROOT_CONFTEST = """
import pytest

@pytest.fixture
def embedding():
    return "the host's own"

@pytest.fixture
def alignment():
    return "the host's own"

@pytest.fixture
def embedding_case():
    return "the host's own"
"""


def test_fixtures_named_embedding_and_alignment_in_the_host_s_conftest_do_not_matter(
    host: Host,
) -> None:
    """The generic checks still measure, judge and record every case."""
    host.pytester.makeconftest(ROOT_CONFTEST)
    host.pytester.makepyfile(
        test_own="def test_own(embedding, alignment): assert embedding == alignment"
    )
    host.expect(
        '[[expectation]]\nid = "e"\nmetric = "cknna"\nat_most = -1.0\nsource = "for this test"\n'
    )
    result = host.run("test_own.py")
    result.assert_outcomes(passed=7, failed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*matalign scorecard*", "mini: *6 alignments*"])


REPLACED = """
import pytest

class Passes:
    def must_cover(self, fraction): pass
    def must_meet_expectations(self): pass

@pytest.fixture
def matalign_{0}({1}):
    return Passes()
"""


@pytest.mark.parametrize("fixture", ["embedding", "alignment"])
def test_a_fixture_in_the_place_of_ours_is_an_error(host: Host, fixture: str) -> None:
    """Its tests would pass with whatever it gives them."""
    host.pytester.makeconftest(REPLACED.format(fixture, ""))
    result = host.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*another fixture takes the place of matalign_{fixture}, *"])


@pytest.mark.parametrize(("fixture", "failed"), [("embedding", 3), ("alignment", 6)])
def test_a_check_that_leaves_no_record_fails(host: Host, fixture: str, failed: int) -> None:
    """As by a fixture that takes our case and measures nothing."""
    host.pytester.makeconftest(REPLACED.format(fixture, f"matalign_{fixture}_case"))
    result = host.run()
    result.assert_outcomes(passed=9 - failed, failed=failed)
    result.stdout.fnmatch_lines(["this check left no record: *"])


def test_a_suite_s_own_module_gets_our_fixtures(host: Host) -> None:
    """A record of an alignment and of an embedding, with their questions."""
    host.pytester.makeconftest(ROOT_CONFTEST)
    (host.path / "mini" / "test_mine.py").write_text(
        "def test_covered(matalign_embedding):\n    matalign_embedding.must_cover(1.0)\n"
        "def test_close(matalign_alignment):\n    assert matalign_alignment.alignment.value > -1\n"
    )
    host.run().assert_outcomes(passed=9)


def test_the_fixtures_are_listed_with_their_purpose(host: Host) -> None:
    """`pytest --fixtures` names both."""
    result = host.pytester.runpytest_inprocess("--fixtures")
    result.stdout.fnmatch_lines(["matalign_embedding*", "matalign_alignment*"])
