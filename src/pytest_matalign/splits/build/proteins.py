"""Proteins from promod3-data and mmseqs2-examples (Debian) and abnativ (PyPI)."""

from __future__ import annotations

import csv
import gzip
import io
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.build.archive import read_member
from pytest_matalign.splits.sample import Sample

_PROMOD_MAGIC, _PROMOD_VERSION = 1234, 2
_PROMOD_HEADER = 77  # bytes: magic number, version, sizes of base types, test values
_PROMOD_WIDTHS = {"sequence": 1, "backbone": 24, "torsions": 4, "areas": 2, "depths": 2, "dssp": 1}


def promod_chains(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of ProMod3's structure database (`structure_db.dat`), by PDB id and chain.

    Layout (little-endian): header; number of chains; for each chain PDB id and chain name as
    counted strings, index of the first residue (uint32), number of residues and first residue
    number (uint16 each), and a shift (3 float32); then arrays over all residues, each preceded
    by its length: sequence, backbone as 4 x 3 uint16 in hundredths of Å, torsion angles,
    accessible areas, residue depths, DSSP states.
    """
    content = read_member(origin, "structure_db.dat")
    if struct.unpack_from("<II", content) != (_PROMOD_MAGIC, _PROMOD_VERSION):
        raise ConfigurationError(
            f"structure_db.dat in {origin} is not of format version {_PROMOD_VERSION}; "
            "promod3-data 3.2.1 is."
        )
    (chains,) = struct.unpack_from("<Q", content, _PROMOD_HEADER)
    at = _PROMOD_HEADER + 8
    spans: dict[str, tuple[int, int]] = {}
    for _ in range(chains):
        names = []
        for _ in range(2):
            (length,) = struct.unpack_from("<I", content, at)
            names.append(content[at + 4 : at + 4 + length].decode("ascii"))
            at += 4 + length
        first, residues = struct.unpack_from("<IH", content, at)
        at += 20
        spans["_".join(names)] = (first, residues)
    arrays = _residue_arrays(content, at)

    def make(name: str) -> Sample:
        first, residues = spans[name]
        part = slice(first, first + residues)
        sequence, dssp = (bytes(arrays[key][part]).decode("ascii") for key in ("sequence", "dssp"))
        hundredths = arrays["backbone"].view("<u2").reshape(-1, 4, 3)[part].astype(np.int64)
        centred = hundredths - np.rint(hundredths.mean(axis=(0, 1))).astype(np.int64)
        return Sample(
            id=name,
            sequence=sequence,
            backbone=(centred / 100).astype(np.float32),
            labels={
                "helix_fraction": _fraction(dssp, "HGI"),
                "strand_fraction": _fraction(dssp, "EB"),
                "dssp": dssp,
            },
        )

    return {name: partial(make, name) for name in spans}


def _residue_arrays(content: bytes, at: int) -> dict[str, NDArray[np.uint8]]:
    arrays = {}
    for name, width in _PROMOD_WIDTHS.items():
        (residues,) = struct.unpack_from("<Q", content, at)
        arrays[name] = np.frombuffer(content, np.uint8, count=residues * width, offset=at + 8)
        at += 8 + residues * width
    return arrays


def _fraction(dssp: str, states: str) -> float:
    return round(sum(dssp.count(state) for state in states) / len(dssp), 4)


def uniprot_sequences(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of the example database of MMseqs2 (`DB.fasta.gz`), by accession.

    Entries marked as fragments, and later entries of the same accession, are left out.
    """
    text = gzip.decompress(read_member(origin, "DB.fasta.gz")).decode("utf-8")
    candidates: dict[str, Callable[[], Sample]] = {}
    for entry in text.split(">")[1:]:
        header, _, body = entry.partition("\n")
        accession = header.split("|")[1] if header.count("|") >= 2 else header.split()[0]
        if "(Fragment" not in header and accession not in candidates:
            candidates[accession] = partial(Sample, id=accession, sequence="".join(body.split()))
    return candidates


def abnativ_heavy_chains(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of the human heavy-chain test set in abnativ 2.0.9, by its sequence id."""
    text = read_member(origin, "test_vh_v2_abnativ_seq_scores.csv").decode("utf-8")
    return {
        row["seq_id"]: partial(Sample, id=row["seq_id"], sequence=row["input_seq"])
        for row in csv.DictReader(io.StringIO(text))
    }
