"""Samples and arrays as plain structs that can be sent, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pytest_matalign.errors import MatalignError
from pytest_matalign.splits.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Input


NUMBERS = "biuf"
"""Kinds of arrays a model may return: booleans, integers, floats."""


class ProtocolError(MatalignError):
    """What came through the pipe, or is about to go, is not of the protocol."""


class BrokenOffError(ProtocolError):
    """The pipe was closed where more was to come."""


class SentArray(msgspec.Struct, frozen=True, array_like=True):
    """An array of booleans, integers or floats."""

    dtype: str
    shape: tuple[int, ...]
    content: bytes


class SentAtoms(msgspec.Struct, frozen=True, array_like=True):
    """A structure; of `atoms.info` plain values, such as the charge."""

    numbers: SentArray
    positions: SentArray
    cell: SentArray
    periodic: SentArray
    info: dict[str, bool | int | float | str]


class SentSample(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sample without its labels: a model must not see them."""

    id: str
    smiles: str | None = None
    sequence: str | None = None
    atoms: SentAtoms | None = None
    backbone: SentArray | None = None


def sent_array(array: NDArray[Any]) -> SentArray:
    """Return an array ready to be sent.

    Raises:
        ProtocolError: If it is of objects or text.
    """
    if array.dtype.kind not in NUMBERS:
        raise ProtocolError(f"An array of dtype {array.dtype} cannot be sent; send numbers.")
    portable = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return SentArray(portable.dtype.str, array.shape, portable.tobytes())


def received_array(sent: SentArray) -> NDArray[Any]:
    """Return the array `sent_array` was given, which may be written to.

    Raises:
        ProtocolError: If its description does not fit its content, or is not of numbers.
    """
    try:
        dtype = np.dtype(sent.dtype)
        # Objects cannot be made of bytes, but text and records could.
        array = np.frombuffer(sent.content, dtype=dtype).reshape(sent.shape)
    except (ValueError, TypeError) as error:
        raise ProtocolError(f"An array does not hold together: {error}.") from error
    if dtype.kind not in NUMBERS:
        raise ProtocolError(f"An array of dtype {dtype} was sent, which is not one of numbers.")
    return array.astype(dtype.newbyteorder("="))


def sent_samples(samples: Sequence[Sample], *, forms: Collection[Input]) -> tuple[SentSample, ...]:
    """Return samples ready to be sent, in the forms the model reads.

    An environment without ASE serves models that read text, so what a model does not read is not
    sent.
    """
    return tuple(_sent_sample(sample, forms) for sample in samples)


def received_samples(sent: Sequence[SentSample]) -> list[Sample]:
    """Return the samples `sent_samples` was given, in the forms that were sent."""
    return [
        Sample(
            id=one.id,
            smiles=one.smiles,
            sequence=one.sequence,
            atoms=_received_atoms(one.atoms) if one.atoms is not None else None,
            backbone=received_array(one.backbone) if one.backbone is not None else None,
        )
        for one in sent
    ]


def _sent_sample(sample: Sample, forms: Collection[Input]) -> SentSample:
    atoms = sample.atoms if "atoms" in forms else None
    backbone = sample.backbone if "backbone" in forms else None
    return SentSample(
        id=sample.id,
        smiles=sample.smiles if "smiles" in forms else None,
        sequence=sample.sequence if "sequence" in forms else None,
        atoms=_sent_atoms(atoms) if atoms is not None else None,
        backbone=sent_array(backbone) if backbone is not None else None,
    )


def _sent_atoms(atoms: Atoms) -> SentAtoms:
    values = {
        str(key): value.item() if isinstance(value, np.generic) else value
        for key, value in atoms.info.items()
    }
    plain = {
        key: value for key, value in values.items() if isinstance(value, bool | int | float | str)
    }
    return SentAtoms(
        numbers=sent_array(atoms.numbers),
        positions=sent_array(atoms.positions),
        cell=sent_array(atoms.cell.array),
        periodic=sent_array(atoms.pbc),
        info=plain,
    )


def _received_atoms(sent: SentAtoms) -> Atoms:
    from ase import Atoms

    return Atoms(
        numbers=received_array(sent.numbers),
        positions=received_array(sent.positions),
        cell=received_array(sent.cell),
        pbc=received_array(sent.periodic),
        info=sent.info,
    )
