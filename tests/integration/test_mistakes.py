"""Every mistake a user can make gets one sentence that says what to do."""

from __future__ import annotations

import pytest

from hosts import MINI, Host


def usage_error(result: pytest.RunResult) -> str:
    """The one line pytest prints for a wrong command line."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.stderr.lines if line.startswith("ERROR:")]
    assert len(lines) == 1, result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    return lines[0]


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


def test_unknown_candidate(host: Host) -> None:
    """The closest ids, and the other kinds of candidate, are named."""
    error = usage_error(host.run("--matalign-candidate", "chgnet-0.3"))
    assert "the closest are chgnet-0.3.0" in error
    assert "hf:org/name@" in error


def test_unknown_key_in_the_host_table(host: Host) -> None:
    """The file, the table, and the valid keys."""
    host.configure('candidat = "x"')
    error = usage_error(host.run())
    assert "[tool.matalign]: Object contains unknown field `candidat`; valid keys are" in error


def test_unknown_key_in_a_suite(host: Host) -> None:
    """The file, the place and the valid keys."""
    host.suite(MINI.replace("samples = 60", "sample = 60"))
    assert "split[0]: Object contains unknown field `sample`; valid keys there are" in usage_error(
        host.run()
    )


def test_wrong_number_of_samples(host: Host) -> None:
    """Zero and words are refused at the command line."""
    result = host.run("--matalign-samples", "0")
    result.stderr.fnmatch_lines(["*--matalign-samples: '0' is not a positive whole number*"])


def test_unknown_split(host: Host) -> None:
    """The closest split is named."""
    host.suite(MINI.replace('id = "qm9"', 'id = "qm8"'))
    assert "qm9" in usage_error(host.run())
