"""Readers of molecules as SMILES and of proteins as sequences."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.text import check_sequence, lines, read_labels, smiles_check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_matalign.splits.card import SplitCard


def read_smiles(
    path: Path, card: SplitCard, *, trusted: bool = False
) -> Iterator[tuple[str, Sample]]:
    """Read a CSV file with the columns `id`, `smiles` and one a declared label.

    Args:
        path: The file, plain or `.gz`.
        card: Its split card.
        trusted: Leave the SMILES unparsed, because the file is one of ours.

    Raises:
        ConfigurationError: A column is missing or a value is wrong, with file and line.
    """
    check = None if trusted else smiles_check()
    rows = csv.reader(line for _, line in lines(path))
    header = next(rows, [])
    missing = [name for name in ("id", "smiles", *card.labels) if name not in header]
    if missing:
        raise ConfigurationError(
            f"{path}, line 1: the header lacks the column `{missing[0]}`; "
            f"it has {', '.join(header) or 'nothing'}."
        )
    for row in rows:
        if not row:
            continue
        where = f"line {rows.line_num}"
        if len(row) != len(header):
            raise ConfigurationError(
                f"{path}, {where}: {len(row)} values where the header has {len(header)} columns; "
                "quote values that hold commas."
            )
        texts = dict(zip(header, row, strict=True))
        if check is not None:
            check(texts["smiles"], f"{path}, {where}")
        labels = read_labels(card.labels, texts, f"{path}, {where}")
        yield where, Sample(id=_id(texts["id"], path, where), smiles=texts["smiles"], labels=labels)


def read_fasta(path: Path, card: SplitCard) -> Iterator[tuple[str, Sample]]:
    """Read a FASTA file; the id is the first word of a header.

    A declared label is read from a word `name=value` further on in the header.

    Raises:
        ConfigurationError: An entry has no id, no residues or an unknown letter.
    """
    header: tuple[int, str] | None = None
    parts: list[str] = []
    for number, line in lines(path):
        if line.startswith(">"):
            if header is not None:
                yield _entry(path, header, "".join(parts), card)
            header, parts = (number, line[1:]), []
        elif header is None and line.strip():
            raise ConfigurationError(
                f"{path}, line {number}: a FASTA file begins with a header line `>id`."
            )
        else:
            parts.append(line.strip())
    if header is not None:
        yield _entry(path, header, "".join(parts), card)


def _entry(
    path: Path, header: tuple[int, str], sequence: str, card: SplitCard
) -> tuple[str, Sample]:
    where = f"line {header[0]}"
    words = header[1].split()
    texts = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    sample = Sample(
        id=_id(words[0] if words else "", path, where),
        sequence=check_sequence(sequence, f"{path}, {where}"),
        labels=read_labels(card.labels, texts, f"{path}, {where}"),
    )
    return where, sample


def _id(text: str, path: Path, where: str) -> str:
    if not text.strip():
        raise ConfigurationError(f"{path}, {where}: the sample has no id; give it one.")
    return text.strip()
