"""Figures for papers."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.report.companion import build_companion
from pytest_matalign.report.figures import WIDTH_MM, write_figures
from pytest_matalign.scorecard.model import Scorecard

pytestmark = pytest.mark.slow

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def _matplotlib() -> None:
    pytest.importorskip("matplotlib", reason="the extra `figures` is not installed")


@pytest.mark.usefixtures("_matplotlib")
def test_every_figure_has_text_as_text_and_the_width_of_a_column(made: Any, tmp_path: Path) -> None:
    """A journal can edit the words, and nothing is wider than a column."""
    companion = build_companion(made.scorecard, door=made.door)
    written = write_figures(made.scorecard, tmp_path, companion=companion)
    kinds = {path.stem.split("-")[0] for path in written}
    assert kinds == {"ladder", "matrix", "imbalance", "regimes", "dimension", "accuracy", "tree"}
    for path in written:
        root = ET.parse(path).getroot()  # noqa: S314  written by this test
        width_mm = float(root.attrib["width"].removesuffix("pt")) / 72 * 25.4
        assert width_mm <= WIDTH_MM[1] + 0.1
        assert list(root.iter(f"{SVG}text")), path


@pytest.mark.usefixtures("_matplotlib")
def test_the_same_scorecard_gives_the_same_file(scorecard: Scorecard, tmp_path: Path) -> None:
    """No date and no random id in a figure, so that a diff shows changes only."""
    first, second = (write_figures(scorecard, tmp_path / name)[0] for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.usefixtures("_matplotlib")
@pytest.mark.parametrize(("kind", "head"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_other_formats(scorecard: Scorecard, tmp_path: Path, kind: str, head: bytes) -> None:
    """PDF with TrueType text, PNG for slides."""
    path = write_figures(scorecard, tmp_path, file_format=kind)[0]
    content = path.read_bytes()
    assert content.startswith(head)
    assert kind != "pdf" or b"/Type3" not in content


def test_without_matplotlib_the_extra_is_named(
    scorecard: Scorecard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that says what to install."""
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "matplotlib":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ConfigurationError, match=r"pip install 'pytest-matalign\[figures\]'"):
        write_figures(scorecard, tmp_path)
