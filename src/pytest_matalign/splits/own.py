"""A user's own file, or a folder of such files, as a split of its own."""

from __future__ import annotations

import csv
import re
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.card import Domain, Reader, SplitCard
from pytest_matalign.splits.chains import read_chains
from pytest_matalign.splits.extxyz import read_extxyz
from pytest_matalign.splits.sample import Input, Sample
from pytest_matalign.splits.split import Split
from pytest_matalign.splits.strings import read_fasta
from pytest_matalign.splits.text import check_sequence, lines, smiles_check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ase import Atoms

    Read = Callable[[Path, str | None], Iterator[tuple[str, Sample | str]]]

READABLE = (
    ".xyz and .extxyz, .cif, POSCAR, CONTCAR and .vasp, .csv, .tsv and .smi of SMILES, "
    ".fasta, .pdb, .ent and .mmcif (all but those of ASE also with .gz)"
)
_FORMS: Mapping[Input, tuple[Domain, Reader]] = {
    "atoms": ("materials", "extxyz"),
    "smiles": ("molecules", "smiles-csv"),
    "backbone": ("proteins", "backbone-npz"),
    "sequence": ("proteins", "fasta"),
}


@dataclass(frozen=True, kw_only=True)
class OwnSamples:
    """The samples of a user.

    Attributes:
        split: Those that could be read, in the order of the file.
        unread: Why a sample could not be read, by its id.
    """

    split: Split
    unread: Mapping[str, str]


def own_samples(
    given: str | Path | Sequence[Atoms | str], *, form: Input = "smiles", key: str | None = None
) -> OwnSamples:
    """Read a file or a folder of files by their names, or take structures or strings as they are.

    Args:
        given: The file or folder; or structures of ASE, or strings, which are then numbered
            from 1.
        form: What strings are that are given as they are.
        key: Column of a table, or key of an extended XYZ file, that holds the ids; `id` if None.

    Raises:
        ConfigurationError: A file is of no known kind, malformed or without a sample, or an id
            occurs twice.
    """
    if isinstance(given, str | Path):
        path = Path(given)
        return _gathered(path.name, _files(path, key), where=str(path))
    made = (
        _string(str(number), one, form)
        if isinstance(one, str)
        else (str(number), Sample(id=str(number), atoms=one))
        for number, one in enumerate(given, start=1)
    )
    return _gathered("samples", made, where="the samples given")


def _gathered(name: str, found: Iterator[tuple[str, Sample | str]], *, where: str) -> OwnSamples:
    samples: dict[str, Sample] = {}
    unread: dict[str, str] = {}
    for one, sample in found:
        if one in samples or one in unread:
            raise ConfigurationError(
                f"{where}: the id `{one}` occurs twice; give every sample its own, or name the "
                "column or key that holds them with --id."
            )
        if isinstance(sample, str):
            unread[one] = sample
        else:
            samples[one] = sample
    if not samples:
        why = next(iter(unread.values()), "it is empty")
        raise ConfigurationError(f"{where} holds no sample that can be read: {why}")
    forms = tuple(
        form for form in get_args(Input) if getattr(next(iter(samples.values())), form) is not None
    )
    domain, reader = next(_FORMS[form] for form in _FORMS if form in forms)
    card = msgspec.structs.replace(
        _BARE,
        id=re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-") or "samples",
        title=name,
        domain=domain,
        inputs=forms,
        reader=reader,
        file=name,
        licence="the user's own",
        provenance="the user's own",
    )
    return OwnSamples(split=Split(card, tuple(samples.values())), unread=unread)


def _files(path: Path, key: str | None) -> Iterator[tuple[str, Sample | str]]:
    if not path.is_dir():
        if not path.is_file():
            raise ConfigurationError(f"{path}: there is no such file or folder.")
        yield from _reader(path)(path, key)
        return
    inside = sorted(one for one in path.iterdir() if one.is_file() and one.name[0] != ".")
    for one in inside:
        try:
            yield from _reader(one)(one, key)
        except ConfigurationError as error:
            yield one.name, str(error)


def _reader(path: Path) -> Read:
    name = path.name.lower().removesuffix(".gz")
    if name.startswith(("poscar", "contcar")):
        return partial(_ase, form="vasp")
    suffix = name.rpartition(".")[2]
    if suffix == "cif" and _is_of_atom_sites(path):
        suffix = "mmcif"
    if suffix in _READERS:
        return _READERS[suffix]
    raise ConfigurationError(f"{path} is of no kind that is read here: {READABLE}.")


