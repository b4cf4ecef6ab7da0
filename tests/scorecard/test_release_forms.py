"""Comparison, badge and annotations: small forms of the one scorecard."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import msgspec
import pytest
from alignments import alignment

from pytest_matalign.scorecard.against_baseline import changes
from pytest_matalign.scorecard.annotations import workflow_commands
from pytest_matalign.scorecard.badge import badge
from pytest_matalign.scorecard.compare import compare, markdown
from pytest_matalign.scorecard.markdown import render
from pytest_matalign.scorecard.model import Run, Scorecard, SuiteEntry
from pytest_matalign.scorecard.terminal import lines
from pytest_matalign.verdicts.records import (
    AlignmentRecord,
    BaselineOutcome,
    Drift,
    EmbeddingRecord,
    GateRecord,
    Moved,
    StaleRow,
)


def record(b: str, value: float | None, **changed: Any) -> AlignmentRecord:
    known = AlignmentRecord(
        suite="s",
        split="qm9",
        a="team",
        b=b,
        pair_class="same-modality",
        metric="cknna",
        higher_is_closer=True,
        alignment=None if value is None else alignment(value, half_width=0.01, n=100),
        verdict="no-baseline",
    )
    return msgspec.structs.replace(known, **changed)


def card(*records: AlignmentRecord, candidate: str = "team", **changed: Any) -> Scorecard:
    known = Scorecard(
        package_version="0",
        candidate=candidate,
        suites=(SuiteEntry(name="s", title="t", version=1),),
        splits=(),
        models=(),
        embeddings=(),
        alignments=records,
        run=Run(started="now", seconds=1.0, command="", python="", packages={}),
    )
    return msgspec.structs.replace(known, **changed)


def test_a_comparison_puts_what_got_worse_first() -> None:
    """Lost alignment beyond doubt; the rest is folded."""
    before = card(record("x", 0.5), record("y", 0.5), record("gone", 0.1))
    after = card(record("x", 0.51), record("y", 0.3), record("new", 0.1))
    found = compare(before, after, tolerance=0.02)
    assert [change.record.b for change in found.worse] == ["y"]
    text = markdown(found)
    assert text.startswith("### Alignment of `team` against `team`: ❌ 1 checks are worse")
    assert "| s | qm9 | cknna" in " ".join(text.split()).replace("  ", " ")
    assert text.index("team – y") < text.index("<details>") < text.index("team – x")
    assert "1 checks are only in the scorecard before" in text


def test_a_renamed_candidate_is_the_same_candidate() -> None:
    """Releases may have names of their own."""
    renamed = record("x", 0.5, a="team-2")
    found = compare(card(record("x", 0.5)), card(renamed, candidate="team-2"), tolerance=0.02)
    assert len(found.changes) == 1
    assert not found.worse
    assert "✅ nothing is worse" in markdown(found)


def test_a_check_that_newly_fails_is_worse_whatever_its_value() -> None:
    """An expectation may have become stricter."""
    after = card(record("x", 0.5, verdict="failed", reason="too low"))
    found = compare(card(record("x", 0.5)), after, tolerance=0.02)
    assert [change.newly_failing for change in found.worse] == [True]


def test_values_at_another_n_are_not_compared() -> None:
    """CKNNA falls with n; a change of n is no regression."""
    found = compare(
        card(record("x", 0.5)),
        card(record("x", 0.1, alignment=alignment(0.1, n=50))),
        tolerance=0.02,
    )
    assert [change.outcome.verdict for change in found.changes] == ["not-comparable"]
    assert not found.worse


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ((record("x", 0.5, verdict="failed"),), "1 failing"),
        ((record("x", 0.5, verdict="passed"),), "1 hold"),
        ((record("x", 0.5, verdict="passed"), record("y", 0.5, verdict="undecided")),
         "1 hold, 1 undecided"),
        ((record("x", 0.5),), "1 measured"),
        ((record("x", None, verdict="skipped"),), "nothing measured"),
    ],
)  # fmt: skip
def test_the_badge_says_the_outcome(records: tuple[AlignmentRecord, ...], text: str) -> None:
    """Well-formed SVG, with the outcome as its accessible name."""
    root = ET.fromstring(badge(card(*records)))  # noqa: S314  our own output
    assert root.attrib["aria-label"] == f"alignment: {text}"


def test_at_most_ten_annotations() -> None:
    """GitHub shows ten of a kind for a step; the tenth counts the rest."""
    failed = [record(f"m{i}", 0.5, verdict="failed", reason="50% too\nlow") for i in range(30)]
    found = list(workflow_commands(card(*failed)))
    assert len(found) == 10
    assert found[0] == "::error title=s/qm9%2C team and m0::50%25 too%0Alow"
    assert found[-1].endswith("and 21 more failures; see the step summary")
    assert len(list(workflow_commands(card(*failed[:10])))) == 10


def released() -> Scorecard:
    """A candidate that regressed on one reference, with gates, drift and a stale row."""
    outcome = BaselineOutcome(
        verdict="regressed",
        paired=True,
        value=0.5,
        difference=-0.2,
        low=-0.25,
        high=-0.15,
        tolerance=0.02,
        p_value=0.0,
        n=100,
    )
    drift = Drift(n=100, k=10, overlap=0.6, moved=(Moved(id="sample|1", overlap=0.1),))
    return card(
        record("x", 0.3, verdict="regressed", reason="lost", baseline=outcome),
        record("y", 0.3, baseline=msgspec.structs.replace(outcome, difference=0.1)),
        embeddings=(
            EmbeddingRecord(
                suite="s", split="qm9", model="team", requested=100, drift=drift, verdict="passed"
            ),
        ),
        gates=(
            GateRecord(
                suite="s", id="mean", kind="mean-alignment", bound="at_least", limit=0.4,
                source="chosen", verdict="failed", reason="too low | on the whole",
            ),
        ),
        stale=(StaleRow(suite="s", split="qm9", reference="old", metric="cknna"),),
    )  # fmt: skip


def test_changes_name_the_split_and_the_reference_that_lost_most() -> None:
    """What a person asks first."""
    (change,) = changes(released())
    assert (change.split, change.worst) == ("qm9", "x")
    assert change.loss == pytest.approx(0.2)
    assert change.mean == pytest.approx(-0.05)


def test_the_terminal_tells_all_of_it_within_its_width() -> None:
    """Changes, samples that moved, stale rows, gates, failures."""
    found = [line.text for line in lines(released(), width=80)]
    assert max(map(len, found)) <= 80
    text = "\n".join(found)
    for words in ("most lost with x", "sample|1 (10%)", "1 rows of the baseline are stale", "mean"):
        assert words in text


def test_markdown_escapes_what_would_break_a_table() -> None:
    """A pipe in a reason or in a sample id is data."""
    text = render(released())
    assert "too low \\| on the whole" in text
    assert "sample\\|1" in text
    assert text.count("<details>") == text.count("</details>")
