"""The settings of a run: command line first, then the host's table, then defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_matalign.cache import cache_root
from pytest_matalign.embeddings.candidate import Wanted
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.run.settings import Settings, settings_of


@pytest.fixture(autouse=True)
def _nobody_s_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host project, in which the user stands in a folder."""
    (tmp_path / "below" / "mine").mkdir(parents=True)
    return tmp_path


def settings(root: Path, table: str = "", **given: Any) -> Settings:
    (root / "pyproject.toml").write_text(f"[tool.matalign]\n{table}")
    return settings_of(given, root=root, here=root / "below")


def test_nothing_said_is_every_default(root: Path) -> None:
    """No candidate, no cut, the user's store, references from wherever they can be had."""
    found = settings(root)
    assert found.candidate is None
    assert (found.suites, found.models, found.packs, found.gates) == ((), (), (), ())
    assert found.samples is None
    assert found.store == cache_root()
    assert found.references == "auto"
    assert found.baseline == root / "matalign-baseline.json"
    assert found.baseline_embeddings == "float32"
    assert found.tolerance == 0.02
    assert not found.allow_pickle
    assert found.update is None
    assert (found.json, found.html, found.badge, found.markdown) == (None, None, None, ())


def test_without_a_project_file_the_defaults_hold(tmp_path: Path) -> None:
    """`matalign gate` needs none."""
    assert settings_of({}, root=tmp_path, here=tmp_path).candidate is None


@pytest.mark.parametrize(
    ("field", "table", "given", "expected"),
    [
        ("samples", "samples = 10", 20, 20),
        ("samples", "samples = 10", None, 10),
        ("models", 'models = ["a*"]', ("b*",), ("b*",)),
        ("models", 'models = ["a*"]', (), ("a*",)),
        ("references", 'references = "packs"', "installed", "installed"),
        ("references", 'references = "packs"', None, "packs"),
        ("allow_pickle", "allow_pickle = true", False, True),
        ("allow_pickle", "", True, True),
    ],
)
def test_the_command_line_wins_over_the_table(
    root: Path, field: str, table: str, given: object, expected: object
) -> None:
    """What is not given leaves the table as it is."""
    assert getattr(settings(root, table, **{field: given}), field) == expected


def test_paths_of_the_table_start_at_the_project_and_typed_ones_at_the_current_folder(
    root: Path,
) -> None:
    """As everywhere."""
    assert settings(root, 'store = "kept"').store == root / "kept"
    assert settings(root, store="kept").store == root / "below" / "kept"
    assert settings(root, json="card.json").json == root / "below" / "card.json"
    assert settings(root, suite=("mine",)).suites == (str(root / "below" / "mine"),)
    assert settings(root, 'suites = ["mine"]').suites == ("mine",)
    typed = settings(root, candidate="mine.npz").candidate
    assert typed is not None
    assert typed.spec == str(root / "below" / "mine.npz")


def test_a_bundled_suite_is_named_and_not_a_folder(root: Path) -> None:
    """Also where a folder of its name lies beside."""
    (root / "below" / "molecules").mkdir()
    assert settings(root, suite=("molecules",)).suites == ("molecules",)


def test_packs_that_are_typed_are_asked_before_those_of_the_table(root: Path) -> None:
    """A pack of the hub keeps its name."""
    spec = f"hf:a/b@{'0' * 40}"
    found = settings(root, 'packs = ["last"]', pack=(spec, "first"))
    assert found.packs == (spec, str(root / "below" / "first"), str(root / "last"))


def test_the_candidate_of_the_command_line_keeps_what_the_table_says_of_it(root: Path) -> None:
    """Name, input and family are those of the host's model."""
    table = 'candidate = "m:f"\nname = "team"\ninput = "atoms"\nelements = ["H", "C"]'
    expected = Wanted(
        spec="chgnet-0.3.0",
        name="team",
        input="atoms",
        modality=None,
        family="candidate",
        elements=("H", "C"),
    )
    assert settings(root, table, candidate="chgnet-0.3.0").candidate == expected


def test_markdown_goes_to_the_step_summary_as_well(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CI that has one need not name it."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/somewhere/summary.md")
    expected = (root / "below" / "card.md", Path("/somewhere/summary.md"))
    assert settings(root, markdown="card.md").markdown == expected
    assert settings(root).markdown == expected[1:]


def test_workers_of_one_run_share_its_id(root: Path) -> None:
    """And two runs never do."""
    assert settings_of({}, root=root, here=root, run_id="one").run_id == "one"
    assert settings(root).run_id != settings(root).run_id


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("samples = 0", r"Expected `int` >= 1 - at `\$.samples`"),
        ('samples = "all"', r"Expected `int \| null`, got `str`"),
        ("sample = 3", "unknown field `sample`; valid keys are candidate, name"),
        ('references = "mine"', r"Invalid enum value 'mine' - at `\$.references`"),
        ("samples = ", "is not valid TOML"),
    ],
)
def test_a_wrong_table_is_one_sentence_with_its_place(root: Path, table: str, message: str) -> None:
    """The file and the key are named."""
    with pytest.raises(ConfigurationError, match=message) as error:
        settings(root, table)
    assert str(root / "pyproject.toml") in str(error.value)


@pytest.mark.parametrize("variable", ["true", "1", "yes"])
def test_an_update_is_refused_in_ci_unless_forced(
    root: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A regression would accept itself."""
    monkeypatch.setenv("CI", variable)
    with pytest.raises(ConfigurationError, match="would write the baseline in a CI run"):
        settings(root, update="all")
    assert settings(root, update="all", update_in_ci=True).update == "all"


@pytest.mark.parametrize("variable", ["", "0", "false"])
def test_where_ci_says_no_an_update_is_permitted(
    root: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Some shells set the variable to nothing."""
    monkeypatch.setenv("CI", variable)
    assert settings(root, update="new").update == "new"
