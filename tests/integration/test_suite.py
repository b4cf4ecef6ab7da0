"""`--matalign-suite`: which suites, and what is wrong with one."""

from __future__ import annotations

from hosts import MINI, Host, usage_error


def test_unknown_suite(host: Host) -> None:
    """The valid names are listed."""
    error = usage_error(host.run("--matalign-suite", "moleculs"))
    assert "There is no suite 'moleculs': name one of" in error
    assert "materials, molecules, proteins" in error


def test_unknown_model_in_a_suite(host: Host) -> None:
    """The closest ids are named."""
    host.suite(MINI.replace('"random"', '"randon"'))
    assert "There is no model 'randon' in the zoo; the closest are random" in usage_error(
        host.run()
    )


def test_unknown_key_in_a_suite(host: Host) -> None:
    """The file, the place and the valid keys."""
    host.suite(MINI.replace("samples = 60", "sample = 60"))
    assert "split[0]: Object contains unknown field `sample`; valid keys there are" in usage_error(
        host.run()
    )


def test_unknown_split(host: Host) -> None:
    """The closest split is named."""
    host.suite(MINI.replace('id = "qm9"', 'id = "qm8"'))
    assert "qm9" in usage_error(host.run())


def test_suites_may_bring_their_own_tests(host: Host) -> None:
    """A module beside the suite file is used in place of the generic one."""
    (host.path / "mini" / "test_mine.py").write_text(
        "def test_close(matalign_alignment):\n    assert matalign_alignment.alignment.value > -1\n"
    )
    host.run().assert_outcomes(passed=6)
