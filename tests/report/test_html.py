"""The report as text: complete, safe and honest about what it lacks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_matalign.cli.main import main
from pytest_matalign.report.companion import build_companion
from pytest_matalign.report.data import NO_COMPANION
from pytest_matalign.report.page import citation, render
from pytest_matalign.scorecard.model import Scorecard, write_scorecard
from pytest_matalign.verdicts.records import measured

pytestmark = pytest.mark.slow


def embedded(html: str) -> dict[str, Any]:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert text
    data: dict[str, Any] = json.loads(text[1])
    return data


def test_the_page_holds_every_alignment(scorecard: Scorecard) -> None:
    """Values come back from the page as they are in the scorecard, to five digits."""
    cases = embedded(render(scorecard))["cases"]
    values = [alignment.value for _, alignment in measured(scorecard.alignments)]
    assert cases["value"] == pytest.approx(values, rel=1e-4)
    assert len(cases["verdict"]) == len(values)


def test_the_page_refers_to_nothing_outside_itself(scorecard: Scorecard) -> None:
    """No address that a browser would fetch; a policy in the page forbids it as well."""
    html = render(scorecard)
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["'](?!#|data:)""", html)
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_hostile_text_stays_text(scorecard: Scorecard) -> None:
    """A model named to break out of the page is shown by that name and nothing more."""
    name = "</script><script>alert(1)</script><!--"
    models = tuple(
        msgspec.structs.replace(m, id=name) if m.id == "morgan" else m for m in scorecard.models
    )
    renamed = tuple(
        msgspec.structs.replace(r, a=name) if r.a == "morgan" else
        msgspec.structs.replace(r, b=name) if r.b == "morgan" else r
        for r in scorecard.alignments
    )  # fmt: skip
    html = render(msgspec.structs.replace(scorecard, models=models, alignments=renamed))
    assert "<script>alert" not in html
    assert name in [model["id"] for model in embedded(html)["models"]]


def test_failures_stand_on_top(scorecard: Scorecard) -> None:
    """The banner counts them and the reason can be read without JavaScript."""
    html = render(scorecard)
    assert "<strong>1 failure</strong>" in html
    assert "all-the-same: chosen to fail" in html


def test_without_expectations_the_page_claims_no_success(scorecard: Scorecard) -> None:
    """Measured is not passed."""
    bare = tuple(
        msgspec.structs.replace(r, expectations=(), verdict="no-baseline", reason="")
        for r in scorecard.alignments
    )
    html = render(msgspec.structs.replace(scorecard, alignments=bare))
    assert "nothing is expected of these alignments" in html
    assert 'class="banner plain"' in html


def test_without_a_store_the_page_says_what_is_left_out(scorecard: Scorecard) -> None:
    """A reader is told that maps exist and how to get them."""
    assert embedded(render(scorecard))["leftOut"] == [NO_COMPANION]
    assert NO_COMPANION.split(":")[0] in render(scorecard)


def test_the_companion_has_maps_samples_and_dimensions(made: Any) -> None:
    """Each model has a map of each split and, where samples are enough, a dimension."""
    data = build_companion(made.scorecard, door=made.door).data
    assert len(data["maps"]) == 10
    assert data["samples"]["qm9"]["captions"][0]
    assert len(data["samples"]["qm9"]["pictures"]) == 60
    assert {row["split"] for row in data["dimension"]} == {"qm9", "ccd-ligands"}
    assert [tree["split"] for tree in data["trees"]] == ["qm9", "ccd-ligands"]
    assert data["performance"]


def test_a_changed_split_is_left_out_and_named(made: Any) -> None:
    """Samples of another fingerprint are not those that were compared."""
    splits = tuple(
        msgspec.structs.replace(split, fingerprint="0" * 64) if split.id == "qm9" else split
        for split in made.scorecard.splits
    )
    card = msgspec.structs.replace(made.scorecard, splits=splits)
    made_of = build_companion(card, door=made.door, analyses=False)
    assert list(made_of.data["samples"]) == ["ccd-ligands"]
    assert any("Samples of qm9 are left out" in note for note in made_of.left_out)


def test_the_baseline_page_pairs_what_may_be_compared(scorecard: Scorecard) -> None:
    """A record with another n is counted and not drawn."""
    card = msgspec.structs.replace(scorecard, candidate="morgan")
    first, *rest = scorecard.alignments
    assert first.alignment is not None
    fewer = msgspec.structs.replace(first.alignment, n=first.alignment.n - 1)
    other = msgspec.structs.replace(first, alignment=fewer)
    earlier = msgspec.structs.replace(card, alignments=(other, *rest))
    baseline = embedded(render(card, baseline=earlier))["baseline"]
    assert len(baseline["rows"]) == len(rest)
    assert baseline["notComparable"] == 1


def test_samples_that_did_not_move_are_reported_as_the_same(made: Any) -> None:
    """A candidate that is its own baseline has not moved at all."""
    card = msgspec.structs.replace(made.scorecard, candidate="morgan")
    moved = build_companion(card, door=made.door, baseline=card, analyses=False).data["moved"]
    assert [(one["mean"], one["unchanged"]) for one in moved] == [(1.0, True), (1.0, True)]


def test_the_samples_that_moved_most_come_first(made: Any) -> None:
    """Against another model every share of kept neighbours is in order, least first."""
    new = msgspec.structs.replace(made.scorecard, candidate="morgan")
    old = msgspec.structs.replace(made.scorecard, candidate="composition")
    moved = build_companion(new, door=made.door, baseline=old, analyses=False).data["moved"][0]
    kept = [share for _, share in moved["samples"]]
    assert kept == sorted(kept)
    assert kept[0] < moved["mean"] < 1


def test_the_citation_names_the_version(scorecard: Scorecard) -> None:
    """BibTeX of the tool and of the paper, with braces in balance."""
    text = citation(scorecard)
    assert f"version = {{{scorecard.package_version}}}" in text
    assert text.count("{") == text.count("}")


def test_the_command_writes_the_page(
    made: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`matalign scorecard report card.json -o page.html` is all it takes."""
    write_scorecard(made.scorecard, tmp_path / "card.json")
    page = tmp_path / "out" / "page.html"
    where = ["-o", str(page), "--store", str(made.store)]
    status = main(["scorecard", "report", str(tmp_path / "card.json"), *where, "--quick"])
    assert status == 0
    assert capsys.readouterr().out == f"written: {page}\n"
    assert len(embedded(page.read_text("utf-8"))["companion"]["maps"]) == 10
