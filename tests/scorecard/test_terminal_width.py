"""The terminal's tables fit, whole, and stand out only where there is a terminal."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from pytest_matalign.scorecard.model import Scorecard
from pytest_matalign.scorecard.terminal import lines

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("width", "length"), list(product((60, 80, 120), (6, 30))))
def test_no_line_is_wider_than_the_terminal(scorecard: Scorecard, width: int, length: int) -> None:
    """Whatever the models are called, and without cutting a verdict in two."""
    names = {model.id: (model.id + "-with-a-long-name" * 3)[:length] for model in scorecard.models}
    card = msgspec.structs.replace(
        scorecard,
        models=tuple(msgspec.structs.replace(m, id=names[m.id]) for m in scorecard.models),
        embeddings=tuple(
            msgspec.structs.replace(r, model=names[r.model]) for r in scorecard.embeddings
        ),
        alignments=tuple(
            msgspec.structs.replace(r, a=names[r.a], b=names[r.b], verdict="undecided")
            for r in scorecard.alignments
        ),
    )
    text = [line.text for line in lines(card, width=width)]
    assert max(map(len, text)) <= width
    rows = [line for line in text if "undec" in line and " models, " not in line]
    assert rows
    assert all(line.endswith("undec") for line in rows)


@pytest.mark.parametrize(
    ("verdict", "look"),
    [
        ("failed", "red"),
        ("regressed", "red"),
        ("error", "red"),
        ("passed", "green"),
        ("improved", "green"),
        ("undecided", None),
        ("no-baseline", None),
    ],
)
def test_the_last_line_is_set_off_by_the_verdicts_it_counts(
    scorecard: Scorecard, verdict: str, look: str | None
) -> None:
    """Red with one failing, green with one that holds, plain where nothing was asked for."""
    first, *rest = scorecard.alignments
    others = [msgspec.structs.replace(record, verdict="no-baseline") for record in rest]
    one = msgspec.structs.replace(first, verdict=verdict)
    *_, last = lines(msgspec.structs.replace(scorecard, alignments=(one, *others)))
    assert last.look == look


def test_titles_and_failures_are_set_off(scorecard: Scorecard) -> None:
    """In the words of pytest's writer, which leaves them out of files and pipes."""
    found = list(lines(scorecard))
    titles = [line.text for line in found if line.markup == {"bold": True}]
    assert [title.split(" (")[0] for title in titles] == [
        "descriptors / qm9",
        "descriptors / ccd-ligands",
    ]
    assert next(line.text for line in found if line.look == "red") == "failures: 1"
