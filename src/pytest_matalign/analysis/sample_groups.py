"""Groups of samples a loss may hide in: elements, composition and size classes, label columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.splits.sample import Sample

MOST_VALUES = 12
"""Distinct values up to which a text label makes groups."""
THIRDS = ("low", "middle", "high")


def numeric_labels(samples: Sequence[Sample]) -> dict[str, Float64]:
    """Return labels (n,) that are numbers, NaN where a sample has none."""
    names = dict.fromkeys(name for sample in samples for name in sample.labels)
    found = {}
    for name in names:
        values = [sample.labels.get(name) for sample in samples]
        if not any(isinstance(value, str) for value in values):
            found[name] = np.array([np.nan if v is None else float(v) for v in values])
    return found


def sample_groups(samples: Sequence[Sample]) -> dict[str, NDArray[np.intp]]:
    """Return positions of the samples of each group, by a name that says what they share."""
    found: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        for name in _names(sample):
            found.setdefault(name, []).append(place)
    groups = {name: np.array(places, dtype=np.intp) for name, places in found.items()}
    for what, values in {"size": _sizes(samples), **numeric_labels(samples)}.items():
        groups |= _thirds(what, values)
    texts = {n for s in samples for n, v in s.labels.items() if isinstance(v, str)}
    for name in sorted(texts):
        kinds = {str(s.labels[name]) for s in samples if name in s.labels}
        if len(kinds) <= MOST_VALUES:
            for kind in sorted(kinds):
                places = [i for i, s in enumerate(samples) if s.labels.get(name) == kind]
                groups[f"{name} {kind}"] = np.array(places, dtype=np.intp)
    return groups


def _names(sample: Sample) -> list[str]:
    if sample.atoms is None:
        return []
    elements = sorted(set(sample.atoms.symbols))
    return [*elements, f"{len(elements)} elements"]


def _sizes(samples: Sequence[Sample]) -> Float64:
    sizes = []
    for sample in samples:
        text = sample.smiles or sample.sequence or ""
        sizes.append(len(sample.atoms) if sample.atoms is not None else len(text))
    return np.array(sizes, dtype=float)


def _thirds(what: str, values: Float64) -> dict[str, NDArray[np.intp]]:
    """Thirds by value; none where so many are equal that the thirds would not differ."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return {}
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    if low == high:
        return {}
    third = np.digitize(values[known], [low, high], right=True)
    return {f"{name} {what}": known[third == i] for i, name in enumerate(THIRDS)}
