"""Samples as plain values and arrays, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Input

Plain = dict[str, Any]


def packed(
    samples: Sequence[Sample], *, forms: Collection[Input]
) -> tuple[list[Plain], tuple[NDArray[Any], ...]]:
    """Samples ready to be sent, in the forms the model reads.

    Labels stay behind: a model must not see them. Of `atoms.info` plain values travel, such as
    the charge. An environment without ASE serves models that read text, so what a model does not
    read is not sent.
    """
    heads: list[Plain] = []
    arrays: list[NDArray[Any]] = []
    for sample in samples:
        head: Plain = {"id": sample.id}
        if sample.smiles is not None and "smiles" in forms:
            head["smiles"] = sample.smiles
        if sample.sequence is not None and "sequence" in forms:
            head["sequence"] = sample.sequence
        if sample.atoms is not None and "atoms" in forms:
            head["info"] = _plain(sample.atoms.info)
            arrays += _structure(sample.atoms)
        if sample.backbone is not None and "backbone" in forms:
            head["backbone"] = True
            arrays.append(sample.backbone)
        heads.append(head)
    return heads, tuple(arrays)


def unpacked(heads: Sequence[Plain], arrays: Sequence[NDArray[Any]]) -> list[Sample]:
    """The samples `packed` was given, in the forms that were sent."""
    remaining = iter(arrays)
    return [
        Sample(
            id=head["id"],
            smiles=head.get("smiles"),
            sequence=head.get("sequence"),
            atoms=_atoms(head["info"], remaining) if "info" in head else None,
            backbone=next(remaining) if "backbone" in head else None,
        )
        for head in heads
    ]


def _structure(atoms: Atoms) -> list[NDArray[Any]]:
    return [atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc]


def _atoms(info: Plain, arrays: Iterator[NDArray[Any]]) -> Atoms:
    from ase import Atoms

    numbers, positions, cell, periodic = (next(arrays) for _ in range(4))
    return Atoms(numbers=numbers, positions=positions, cell=cell, pbc=periodic, info=info)


def _plain(info: dict[Any, Any]) -> Plain:
    import numpy as np

    values = {
        str(key): value.item() if isinstance(value, np.generic) else value
        for key, value in info.items()
    }
    return {
        key: value for key, value in values.items() if isinstance(value, bool | int | float | str)
    }
