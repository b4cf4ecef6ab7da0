"""The file a host commits: small, reviewable, and refused if it is not what it should be."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from alignments import alignment

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.verdicts.baseline import (
    Baseline,
    BaselineRow,
    read_baseline,
    stale_rows,
    write_baseline,
)


def row(reference: str, *, suite: str = "s") -> BaselineRow:
    return BaselineRow(
        suite=suite,
        split="qm9",
        reference=reference,
        reference_identity="i",
        samples_fingerprint="f",
        alignment=alignment(0.5),
    )


BASELINE = Baseline(candidate="m", package_version="0.1.0", rows=(row("b"), row("a")))


def test_it_comes_back_sorted_with_one_row_a_line(tmp_path: Path) -> None:
    """So that the difference of two releases is readable in a review."""
    path = tmp_path / "b.json"
    write_baseline(path, BASELINE)
    found = read_baseline(path)
    assert found is not None
    assert [one.reference for one in found.rows] == ["a", "b"]
    assert sum('"reference":"' in line for line in path.read_text().splitlines()) == 2
    before = path.read_bytes()
    write_baseline(path, found)
    assert path.read_bytes() == before


def test_no_file_is_no_baseline(tmp_path: Path) -> None:
    """An outcome, not an error."""
    assert read_baseline(tmp_path / "absent.json") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a baseline"),
        ("[" * 100_000, "is not a baseline"),
        ('{"format": 2}', "is not a baseline: .*missing required field"),
        ('{"format":1,"candidate":"m","package_version":"1","rows":[]}', "baseline format 1"),
    ],
)
def test_a_faulty_file_is_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    """With the command that writes a new one."""
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as error:
        read_baseline(path)
    assert "--matalign-update=all" in str(error.value)


def test_a_row_given_twice_is_refused(tmp_path: Path) -> None:
    """As a merge of two branches may leave it."""
    path = tmp_path / "b.json"
    write_baseline(path, msgspec.structs.replace(BASELINE, rows=(row("a"), row("a"))))
    with pytest.raises(ConfigurationError, match="lists a check twice"):
        read_baseline(path)


def test_stale_is_what_the_suites_of_this_run_no_longer_ask_for() -> None:
    """Rows of suites that were not run are none of its business."""
    baseline = msgspec.structs.replace(
        BASELINE, rows=(row("a"), row("gone"), row("gone", suite="other"))
    )
    found = stale_rows(baseline, suites=["s"], asked={("s", "qm9", "a", "cknna")})
    assert [(one.suite, one.reference) for one in found] == [("s", "gone")]
