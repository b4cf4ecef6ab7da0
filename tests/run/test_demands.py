"""What is demanded of every run: sentences that say what to do, once."""

from __future__ import annotations

from pytest_matalign.run.demands import first_release
from pytest_matalign.verdicts.gate.finding import judgement
from pytest_matalign.verdicts.gate.floor import ONE_LINE, above_other_untrained
from pytest_matalign.verdicts.records import EmbeddingRecord


def test_a_first_release_beside_no_untrained_network_is_told_once_what_to_do() -> None:
    """The floor says what is lacking, the demand how to go on."""
    floor = above_other_untrained(candidate=None, untrained={}, standings=())  # type: ignore[arg-type]  # nothing to hold it against
    own = EmbeddingRecord(
        suite="s",
        split="qm9",
        model="mine",
        requested=100,
        verdict="undecided",
        release=judgement((floor,)),
    )
    (failed,) = first_release("mine", [own])
    assert failed.reason.count(ONE_LINE) == 1
    assert "on qm9 it is not judged: no untrained network of its modality is at hand." in (
        failed.reason
    )
