"""Protein chains with their backbone in one compressed NumPy file.

Arrays of a file: `ids` [chains] text; `offsets` [chains + 1] of the first residue of each chain;
`sequence` uint8 [residues], ASCII one-letter codes; `backbone` [residues, 4, 3], positions of
N, CA, C, O either as floating point numbers in Å or as int16 in hundredths of Å; a declared
label `x` either as `label_x` [chains] or, one ASCII character a residue, `residues_x` [residues].
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.text import check_sequence, read_labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.splits.card import SplitCard

_REQUIRED = ("ids", "offsets", "sequence", "backbone")


def read_backbones(path: Path, card: SplitCard) -> Iterator[tuple[str, Sample]]:
    """Read chains one after the other.

    Raises:
        ConfigurationError: The file is no such NumPy file, its arrays do not fit together, or
            a chain has an unknown residue or a position that is not finite.
    """
    arrays = _arrays(path)
    offsets = arrays["offsets"]
    unit = 0.01 if arrays["backbone"].dtype.kind == "i" else 1.0
    for index, name in enumerate(arrays["ids"].tolist()):
        where = f"chain {index + 1} (`{name}`)"
        located = f"{path}, {where}"
        begin, end = int(offsets[index]), int(offsets[index + 1])
        sequence = check_sequence(_ascii(arrays["sequence"][begin:end], located), located)
        backbone = (arrays["backbone"][begin:end].astype(np.float64) * unit).astype(np.float32)
        if not np.isfinite(backbone).all():
            raise ConfigurationError(
                f"{located}: a backbone position is not finite; remove the chain or the residues "
                "without coordinates."
            )
        texts = {}
        for label in card.labels:
            if f"label_{label}" in arrays:
                texts[label] = str(arrays[f"label_{label}"][index])
            elif f"residues_{label}" in arrays:
                texts[label] = _ascii(arrays[f"residues_{label}"][begin:end], located)
        labels = read_labels(card.labels, texts, located)
        yield where, Sample(id=name, sequence=sequence, backbone=backbone, labels=labels)


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (zipfile.BadZipFile, ValueError, EOFError, TypeError) as error:
        raise ConfigurationError(f"{path} is not a NumPy .npz file ({error}).") from error
    for name in _REQUIRED:
        if name not in arrays:
            raise ConfigurationError(f"{path} lacks the array `{name}`; it needs {_REQUIRED}.")
    ids, offsets = arrays["ids"], arrays["offsets"]
    residues = len(arrays["sequence"])
    fits = (
        ids.dtype.kind == "U"
        and offsets.dtype.kind in "iu"
        and offsets.shape == (len(ids) + 1,)
        and offsets[0] == 0
        and offsets[-1] == residues
        and bool((np.diff(offsets.astype(np.int64)) > 0).all())
    )
    if not fits:
        raise ConfigurationError(
            f"{path}: `offsets` must ascend from 0 to the number of residues, one more entry "
            "than the text array `ids`."
        )
    if arrays["backbone"].shape != (residues, 4, 3):
        raise ConfigurationError(
            f"{path}: `backbone` has the shape {arrays['backbone'].shape} where {residues} "
            f"residues need {(residues, 4, 3)} (N, CA, C, O)."
        )
    wanted = {"label": len(ids), "residues": residues}
    for name, array in arrays.items():
        expected = wanted.get(name.partition("_")[0], len(array))
        if len(array) != expected:
            raise ConfigurationError(f"{path}: `{name}` has {len(array)} entries, not {expected}.")
    return arrays


def _ascii(codes: NDArray[np.generic], where: str) -> str:
    try:
        return codes.astype(np.uint8).tobytes().decode("ascii")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{where}: {error}; use ASCII codes.") from error


def write_backbones(path: Path, samples: Sequence[Sample]) -> None:
    """Write chains with positions in hundredths of Å; text labels count one letter a residue.

    Raises:
        ValueError: A sample has no sequence or backbone, or is wider than int16 can hold.
    """
    lengths, sequences, backbones = [], [], []
    for sample in samples:
        if sample.sequence is None or sample.backbone is None:
            raise ValueError(f"sample {sample.id} has no sequence or no backbone")
        hundredths = np.rint(sample.backbone.astype(np.float64) * 100)
        if np.abs(hundredths).max() > np.iinfo(np.int16).max:
            raise ValueError(f"sample {sample.id} is more than 327 Å from its origin")
        lengths.append(len(sample.sequence))
        sequences.append(sample.sequence)
        backbones.append(hundredths.astype(np.int16))
    arrays: dict[str, NDArray[np.generic]] = {
        "ids": np.array([sample.id for sample in samples]),
        "offsets": np.concatenate(([0], np.cumsum(lengths))).astype(np.int32),
        "sequence": np.frombuffer("".join(sequences).encode(), dtype=np.uint8),
        "backbone": np.concatenate(backbones),
    }
    for name, value in samples[0].labels.items():
        column = [sample.labels[name] for sample in samples]
        if isinstance(value, str):
            text = "".join(str(entry) for entry in column)
            arrays[f"residues_{name}"] = np.frombuffer(text.encode(), dtype=np.uint8)
        else:
            arrays[f"label_{name}"] = np.array(column, dtype=np.float32)
    with path.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]  # numpy's stub wants bool
