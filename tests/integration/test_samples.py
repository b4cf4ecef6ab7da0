"""`--matalign-samples`: how many samples of every split."""

from __future__ import annotations

from hosts import Host, card


def test_samples_cut_every_split(host: Host) -> None:
    """`--matalign-samples` overrides the suite."""
    host.run("--matalign-samples", "40", "--matalign-json", "card.json").assert_outcomes(passed=9)
    assert {r["requested"] for r in card(host.path / "card.json")["embeddings"]} == {40}


def test_wrong_number_of_samples(host: Host) -> None:
    """Zero and words are refused at the command line."""
    result = host.run("--matalign-samples", "0")
    result.stderr.fnmatch_lines(["*--matalign-samples: '0' is not a positive whole number*"])
