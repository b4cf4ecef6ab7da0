"""The docs build strictly, ask no other host for anything, and describe all there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_matalign as pm
from pytest_matalign import split_cards
from pytest_matalign.zoo.catalogue import cards

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; `--strict` makes a broken link or a missing name an error."""
    for package in ("mkdocs", "material", "mkdocstrings"):
        pytest.importorskip(package, reason="the group `docs` is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_model_and_split_has_a_place(site: Path) -> None:
    """Made from the cards, so that none is forgotten."""
    models = (site / "reference/zoo/index.html").read_text("utf-8")
    splits = (site / "reference/splits/index.html").read_text("utf-8")
    assert all(f">{one}<" in models for one in cards())
    assert all(f">{one}<" in splits for one in split_cards())


def test_every_option_and_command_is_listed(site: Path) -> None:
    """Read off the parsers themselves."""
    options = (site / "reference/options/index.html").read_text("utf-8")
    commands = (site / "reference/cli/index.html").read_text("utf-8")
    assert "--matalign-html" in options
    assert "tolerance" in options
    assert "matalign scorecard report" in commands
    assert "--baseline-store" in commands


def test_public_names_have_their_docstrings(site: Path) -> None:
    """The reference of Python is generated from the source."""
    page = (site / "reference/api/index.html").read_text("utf-8")
    for name in pm.__all__:
        _, heading, rest = page.partition(f'id="pytest_matalign.{name}"')
        assert heading, name
        text = re.sub(r"<[^>]+>", "", rest[: rest.find('id="pytest_matalign.')])
        (sentence, *_) = (getattr(pm, name).__doc__ or "").split("\n")
        assert re.sub("[^a-z]", "", sentence.lower()) in re.sub("[^a-z]", "", text.lower()), name


def test_the_architecture_page_shows_every_room(site: Path) -> None:
    """Table and picture are drawn from the contract and the source."""
    page = (site / "explanation/architecture/index.html").read_text("utf-8")
    picture = (site / "images/rooms.svg").read_text("utf-8")
    package = Path(pm.__file__).parent
    for room in {path.parent.name for path in package.glob("*/__init__.py")}:
        assert f"<code>{room}</code>" in page
        assert f">{room}</text>" in picture
    assert "run imports verdicts" in picture


def test_the_site_asks_no_other_host(site: Path) -> None:
    """No font, script or style from elsewhere."""
    for page in site.rglob("*.html"):
        found = re.findall(
            r"""<(?:script|link|img)[^>]+(?:src|href)=["']?(https?://[^"'> ]+)""",
            page.read_text("utf-8"),
        )
        assert [one for one in found if "canonical" not in one] == [], page
