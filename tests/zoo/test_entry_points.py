"""Model packages join the zoo by an entry point; one that is wrong troubles no one else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo import catalogue

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "third-party-model"
CARD = dedent(
    """
    family = "spring"
    [[model]]
    id = "spring-1"
    name = "Spring"
    modality = "3d"
    inputs = ["atoms"]
    adapter = "spring.adapter"
    layer = "last"
    pooling = "mean"
    """
)


class Site:
    """A folder of installed distributions, made by hand as pip leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, *, value: str, files: dict[str, str] | None = None) -> None:
        """A distribution with one entry point and some files of its package."""
        info = self.folder / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{catalogue.GROUP}]\nmodels = {value}\n")
        for path, text in (files or {}).items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site on the path, and a zoo not yet read."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delenv(catalogue.VARIABLE, raising=False)
    (tmp_path / "site").mkdir()
    return Site(tmp_path / "site")


def test_an_installed_package_adds_its_cards(site: Site) -> None:
    """After the bundled ones, with the distribution it came from."""
    site.install("spring-model", value="spring.cards", files={"spring/cards/a.toml": CARD})
    found = catalogue.read_catalogue()
    assert found.problems == ()
    assert list(found.cards)[-1] == "spring-1"
    assert found.origins["spring-1"] == "spring-model"
    assert found.origins["composition"] == "pytest-matalign"


def test_reading_cards_imports_nothing_of_the_package(site: Site) -> None:
    """A package that fails to import, or imports for seconds, is listed all the same."""
    files = {"spring/__init__.py": "raise RuntimeError", "spring/cards/a.toml": CARD}
    site.install("spring-model", value="spring.cards", files=files)
    assert "spring-1" in catalogue.read_catalogue().cards
    assert "spring" not in sys.modules


@pytest.mark.parametrize(
    ("value", "files", "sentence"),
    [
        ("spring.cards", {}, r"spring-model: the entry point 'models' .* no card file \*\.toml"),
        ("spring:cards", {}, r"spring-model: the entry point .* is 'spring:cards'; .*dotted path"),
        (
            "spring.cards",
            {"spring/cards/a.toml": "family = "},
            r"^spring-model, spring\.cards/a\.toml is not valid TOML",
        ),
        (
            "spring.cards",
            {"spring/cards/a.toml": CARD + "colour = 1"},
            r"^spring-model, spring\.cards/a\.toml: model 'spring-1': .*`colour`; valid: id",
        ),
    ],
)
def test_a_bad_package_is_named_and_the_others_are_kept(
    site: Site, value: str, files: dict[str, str], sentence: str
) -> None:
    """One sentence says which distribution and what; the bundled zoo is whole."""
    before = set(catalogue.cards())
    site.install("spring-model", value=value, files=files)
    site.install("good-model", value="good.cards", files={"good/cards/a.toml": CARD.replace(
        "spring", "good")})  # fmt: skip
    found = catalogue.read_catalogue()
    assert set(found.cards) == before | {"good-1"}
    (problem,) = found.problems
    with pytest.raises(ConfigurationError, match=sentence):
        raise ConfigurationError(problem)


def test_a_bad_file_does_not_hide_its_neighbour(site: Site) -> None:
    """Files stand alone."""
    files = {"spring/cards/a.toml": "family", "spring/cards/b.toml": CARD}
    site.install("spring-model", value="spring.cards", files=files)
    found = catalogue.read_catalogue()
    assert "spring-1" in found.cards
    assert len(found.problems) == 1


def test_a_bundled_id_cannot_be_taken_over(site: Site) -> None:
    """An embedding of `chgnet-0.3.0` is of the bundled card, whatever is installed."""
    other = CARD.replace("spring-1", "chgnet-0.3.0")
    site.install("spring-model", value="spring.cards", files={"spring/cards/a.toml": other})
    found = catalogue.read_catalogue()
    assert found.cards["chgnet-0.3.0"].family == "chgnet"
    (problem,) = found.problems
    assert problem == (
        "The id 'chgnet-0.3.0' is claimed by spring-model and by pytest-matalign; ids are unique, "
        "and the bundled card keeps it."
    )


def test_an_id_two_packages_claim_names_neither(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which model ran must not depend on the order of installation; the error names both."""
    for name in ("one", "two", "three"):
        site.install(f"{name}-model", value=f"{name}.cards", files={f"{name}/cards/a.toml": CARD})
    found = catalogue.read_catalogue()
    assert "spring-1" not in found.cards
    monkeypatch.setattr(catalogue, "catalogue", lambda: found)
    with pytest.raises(ConfigurationError, match=r"'spring-1'.*three-model and by one-model"):
        catalogue.card("spring-1")


def test_cards_of_the_users_own_need_no_package(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files and folders, for a checkpoint on this machine."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.toml").write_text(CARD)
    (tmp_path / "b.toml").write_text(CARD.replace("spring", "coil"))
    named = os.pathsep.join([str(tmp_path / "mine"), str(tmp_path / "b.toml")])
    monkeypatch.setenv(catalogue.VARIABLE, named)
    assert {"spring-1", "coil-1"} <= set(catalogue.read_catalogue().cards)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"MATALIGN_CARDS names .*mine\.toml, which does not exist"),
        ("family = 3", r"mine\.toml: a card file begins with family"),
        (CARD.replace("spring-1", "size"), r"'size' is claimed by .*mine\.toml and by pytest-mat"),
    ],
)
def test_a_bad_card_of_the_users_own_is_an_error(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    """The user named the file, and wants to know."""
    if text is not None:
        (tmp_path / "mine.toml").write_text(text)
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "mine.toml"))
    with pytest.raises(ConfigurationError, match=message):
        catalogue.read_catalogue()


def test_without_matalign_no_entry_point_is_read(site: Site) -> None:
    """A pytest run that did not ask for alignment pays nothing."""
    site.install("spring-model", value="spring.cards", files={"spring/cards/a.toml": "bad"})
    (site.folder / "test_nothing.py").write_text(
        "import sys\n"
        "def test_it():\n"
        "    assert 'pytest_matalign.zoo.catalogue' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", site.folder],
        env={**os.environ, "PYTHONPATH": str(site.folder)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_package_is_in_the_zoo_and_conforms(tmp_path: Path) -> None:
    """Installed as its own pyproject.toml says, its own tests pass, in a process of its own."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site = Site(tmp_path)
    (value,) = project["entry-points"][catalogue.GROUP].values()
    site.install(project["name"], value=value)
    shutil.copytree(EXAMPLE / "tiny_gap", tmp_path / "tiny_gap")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE / "tests"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
