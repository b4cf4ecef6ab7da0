"""The terminal's tables fit, whole, and stand out only where there is a terminal."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from pytest_matalign.scorecard.model import Scorecard
from pytest_matalign.scorecard.terminal import lines, style


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
    text = list(lines(card, width=width))
    assert max(map(len, text)) <= width
    rows = [line for line in text if "undec" in line and " models, " not in line]
    assert rows
    assert all(line.endswith("undec") for line in rows)


@pytest.mark.parametrize(
    ("line", "looks"),
    [
        ("materials / mp-crystals (in-distribution, 500 samples): cknna", {"bold": True}),
        ("failures: 3", {"red": True}),
        ("materials: 9 models, 12 alignments: 11 passed, 1 failed", {"red": True}),
        ("materials: 9 models, 12 alignments: 12 passed", {"green": True}),
        ("materials: 9 models, 12 alignments: 12 no-baseline", {}),
        ("1    chgnet-0.3.0    500", {}),
    ],
)
def test_lines_are_set_off_by_what_they_say(line: str, looks: dict[str, bool]) -> None:
    """In the words of pytest's writer, which leaves them out of files and pipes."""
    assert style(line) == looks
