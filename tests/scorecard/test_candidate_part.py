"""What a scorecard says of its candidate comes first, and in every form."""

from __future__ import annotations

import msgspec
import pytest

from pytest_matalign.report.page import render as html
from pytest_matalign.scorecard.candidate import candidate_splits, headline, marks, strip
from pytest_matalign.scorecard.markdown import render
from pytest_matalign.scorecard.model import Run, Scorecard, SuiteEntry
from pytest_matalign.scorecard.terminal import lines
from pytest_matalign.verdicts.gate.finding import Finding, judgement
from pytest_matalign.verdicts.gate.standing import Standing
from pytest_matalign.verdicts.records import EmbeddingRecord

STANDING = Standing(
    metric="cknna",
    value=0.3,
    low=0.28,
    high=0.32,
    families={"diep": 0.25, "sevennet": 0.35},
    references={"diep-fold1": 0.4, "sevennet-0": 0.36},
    untrained={"chgnet-untrained": 0.0, "sevennet-0-untrained": 0.1},
    baseline=0.38,
)


def record(split: str, verdict: str, **changed: object) -> EmbeddingRecord:
    finding = Finding(check="structure", verdict=verdict, why=f"{split} says {verdict}.", **changed)
    fails = verdict in {"failed", "regressed"}
    return EmbeddingRecord(
        suite="s",
        split=split,
        model="team",
        requested=10,
        n=9,
        refused={"has no neighbours": 1},
        verdict=verdict,
        reason=f"team {finding.why}" if fails else "",
        release=judgement((finding,), standings=(STANDING,)),
    )


def card(*records: EmbeddingRecord) -> Scorecard:
    return Scorecard(
        package_version="0",
        candidate="team",
        suites=(SuiteEntry(name="s", title="t", version=1),),
        splits=(),
        models=(),
        embeddings=records,
        alignments=(),
        run=Run(started="2026-01-01T00:00", seconds=1.0, command="", python="", packages={}),
    )


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (("passed", "passed"), ("passed", "on 2 of 2 splits; on a: a says passed.")),
        (("passed", "moved"), ("moved", "on 1 of 2 splits; on b: b says moved.")),
        (("undecided", "moved"), ("undecided", "on 1 of 2 splits; on a: a says undecided.")),
        (("undecided", "regressed"), ("failed", "s/b, team: team b says regressed.")),
    ],
)
def test_the_headline_is_the_most_serious(verdicts: tuple[str, ...], told: tuple) -> None:
    assert headline(card(*map(record, "ab", verdicts))) == told


def test_without_a_candidate_there_is_no_headline() -> None:
    assert headline(msgspec.structs.replace(card(), candidate=None)) is None


def test_the_strip_runs_from_the_lowest_to_the_highest() -> None:
    """Five columns a tenth: untrained, the candidate at .3, references, the baseline."""
    assert strip(STANDING, "team", width=21) == " 0.00 u····u·········●··rBr 0.40"


def test_marks_are_placed_by_value() -> None:
    placed = {mark.model: mark.place for mark in marks(STANDING, "team")}
    assert placed["team"] == pytest.approx(0.75)
    assert placed["chgnet-untrained"] == 0
    assert placed["diep-fold1"] == 1


def test_coverage_and_what_moved_are_told() -> None:
    (one,) = candidate_splits(
        card(record("a", "regressed", groups=("element O",), samples=("x", "y")))
    )
    assert one.covered == "9 of 10 samples (1 × has no neighbours)"
    assert one.named == "groups: element O; samples: x, y"


def test_every_form_begins_with_it() -> None:
    scorecard = card(record("a", "regressed", samples=("x",)), record("b", "passed"))
    text = [line.text for line in lines(scorecard) if line.text]
    assert text[0].startswith("team: FAILED. s/a, team: team a says regressed.")
    assert all(len(line) <= 80 for line in text)
    markdown = render(scorecard)
    assert markdown.splitlines()[2].startswith("**`team`: failed.**")
    page = html(scorecard)
    assert page.index("team: failed.") < page.index('id="tiles"')
    for form in ("\n".join(text), markdown, page):
        assert "sevennet" in form
        assert "9 of 10 samples" in form
    assert page.count('class="strip"') == 2
