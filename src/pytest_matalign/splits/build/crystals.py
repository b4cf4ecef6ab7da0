"""Crystals: matminer 0.3.2 (Materials Project), core-mof 2019.1, alignn 2026.8.11 (mlearn)."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import sys
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.splits.build.archive import read_member
from pytest_matalign.splits.build.order import (
    Filter,
    RejectedError,
    first_accepted,
    rejecting,
    structure,
)
from pytest_matalign.splits.perturb import direction, rattle, rng_for, scale_volume, strain
from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from ase import Atoms

Row = dict[str, str]

_TABLES = ("flla_2015", "elastic_tensor", "dielectric_constant", "piezoelectric_tensor")
_LABELS = {
    "flla_2015": {
        "formation_energy_per_atom": "formation_energy_eV",
        "e_above_hull": "e_above_hull_eV",
    },
    "elastic_tensor": {"K_VRH": "bulk_modulus_GPa", "G_VRH": "shear_modulus_GPa"},
    "dielectric_constant": {"band_gap": "band_gap_eV", "n": "refractive_index"},
    "piezoelectric_tensor": {},
}


def materials_project(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of the four Materials Project tables in matminer 0.3.2, by mp-id.

    An mp-id of several tables takes its structure from the first and its labels from all.
    """
    csv.field_size_limit(sys.maxsize)
    rows: dict[str, list[tuple[str, Row]]] = {}
    for table in _TABLES:
        text = read_member(origin, f"{table}.csv").decode("utf-8")
        lines = csv.reader(io.StringIO(text[text.index("\n") + 1 :]))  # line 1 is a reference
        header = next(lines)
        for values in lines:
            # Two tables have an index column that their header does not name.
            named = values[len(values) - len(header) :]
            row = dict(zip(header, named, strict=True))
            rows.setdefault(row["material_id"], []).append((table, row))
    return {name: partial(_crystal, name, found) for name, found in rows.items()}


def _crystal(name: str, rows: list[tuple[str, Row]]) -> Sample:
    table, row = rows[0]
    atoms = _site_list(row["structure"]) if table == "flla_2015" else _poscar(row["poscar"])
    labels = {
        label: round(float(row[column]), 6)
        for table, row in rows
        for column, label in _LABELS[table].items()
        if row[column]
    }
    return Sample(id=name, atoms=atoms, labels=labels)


def _site_list(text: str) -> Atoms:
    """Structure written as the text of a Python dictionary of lattice and sites."""
    from ase import Atoms

    content = ast.literal_eval(text)
    symbols = []
    for site in content["sites"]:
        if len(site["species"]) != 1 or site["species"][0]["occu"] != 1:
            raise RejectedError("a disordered site")
        symbols.append(site["species"][0]["element"])
    return Atoms(
        symbols,
        positions=[site["xyz"] for site in content["sites"]],
        cell=content["lattice"]["matrix"],
        pbc=True,
    )


def _poscar(text: str) -> Atoms:
    """Structure in VASP's format, fractional coordinates, scale 1."""
    from ase import Atoms

    lines = text.splitlines()
    if len(lines) < 9 or float(lines[1]) != 1 or lines[7].strip() != "direct":
        raise RejectedError("no POSCAR in fractional coordinates")
    cell = np.array([line.split() for line in lines[2:5]], dtype=np.float64)
    counts = [int(word) for word in lines[6].split()]
    symbols = np.repeat(lines[5].split(), counts).tolist()
    sites = lines[8 : 8 + len(symbols)]
    scaled = np.array([line.split()[:3] for line in sites], dtype=np.float64)
    return Atoms(symbols, scaled_positions=scaled, cell=cell, pbc=True)


def labelled(*names: str) -> Filter:
    """Reject samples that lack one of the labels."""

    def check(sample: Sample) -> None:
        for name in names:
            if name not in sample.labels:
                raise RejectedError(f"no label {name}")

    return check


def label_at_most(name: str, limit: float) -> Filter:
    """Reject samples whose label exceeds a limit."""
    return rejecting(f"{name} above {limit:g}", lambda sample: float(sample.labels[name]) > limit)


def off_equilibrium(parents: Iterator[Sample], check: Filter) -> Iterator[Sample]:
    """Perturb crystals, turn about: rattled and strained, or compressed.

    Rattled: strain components uniform in ±5 %, displacements of 0.1 to 0.5 Å (uniform in the
    standard deviation). Compressed: V/V0 uniform in 0.55 to 0.85. A draw that `check` rejects
    is repeated; a parent that fails every time is passed over.
    """
    turn = 0
    for parent in parents:
        kind = ("rattled", "compressed")[turn % 2]
        draw = partial(_perturbed, parent, kind, rng_for(parent.id, kind=kind))
        if (sample := first_accepted(draw, check)) is not None:
            turn += 1
            yield sample


