"""Split cards say everything of a split, and a wrong one says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_matalign import split_cards
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.card import read_card
from pytest_matalign.splits.catalogue import split_card

if TYPE_CHECKING:
    from pathlib import Path

CARD = """
id = "mine"
title = "My molecules"
domain = "molecules"
role = "in-distribution"
inputs = ["smiles"]
reader = "smiles-csv"
file = "mine.csv"
licence = "CC0-1.0"
provenance = "made up"
"""


def test_a_card_needs_only_what_cannot_be_guessed(tmp_path: Path) -> None:
    """Counts, digests, citation and labels are optional."""
    path = tmp_path / "mine.toml"
    path.write_text(CARD)
    card = read_card(path)
    assert (card.id, card.version, card.inputs, card.labels) == ("mine", 1, ("smiles",), {})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("licence", "license"), "unknown field `license`"),
        (('"molecules"', '"molecule"'), "Invalid enum value 'molecule' - at `$.domain`"),
        (('licence = "CC0-1.0"', ""), "missing required field `licence`"),
        (('["smiles"]', '["selfies"]'), "Invalid enum value 'selfies' - at `$.inputs[0]`"),
        (('["smiles"]', "[]"), "`$.inputs`"),
        (('"mine"', '"my split"'), "`$.id`"),
        (('"mine.csv"', '"mine.csv'), "not valid TOML"),
    ],
)
def test_a_wrong_card_names_file_and_key(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    """Misspelt keys and values are errors, never ignored."""
    path = tmp_path / "mine.toml"
    path.write_text(CARD.replace(*change))
    with pytest.raises(ConfigurationError) as caught:
        read_card(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_label_needs_unit_and_meaning(tmp_path: Path) -> None:
    """A number without a unit is no label."""
    path = tmp_path / "mine.toml"
    path.write_text(CARD + '[labels.logS]\nmeaning = "solubility"\n')
    with pytest.raises(ConfigurationError, match=r"`unit` - at `\$\.labels\[\.\.\.\]`"):
        read_card(path)


def test_a_missing_card_file_is_said_so(tmp_path: Path) -> None:
    """The message names the path and the command that lists ids."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml.*matalign splits"):
        read_card(tmp_path / "nowhere.toml")


def test_an_unknown_split_is_answered_with_the_closest() -> None:
    """One slip of the finger is told from a split that does not exist."""
    with pytest.raises(ConfigurationError, match=r"`mp-crystal`; did you mean `mp-crystals`"):
        split_card("mp-crystal")
    with pytest.raises(
        ConfigurationError, match=r"no split `zzz`; `matalign splits list` lists them"
    ):
        split_card("zzz")


def test_a_perturbed_split_has_a_card_of_its_own() -> None:
    """A suite may name a perturbed split like any other."""
    card = split_card("mp-crystals@rattle=0.2")
    assert (card.id, card.role, card.labels) == (
        "mp-crystals@rattle=0.2",
        "out-of-distribution",
        {},
    )
    assert card.fingerprint is None


def test_every_domain_has_splits_in_and_out_of_distribution() -> None:
    """Two regimes for molecules and materials; proteins have the in-distribution one."""
    kinds = {(card.domain, card.role) for card in split_cards().values()}
    assert kinds >= {
        ("molecules", "in-distribution"),
        ("molecules", "out-of-distribution"),
        ("materials", "in-distribution"),
        ("materials", "out-of-distribution"),
        ("proteins", "in-distribution"),
    }


def test_listing_splits_imports_nothing_heavy() -> None:
    """pytest starts fast."""
    code = (
        "import sys, pytest_matalign.splits.catalogue as s; s.split_cards();"
        "print({'numpy', 'ase', 'rdkit', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
