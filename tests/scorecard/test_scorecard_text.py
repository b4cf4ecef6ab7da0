"""The same scorecard as JSON, as terminal text and as Markdown."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from alignments import alignment

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.scorecard import markdown, terminal
from pytest_matalign.scorecard.model import (
    ModelEntry,
    Run,
    Scorecard,
    SplitEntry,
    SuiteEntry,
    read_scorecard,
    write_scorecard,
)
from pytest_matalign.scorecard.schema import PUBLISHED, schema_text
from pytest_matalign.scorecard.summary import failures, split_tables
from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord


def model(name: str, role: str = "pretrained") -> ModelEntry:
    return ModelEntry(id=name, name=name.upper(), family=name, modality="3d", role=role)


def pair(a: str, b: str, value: float | None, verdict: str = "passed") -> AlignmentRecord:
    return AlignmentRecord(
        suite="materials",
        split="mp-crystals",
        a=a,
        b=b,
        pair_class="same-modality",
        metric="cknna",
        higher_is_closer=True,
        alignment=None if value is None else alignment(value),
        verdict=verdict,  # type: ignore[arg-type]
        reason="too far apart | by much" if verdict == "failed" else "",
    )


def embedded(name: str, verdict: str = "passed", reason: str = "") -> EmbeddingRecord:
    return EmbeddingRecord(
        suite="materials",
        split="mp-crystals",
        model=name,
        requested=500,
        n=500 if verdict == "passed" else 0,
        verdict=verdict,  # type: ignore[arg-type]
        reason=reason,
    )


@pytest.fixture
def scorecard() -> Scorecard:
    """Three models and a control; one pair fails, one model is missing."""
    return Scorecard(
        package_version="0",
        candidate=None,
        suites=(SuiteEntry(name="materials", title="Crystals", version=1),),
        splits=(
            SplitEntry(
                id="mp-crystals",
                title="Crystals",
                version="1",
                role="in-distribution",
                samples=500,
                fingerprint="f" * 64,
            ),
        ),
        models=(
            model("a"),
            model("b"),
            model("a-model-with-a-very-long-name-indeed"),
            model("size", "control"),
            model("absent"),
        ),
        embeddings=(
            embedded("a"),
            embedded("b"),
            embedded("a-model-with-a-very-long-name-indeed"),
            embedded("size"),
            embedded("absent", "skipped", "thing is not installed"),
        ),
        alignments=(
            pair("a", "b", 0.8),
            pair("a", "a-model-with-a-very-long-name-indeed", 0.2, "failed"),
            pair("b", "a-model-with-a-very-long-name-indeed", 0.3),
            pair("a", "size", 0.1, "no-baseline"),
            pair("a", "absent", None, "skipped"),
        ),
        run=Run(started="now", seconds=1.0, command="pytest", python="3", packages={}),
    )


def test_json_comes_back_whole(scorecard: Scorecard, tmp_path: Path) -> None:
    """Writing and reading are inverse."""
    write_scorecard(scorecard, tmp_path / "new" / "card.json")
    assert read_scorecard(tmp_path / "new" / "card.json") == scorecard


def test_json_fits_the_published_schema(scorecard: Scorecard, tmp_path: Path) -> None:
    """And the schema beside the module is the one the structs make."""
    write_scorecard(scorecard, tmp_path / "card.json")
    published = Path(markdown.__file__).with_name(PUBLISHED).read_text()
    assert published == schema_text(), "run `matalign scorecard schema` and commit the result"
    jsonschema.validate(json.loads((tmp_path / "card.json").read_text()), json.loads(published))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a valid scorecard"),
        ('{"schema_version": 99}', "has schema version 99 and this package reads"),
        ('{"schema_version": 2}', "is not a valid scorecard: Object missing required field"),
    ],
)
def test_what_is_not_a_scorecard_is_told(tmp_path: Path, content: str, message: str) -> None:
    """Not JSON, of another version, or incomplete."""
    (tmp_path / "card.json").write_text(content)
    with pytest.raises(ConfigurationError, match=message):
        read_scorecard(tmp_path / "card.json")


def test_a_row_holds_mean_best_worst_and_control(scorecard: Scorecard) -> None:
    """Means are over other pretrained models only; rows are sorted by them."""
    (table,) = split_tables(scorecard)
    assert [row.model.id for row in table.rows] == [
        "b",
        "a",
        "a-model-with-a-very-long-name-indeed",
    ]
    row = table.rows[1]
    assert row.mean == pytest.approx(0.5)
    assert (row.best.model, row.best.value) == ("b", 0.8)  # type: ignore[union-attr]
    assert row.worst.model == "a-model-with-a-very-long-name-indeed"  # type: ignore[union-attr]
    assert row.control.model == "size"  # type: ignore[union-attr]
    assert dict(row.verdicts) == {"passed": 1, "failed": 1, "no-baseline": 1, "skipped": 1}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_terminal_lines_fit(scorecard: Scorecard, width: int) -> None:
    """No line is longer than the terminal."""
    assert max(len(line.text) for line in terminal.lines(scorecard, width=width)) <= width


def test_terminal_names_failures_and_absences(scorecard: Scorecard) -> None:
    """What failed, why; what is missing, why."""
    text = "\n".join(line.text for line in terminal.lines(scorecard))
    assert "a and a-model-with-a-very-long-name-indeed: too far apart" in text.replace(
        "\n    ", " "
    )
    assert "absent (mp-crystals): thing is not installed" in text
    assert len(failures(scorecard)) == 1


def test_quiet_is_one_line_a_suite(scorecard: Scorecard) -> None:
    """Counts of verdicts, nothing else."""
    assert [line.text for line in terminal.lines(scorecard, quiet=True)] == [
        "materials: 3 models, 5 alignments: 2 passed, 1 failed, 1 no-baseline, 1 skipped"
    ]


def test_markdown_escapes_pipes_and_stays_small(
    scorecard: Scorecard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason with a pipe stays in its cell; a huge card is cut, not refused by GitHub."""
    assert "too far apart \\| by much" in markdown.render(scorecard)
    monkeypatch.setattr(markdown, "LIMIT_BYTES", 600)
    cut = markdown.render(scorecard)
    assert len(cut.encode()) < 700
    assert cut.endswith("*Cut to the size a step summary may have.*\n")
