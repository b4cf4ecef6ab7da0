"""Specs and locks say what an environment is, and mistakes in them are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_matalign.environments.folders import built, folder_of
from pytest_matalign.environments.spec import environment, spec_files
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.catalogue import cards
from small_environment import write_spec

GOOD = 'python = ">=3.11"\n'


@pytest.mark.parametrize("name", sorted(spec_files()))
def test_every_bundled_spec_and_lock_can_be_read(name: str) -> None:
    """What a worker needs is in every lock, and torch is in none."""
    one = environment(name)
    locked = {pin.partition("==")[0].lower() for pin in one.lock}
    assert {"numpy", "msgspec"} <= locked
    assert not {"torch", "pip", "pytest-matalign"} & locked
    assert one.spec.notes


def test_every_environment_a_card_names_exists() -> None:
    """A card cannot send its user to an environment nobody described."""
    named = {card.environment for card in cards().values() if card.environment}
    assert named <= set(spec_files())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("python = ", "broken.toml is not valid TOML"),
        ("torch = '2.13.0'", "missing required field `python`; valid keys are python, torch"),
        (GOOD + "tourch = '2'", "unknown field `tourch`; valid keys are python, torch"),
        (GOOD + "imports = 'mace'", r"Expected `array`, got `str` - at `\$.imports`"),
        ("python = 'three'", 'write versions as ">=3.11,<3.14"'),
    ],
)
def test_a_wrong_spec_is_named_with_its_key(nowhere: Path, text: str, sentence: str) -> None:
    """One sentence with the file, the key and what is valid."""
    write_spec(nowhere / "specs", "broken", spec=text)
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        environment("broken")
    assert "broken.toml" in str(caught.value)


def test_a_lock_holds_pins_only(nowhere: Path) -> None:
    """The line is named."""
    write_spec(nowhere / "specs", "loose", lock="# made by hand\nnumpy==2.0.0\nase>=3\n")
    with pytest.raises(ConfigurationError, match=r"loose.lock, line 3: 'ase>=3' is not a pin"):
        environment("loose")


def test_a_spec_without_a_lock_says_how_to_make_one(nowhere: Path) -> None:
    """With the command."""
    write_spec(nowhere / "specs", "new")
    (nowhere / "specs" / "new.lock").unlink()
    with pytest.raises(ConfigurationError, match="matalign env lock new"):
        environment("new")


def test_an_unknown_environment_names_the_closest(nowhere: Path) -> None:
    """As for models and splits."""
    write_spec(nowhere / "specs", "small-models")
    with pytest.raises(ConfigurationError, match="the closest are small-models"):
        environment("small-model")


def test_a_folder_of_specs_that_is_missing_is_named(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A typing error in the variable is not silence."""
    monkeypatch.setenv("MATALIGN_ENVIRONMENT_SPECS", str(nowhere / "spec"))
    with pytest.raises(ConfigurationError, match="MATALIGN_ENVIRONMENT_SPECS names"):
        spec_files()


def test_another_lock_is_another_environment(nowhere: Path) -> None:
    """Words change nothing, versions do."""
    write_spec(nowhere / "specs", "one", spec=GOOD, lock="numpy==2.0.0\n")
    first = folder_of(environment("one"))
    write_spec(nowhere / "specs", "one", spec=GOOD + "notes = 'n'", lock="# why\nnumpy==2.0.0\n")
    assert folder_of(environment("one")) == first
    write_spec(nowhere / "specs", "one", spec=GOOD, lock="numpy==2.0.1\n")
    assert folder_of(environment("one")) != first


def test_environments_live_in_the_cache_unless_told_otherwise(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the store does, by the same variable."""
    write_spec(nowhere / "specs", "one")
    monkeypatch.delenv("MATALIGN_ENVIRONMENTS")
    monkeypatch.setenv("MATALIGN_CACHE", str(nowhere / "cache"))
    assert folder_of(environment("one")).parent == nowhere / "cache" / "environments"
    assert built("one") is None
