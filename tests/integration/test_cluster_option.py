"""`--matalign-cluster`: the rows of a run are made beforehand, and nothing else changes."""

from __future__ import annotations

import pytest

from hosts import Host, card, usage_error


def run(host: Host, store: str, *more: str) -> pytest.RunResult:
    return host.pytester.runpytest_subprocess("--matalign", "--matalign-store", store, *more)


def rows(host: Host, store: str) -> dict[str, bytes]:
    found = (host.path / store).rglob("*.safetensors")
    return {path.name: path.read_bytes() for path in found}


@pytest.mark.slow
def test_rows_are_made_ahead_and_nothing_else_changes(host: Host) -> None:
    """By processes that put them into the store, where the checks find them."""
    ahead = ("--matalign-cluster", "local:2")
    run(host, "ahead", *ahead, "-k", "no_check_is_called_so")
    assert len(rows(host, "ahead")) == 3
    cards = []
    for store, options in (("alone", ()), ("ahead", ahead)):
        assert run(host, store, "--matalign-json", f"{store}.json", *options).ret == 0
        cards.append(card(host.path / f"{store}.json"))
    assert cards[0] == cards[1]
    assert rows(host, "alone") == rows(host, "ahead")


@pytest.mark.slow
def test_collecting_makes_no_rows(host: Host) -> None:
    """It shows what there would be to do."""
    run(host, "none", "--matalign-cluster", "local:2", "--collect-only")
    assert rows(host, "none") == {}


def test_what_is_no_cluster_is_a_usage_error(host: Host) -> None:
    """Before anything is collected."""
    result = host.pytester.runpytest("--matalign", "--matalign-cluster", "slurm")
    assert "local:N, scheduler-file:PATH or tcp://HOST:PORT" in usage_error(result)