def _perturbed(parent: Sample, kind: str, rng: np.random.Generator) -> Sample:
    atoms = structure(parent)
    labels: dict[str, float | str] = {"kind": kind}
    if kind == "rattled":
        sigma = round(float(rng.uniform(0.1, 0.5)), 3)
        atoms = rattle(strain(atoms, 0.05, rng), sigma, rng)
        labels["rattle_sigma_A"] = sigma
    else:
        ratio = round(float(rng.uniform(0.55, 0.85)), 3)
        atoms = scale_volume(atoms, ratio)
        labels["volume_ratio"] = ratio
    return Sample(id=f"{parent.id}-{kind}", atoms=atoms, labels=labels)


_MOF_LABELS = {
    "LCD": "largest_cavity_A",
    "PLD": "pore_limiting_A",
    "AV_VF": "void_fraction",
    "ASA_m2_g": "surface_m2_per_g",
    "All_Metals": "metals",
}


def core_mofs(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of CoRE MOF 2019-ASR in core-mof 2019.1, by the name of their CIF file."""
    table = read_member(origin, "2019-ASR.csv").decode("utf-8-sig")
    properties = {row["filename"]: row for row in csv.DictReader(io.StringIO(table))}
    packed = io.BytesIO(read_member(origin, "2019-ASR.tar.xz"))
    candidates: dict[str, Callable[[], Sample]] = {}
    with tarfile.open(fileobj=packed) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None and member.name.endswith(".cif"):
                name = member.name.rpartition("/")[2].removesuffix(".cif")
                text = stream.read().decode("utf-8", errors="replace")
                candidates[name] = partial(_mof, name, text, properties.get(name, {}))
    return candidates


def _mof(name: str, cif: str, row: Row) -> Sample:
    labels: dict[str, float | str] = {}
    for column, label in _MOF_LABELS.items():
        text = row.get(column, "").strip()
        if text:
            labels[label] = text if label == "metals" else float(text)
    return Sample(id=name, atoms=_p1_cif(cif), labels=labels)


_LENGTHS = tuple(f"_cell_length_{axis}" for axis in "abc")
_ANGLES = tuple(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma"))


def _p1_cif(text: str) -> Atoms:
    """Structure from a CIF file that lists every atom of the cell (space group P1)."""
    from ase import Atoms
    from ase.data import atomic_numbers

    group = re.search(r"_symmetry_space_group_name_H-M\s+(.+)", text)
    if group is None or re.sub(r"[\s'\"]", "", group[1]) != "P1":
        raise RejectedError("a space group other than P1")
    cell = []
    for key in _LENGTHS + _ANGLES:
        found = re.search(rf"{key}\s+([\d.]+)", text)
        if found is None:
            raise RejectedError(f"no {key}")
        cell.append(float(found[1]))
    symbols, scaled = [], []
    for site in _sites(text):
        if site["_atom_site_type_symbol"] not in atomic_numbers:
            raise RejectedError("a site that is no element")
        if float(site.get("_atom_site_occupancy", "1")) != 1:
            raise RejectedError("a site not fully occupied")
        symbols.append(site["_atom_site_type_symbol"])
        scaled.append([float(site[f"_atom_site_fract_{x}"].partition("(")[0]) for x in "xyz"])
    if not symbols:
        raise RejectedError("no sites")
    return Atoms(symbols, scaled_positions=np.array(scaled), cell=cell, pbc=True)


def _sites(text: str) -> Iterator[Row]:
    """Yield the rows of the first loop over atom sites."""
    keys: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if words and words[0].startswith("_atom_site_"):
            keys.append(words[0])
        elif keys:
            if len(words) != len(keys) or words[0].startswith(("_", "loop_", "#")):
                return
            yield dict(zip(keys, words, strict=True))


def mlearn(origin: Path) -> dict[str, Callable[[], Sample]]:
    """Candidates of mlearn (Zuo et al. 2020) in alignn 2026.8.11, by element and number."""
    rows = json.loads(read_member(origin, "all/id_prop.json"))
    return {row["jid"]: partial(_calculated, row) for row in rows}


def _calculated(row: dict[str, Any]) -> Sample:
    from ase import Atoms

    # Of some rows these are texts of Python, of others they are not.
    content, forces = (
        ast.literal_eval(one) if isinstance(one, str) else one
        for one in (row["atoms"], row["forces"])
    )
    atoms = Atoms(
        content["elements"],
        scaled_positions=content["coords"],
        cell=content["lattice_mat"],
        pbc=True,
    )
    bare = Sample(id=row["jid"], atoms=atoms)
    along = float((np.array(forces, dtype=np.float64) * direction(bare)).sum())
    labels = {
        "energy_eV": round(float(row["total_energy"]), 6),  # of an atom, whatever the name
        "force_along_eV_A": round(along, 6),
    }
    return Sample(id=bare.id, atoms=atoms, labels=labels)
