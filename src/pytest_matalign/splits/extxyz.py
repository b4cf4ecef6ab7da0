"""Structures as extended XYZ text: a strict, quick reader and its writer.

The format is that of https://github.com/libAtoms/extxyz: for every structure a line with the
number of atoms, a line of `key=value` pairs, and a line an atom. Of the keys, `Lattice`, `pbc`,
`Properties`, `id`, `smiles`, `charge` and the labels declared on the card are read. ASE reads
the same files; this reader exists because it names the faulty line and stops after the first N.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.text import lines, read_labels, smiles_check

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.card import SplitCard

_PAIR = re.compile(r'([^\s="]+)\s*=\s*("(?:[^"\\]|\\.)*"|\S+)')
_TRUE = {"T", "True", "true", "1"}


def read_extxyz(
    path: Path, card: SplitCard, *, trusted: bool = False, key: str = "id"
) -> Iterator[tuple[str, Sample]]:
    """Read structures one after the other.

    Samples without their id are numbered from 1; `smiles` is read where the card offers it.

    Args:
        path: The file, plain or `.gz`.
        card: Its split card.
        trusted: Leave the SMILES unparsed, because the file is one of ours.
        key: Of the id.

    Raises:
        ConfigurationError: A structure is malformed, with file and line.
    """
    with_smiles = "smiles" in card.inputs
    check = smiles_check() if with_smiles and not trusted else None
    numbered = lines(path)
    index = 0
    for number, line in numbered:
        if not line.strip():
            continue
        index += 1
        where = f"line {number}"
        located = f"{path}, {where}"
        size = _size(line, located)
        frame = list(islice(numbered, size + 1))
        if len(frame) < size + 1:
            raise ConfigurationError(
                f"{located}: {size} atoms are announced but the file ends after {len(frame)} "
                "further lines; the file is cut short."
            )
        texts = _pairs(frame[0][1])
        smiles = None
        if with_smiles:
            smiles = texts.get("smiles", "")
            if check is not None or not smiles:
                (check or smiles_check())(smiles, located)
        sample = Sample(
            id=texts.get(key, str(index)),
            atoms=_atoms(texts, frame[1:], str(path), located),
            smiles=smiles,
            labels=read_labels(card.labels, texts, located),
        )
        yield where, sample


def _size(line: str, where: str) -> int:
    if not line.strip().isdigit() or int(line) == 0:
        raise ConfigurationError(
            f"{where}: expected the number of atoms of a structure, found `{line[:40]}`."
        )
    return int(line)


def _pairs(comment: str) -> dict[str, str]:
    found = {}
    for key, value in _PAIR.findall(comment):
        quoted = value.startswith('"')
        found[key] = re.sub(r"\\(.)", r"\1", value[1:-1]) if quoted else value
    return found


def _atoms(texts: dict[str, str], rows: list[tuple[int, str]], path: str, where: str) -> Atoms:
    from ase import Atoms

    symbol_at, position_at, width = _columns(texts.get("Properties", "species:S:1:pos:R:3"), where)
    words = [line.split() for _, line in rows]
    for (number, _), row in zip(rows, words, strict=True):
        if len(row) < width:
            raise ConfigurationError(
                f"{path}, line {number}: {len(row)} columns where `Properties` announces {width}."
            )
    numbers = _numbers([row[symbol_at] for row in words], rows, path)
    positions = _floats([row[position_at : position_at + 3] for row in words], rows, path)
    cell = None
    if "Lattice" in texts:
        try:
            cell = np.array(texts["Lattice"].split(), dtype=np.float64).reshape(3, 3)
        except ValueError:
            cell = np.full((3, 3), np.nan)
        if not np.isfinite(cell).all():
            raise ConfigurationError(f"{where}: `Lattice` must hold nine finite numbers in Å.")
    pbc = texts.get("pbc", "T T T" if cell is not None else "F F F").split()
    if len(pbc) != 3:
        raise ConfigurationError(f'{where}: `pbc` must hold three flags, as in pbc="T T F".')
    info = {}
    if "charge" in texts:
        charge = texts["charge"]
        if not re.fullmatch(r"[+-]?\d+(\.0*)?", charge):
            raise ConfigurationError(f"{where}: `charge` must be a whole number, not `{charge}`.")
        info["charge"] = int(float(charge))
    return Atoms(
        numbers=numbers, positions=positions, cell=cell, pbc=[f in _TRUE for f in pbc], info=info
    )


def _columns(properties: str, where: str) -> tuple[int, int, int]:
    """Return the column of the symbol, the first of the positions, and the number of columns."""
    fields = properties.split(":")
    starts, column = {}, 0
    if len(fields) % 3 == 0 and all(count.isdigit() for count in fields[2::3]):
        for name, count in zip(fields[::3], fields[2::3], strict=True):
            starts[name] = column
            column += int(count)
    if "species" not in starts or "pos" not in starts:
        raise ConfigurationError(
            f"{where}: `Properties={properties}` must name species:S:1 and pos:R:3."
        )
    return starts["species"], starts["pos"], column


def _numbers(symbols: list[str], rows: list[tuple[int, str]], path: str) -> list[int]:
    from ase.data import atomic_numbers

    try:
        return [atomic_numbers[symbol] for symbol in symbols]
    except KeyError as error:
        number = rows[symbols.index(error.args[0])][0]
        raise ConfigurationError(
            f"{path}, line {number}: `{error.args[0]}` is no chemical symbol."
        ) from error


def _floats(words: list[list[str]], rows: list[tuple[int, str]], path: str) -> NDArray[np.float64]:
    try:
        positions = np.array(words, dtype=np.float64)
        if np.isfinite(positions).all():
            return positions
    except ValueError:
        pass  # the faulty line is found below
    for (number, _), row in zip(rows, words, strict=True):
        try:
            finite = bool(np.isfinite(np.array(row, dtype=np.float64)).all())
        except ValueError:
            finite = False
        if not finite:
            raise ConfigurationError(
                f"{path}, line {number}: the position `{' '.join(row)}` is not three finite "
                "numbers in Å; correct the line or remove the structure."
            )
    raise AssertionError("one line must be faulty")


def format_extxyz(samples: Iterable[Sample]) -> Iterator[str]:
    """Yield the text of one structure after the other, positions to 1e-4 Å, cells to 1e-6 Å.

    Raises:
        ValueError: A sample has no atoms.
    """
    for sample in samples:
        atoms = sample.atoms
        if atoms is None:
            raise ValueError(f"sample {sample.id} has no atoms")
        pairs = [f"id={_quoted(sample.id)}"]
        if atoms.pbc.any():
            numbers = " ".join(f"{_zero(x, 6):.6f}" for x in atoms.cell.array.ravel())
            pairs.append(f'Lattice="{numbers}"')
        pairs.append("Properties=species:S:1:pos:R:3")
        if sample.smiles is not None:
            pairs.append(f"smiles={_quoted(sample.smiles)}")
        if atoms.info.get("charge"):
            pairs.append(f"charge={atoms.info['charge']}")
        pairs += [
            f"{name}={_quoted(value) if isinstance(value, str) else repr(value)}"
            for name, value in sample.labels.items()
        ]
        pairs.append(f'pbc="{" ".join("T" if flag else "F" for flag in atoms.pbc)}"')
        rows = (
            f"{symbol} " + " ".join(f"{_zero(x, 4):.4f}" for x in position)
            for symbol, position in zip(atoms.symbols, atoms.positions, strict=True)
        )
        yield "\n".join((str(len(atoms)), " ".join(pairs), *rows)) + "\n"


def _zero(number: float, decimals: int) -> float:
    """Round, and turn a negative zero into zero."""
    return round(float(number), decimals) + 0.0


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
