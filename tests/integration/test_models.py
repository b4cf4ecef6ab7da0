"""`--matalign-models`: which models of the suites."""

from __future__ import annotations

import pytest

from hosts import Host


def test_models_are_chosen_by_pattern(host: Host) -> None:
    """`--matalign-models` leaves the other models out."""
    result = host.run("--matalign-models", "comp*", "--matalign-models", "size")
    result.assert_outcomes(passed=4)


@pytest.mark.parametrize("place", ["option", "table"])
def test_a_pattern_that_matches_no_model_is_refused(host: Host, place: str) -> None:
    """Before anything runs, with the pattern."""
    if place == "table":
        host.configure('models = ["size", "nomatch-*"]')
    typed = ["--matalign-models", "nomatch-*"] if place == "option" else []
    result = host.run(*typed)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: The pattern 'nomatch-[*]' of --matalign-models, *"])
