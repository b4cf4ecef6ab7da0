"""Every mistake a user can make gets one sentence that says what to do."""

from __future__ import annotations

from hosts import Host, usage_error


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
