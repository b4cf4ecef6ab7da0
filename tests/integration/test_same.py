"""`same` in `[tool.matalign]`: each pair is a check of the run, on the scorecard and in JUnit."""

from __future__ import annotations

import json

import pytest

from hosts import Host

PAIR = '{{ a = "composition", b = "{}", split = "qm9", samples = 20 }}'


@pytest.mark.parametrize("arguments", [(), ("-n", "1")])
def test_a_pair_that_differs_fails_the_run(host: Host, arguments: tuple[str, ...]) -> None:
    """And is told with the samples; one that is the same passes, with and without workers."""
    pairs = ", ".join(PAIR.format(name) for name in ("composition", "size"))
    host.configure(f"same = [{pairs}]")
    result = host.run("--matalign-json", "card.json", *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["composition and size: differs: 20 of 20 samples moved in rows*"])
    result.stdout.fnmatch_lines(["FAILED matalign/run::gate[[]same[[]composition~size[]][]]*"])
    card = json.loads((host.path / "card.json").read_text())
    found = {gate["id"]: gate["verdict"] for gate in card["gates"] if gate["kind"] == "same"}
    assert found == {"same[composition~composition]": "passed", "same[composition~size]": "failed"}


def test_a_pair_that_is_not_at_hand_is_skipped_and_fails_a_strict_run(host: Host) -> None:
    host.configure(f"same = [{PAIR.format('mace-mp-0-small')}]")
    assert host.run().ret == pytest.ExitCode.OK
    assert host.run("--matalign-strict").ret == pytest.ExitCode.TESTS_FAILED