def _is_of_atom_sites(path: Path) -> bool:
    """Whether a `.cif` file is of a macromolecule, whose names have a dot."""
    return any(line.startswith("_atom_site.") for _, line in lines(path))


def _ase(path: Path, key: str | None, *, form: str) -> Iterator[tuple[str, Sample | str]]:  # noqa: ARG001  as all readers
    from ase.io import read

    stem = path.stem if path.suffix.lower() in {".cif", ".vasp"} else path.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Any = read(path, index=":", format=form)
    except Exception as error:  # noqa: BLE001  ASE raises what it likes on malformed files
        said = " ".join(str(error).split()) or type(error).__name__
        raise ConfigurationError(f"{path} cannot be read as {form}: {said}.") from None
    for number, atoms in enumerate(found, start=1):
        name = stem if len(found) == 1 else f"{stem}-{number}"
        sites = atoms.info.get("occupancy", {}).values()
        if any(len(site) != 1 or abs(sum(site.values()) - 1) > 1e-3 for site in sites):
            yield name, "has partially occupied sites; give an ordered structure"
        else:
            yield name, Sample(id=name, atoms=atoms)


_BARE = SplitCard(
    id="own",
    title="",
    domain="materials",
    role="in-distribution",
    inputs=("atoms",),
    reader="extxyz",
    file="",
    licence="",
    provenance="",
)
"""For readers that ask a card for labels."""


def _xyz(path: Path, key: str | None) -> Iterator[tuple[str, Sample | str]]:
    for _, sample in read_extxyz(path, _BARE, key=key or "id"):
        yield sample.id, sample


def _fasta(path: Path, key: str | None) -> Iterator[tuple[str, Sample | str]]:  # noqa: ARG001  as all readers
    for _, sample in read_fasta(path, _BARE):
        yield sample.id, sample


def _chains(path: Path, key: str | None) -> Iterator[tuple[str, Sample | str]]:  # noqa: ARG001  as all readers
    for _, sample in read_chains(path):
        yield sample.id, sample


def _smi(path: Path, key: str | None) -> Iterator[tuple[str, Sample | str]]:  # noqa: ARG001  as all readers
    words = (line.split(maxsplit=1) for _, line in lines(path) if line.strip())
    for number, (smiles, *name) in enumerate(words, start=1):
        if number > 1 or smiles.lower() != "smiles":
            yield _string(name[0].strip() if name else str(number), smiles, "smiles")


def _table(path: Path, key: str | None, *, delimiter: str) -> Iterator[tuple[str, Sample | str]]:
    rows = csv.DictReader((line for _, line in lines(path)), delimiter=delimiter)
    heads = {head.strip().lower(): head for head in rows.fieldnames or () if head}
    form = next((name for name in _TEXTS if name in heads), None)
    if form is None or (key and key.lower() not in heads):
        lacking = key if form else " or ".join(_TEXTS)
        raise ConfigurationError(f"{path} has no column {lacking}; it has {', '.join(heads)}.")
    ids = heads.get((key or "id").lower())
    for number, row in enumerate(rows, start=1):
        yield _string(
            (row[ids] if ids else "") or str(number), row[heads[form]] or "", _TEXTS[form]
        )


_TEXTS: Mapping[str, Input] = {
    "smiles": "smiles",
    "canonical_smiles": "smiles",
    "sequence": "sequence",
}


def _string(name: str, text: str, form: Input) -> tuple[str, Sample | str]:
    """Return a sample, or why the string is none."""
    try:
        if form == "sequence":
            return name, Sample(id=name, sequence=check_sequence(text, name))
        smiles_check()(text, name)
    except ConfigurationError as error:
        return name, str(error).removeprefix(f"{name}: ")
    return name, Sample(id=name, smiles=text.strip())


_READERS: Mapping[str, Read] = {
    **dict.fromkeys(("xyz", "extxyz"), _xyz),
    **dict.fromkeys(("fasta", "fa", "faa"), _fasta),
    **dict.fromkeys(("pdb", "ent", "mmcif"), _chains),
    "cif": partial(_ase, form="cif"),
    "vasp": partial(_ase, form="vasp"),
    "csv": partial(_table, delimiter=","),
    "tsv": partial(_table, delimiter="\t"),
    "smi": _smi,
}
