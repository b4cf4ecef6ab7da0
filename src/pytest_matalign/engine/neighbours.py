"""Nearest neighbours of every sample of a space, ties and all: the lists every metric reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.metrics.neighbours import require_neighbours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The closest samples of every sample of one space, closest first, ties by sample number."""

    ids: NDArray[np.int32]  # (n, K)
    values: NDArray[Any]  # (n, K), falling: inner product less its row mean, or minus a distance
    # Samples with more neighbours as close as the last listed one, one entry for each of these
    tied_rows: NDArray[np.int32]
    tied_ids: NDArray[np.int32]  # The neighbours left over

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a checkpoint keeps."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_arrays(cls, stored: Mapping[str, NDArray[Any]]) -> Lists:
        """Return lists from what a checkpoint kept."""
        return cls(**{name: stored[name] for name in cls.__slots__})

    def nearest(self, k: int) -> Neighbours:
        """Return the k nearest; samples tied for the last places share them.

        Raises:
            MetricInputError: k is not between 1 and n - 1.
        """
        n = len(self.ids)
        require_neighbours(k, n)
        last = self.values[:, k - 1 : k]
        closer, tied = self.values > last, self.values == last
        beyond = np.bincount(self.tied_rows, minlength=n)
        beyond = np.where(self.values[:, -1] == last[:, 0], beyond, 0)
        share = (k - closer.sum(axis=1)) / (tied.sum(axis=1) + beyond)
        weights = np.where(closer, 1.0, np.where(tied, share[:, None], 0.0))
        rows, places = np.nonzero(weights)
        more = beyond[self.tied_rows] > 0
        left_rows, left_ids = self.tied_rows[more].astype(np.intp), self.tied_ids[more]
        rows_all = np.concatenate([rows, left_rows])
        columns = np.concatenate([self.ids[rows, places], left_ids]).astype(np.intp)
        keys = rows_all * n + columns
        order = np.argsort(keys)
        values = np.concatenate([self.values[rows, places], self.values[left_rows, -1]])
        found = np.concatenate([weights[rows, places], share[left_rows]])
        return Neighbours(
            n=n,
            k=k,
            keys=keys[order],
            rows=rows_all[order],
            columns=columns[order],
            weights=found[order],
            values=values[order].astype(np.float64),
        )

    def window(self, low: int, high: int) -> tuple[NDArray[np.intp], Float64]:
        """Return ids and values (n, high - low) of places low to high of the lists."""
        part = slice(low, high)
        return self.ids[:, part].astype(np.intp), self.values[:, part].astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Neighbour pairs of one space, by row and column: a sparse matrix of weights."""

    n: int  # Samples
    k: int  # Sum of each row's weights
    keys: NDArray[np.intp]  # row * n + column, ascending
    rows: NDArray[np.intp]  # Sample each pair belongs to
    columns: NDArray[np.intp]  # Its neighbour
    weights: Float64  # 1, or the share of places that tied neighbours have
    values: Float64  # How close, see `Lists`

    def find(self, keys: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the place of each key among the pairs, and whether it is there."""
        place = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return place, self.keys[place] == keys

    def sums(self, values: Float64) -> Float64:
        """Return sums (n,) over each sample's pairs."""
        return np.bincount(self.rows, weights=values, minlength=self.n).astype(np.float64)

    def column_sums(self, values: Float64) -> Float64:
        """Return sums (n,) over the pairs in which each sample is the neighbour."""
        return np.bincount(self.columns, weights=values, minlength=self.n).astype(np.float64)

    def between(self, start: int, stop: int) -> slice:
        """Return the pairs that belong to samples start to stop."""
        first, last = np.searchsorted(self.rows, [start, stop])
        return slice(int(first), int(last))
