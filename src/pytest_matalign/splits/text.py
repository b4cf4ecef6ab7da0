"""Helpers shared by the readers of text files: opening, labels, checks of strings."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pytest_matalign.splits.card import Label

RESIDUES = frozenset("ACDEFGHIKLMNPQRSTVWYBJOUXZ")
"""One-letter codes: the twenty, selenocysteine U, pyrrolysine O, and the ambiguous B J X Z."""


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line numbers from 1 and lines without their break; `.gz` files are unpacked.

    Raises:
        ConfigurationError: The file is not UTF-8 text or not whole gzip.
    """
    try:
        with path.open("rb") as raw:
            unpacked = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            text = io.TextIOWrapper(unpacked, encoding="utf-8", newline=None)
            for number, line in enumerate(text, start=1):
                yield number, line.rstrip("\n")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ConfigurationError(
            f"{path} is not a whole gzip file ({error}); compress it again."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text: {error}.") from error


def read_labels(
    declared: Mapping[str, Label], texts: Mapping[str, str], where: str
) -> dict[str, float | str]:
    """Convert the declared labels among `texts`; absent and empty ones are left out.

    Raises:
        ConfigurationError: A label with a unit is not a finite number.
    """
    found: dict[str, float | str] = {}
    for name, label in declared.items():
        text = texts.get(name, "")
        if not text:
            continue
        found[name] = text if label.unit == "text" else _number(name, text, where)
    return found


def _number(name: str, text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigurationError(
            f"{where}: label `{name}` is `{text}`, not a finite number; leave it out where it is "
            'unknown, or declare it with unit = "text".'
        )
    return number


def check_sequence(sequence: str, where: str) -> str:
    """Return a protein sequence in capitals.

    Raises:
        ConfigurationError: It is empty or has a letter that is no residue.
    """
    capitals = sequence.upper()
    if not capitals:
        raise ConfigurationError(f"{where}: the sequence is empty; remove the entry.")
    unknown = sorted(set(capitals) - RESIDUES)
    if unknown:
        position = min(capitals.index(letter) for letter in unknown) + 1
        raise ConfigurationError(
            f"{where}: `{capitals[position - 1]}` at position {position} of the sequence is no "
            "residue letter; remove gaps and stops, and write X for an unknown residue."
        )
    return capitals


def smiles_check() -> Callable[[str, str], None]:
    """Return a function (smiles, where) that raises if RDKit cannot parse the string."""
    from rdkit import Chem, rdBase

    def check(smiles: str, where: str) -> None:
        with rdBase.BlockLogs():
            molecule = Chem.MolFromSmiles(smiles) if smiles else None
        if molecule is None or molecule.GetNumAtoms() == 0:
            raise ConfigurationError(
                f"{where}: RDKit cannot parse the SMILES `{smiles}`; correct or remove it."
            )

    return check
