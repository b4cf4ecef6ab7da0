"""Every metric of every pair of many spaces at once: per-space work done once, bounded memory.

Three passes share all work. The first finds every space's neighbours, the second goes through
row blocks of all distance matrices together, the third through cross products of features. What
is kept per space is its rows in float32 (unless read from disk each time) and its neighbour
lists; everything of size n x n exists in blocks only. Products are float32, sums float64.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pytest_matalign.engine.checkpoint import Checkpoint, fingerprint
from pytest_matalign.engine.distances import (
    DistancePass,
    DistanceSums,
    block_rows,
    distance_correlations,
    imbalances,
)
from pytest_matalign.engine.neighbours import Lists, neighbour_lists, overlap_scores
from pytest_matalign.engine.products import cka_matrix, cross_row, procrustes_matrix
from pytest_matalign.engine.spaces import Rows, Space, shape_of
from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.neighbours import require_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ENGINE_METRICS: dict[str, str] = {
    "cknna": "cknna-paper/1",
    "mutual_knn": "mutual-knn/1",
    "distance_correlation": "distance-correlation-unbiased/1",
    "distance_correlation_biased": "distance-correlation/1",
    "information_imbalance": "information-imbalance/1",
    "linear_cka": "linear-cka-unbiased/1",
    "linear_cka_biased": "linear-cka/1",
    "procrustes": "procrustes-cosine/1",
    "intrinsic_dimension": "twonn/1",
}
"""Metrics the engine offers, and their estimators (in float32, to about 1e-5)."""

_DEFAULT_K = {"cknna": 25, "mutual_knn": 10, "information_imbalance": 1}
_KEEP_LIMIT = 4 << 30
_SAVE_SECONDS = 60.0
_NEEDS_LISTS = {"cknna", "mutual_knn", "information_imbalance", "intrinsic_dimension"}
_NEEDS_CROSS = {"linear_cka", "linear_cka_biased", "procrustes"}
_DCOR = {"distance_correlation", "distance_correlation_biased"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignmentMatrix:
    """All alignments of a set of embeddings.

    Attributes:
        names: The M embeddings, in order.
        n: Samples.
        preprocess: What was done to the features.
        k: Neighbours, by metric.
        values: By metric, (M, M) in float64. `information_imbalance` is not symmetric: [a, b] is
            from a to b. `intrinsic_dimension` is (M,).
    """

    names: tuple[str, ...]
    n: int
    preprocess: str
    k: Mapping[str, int]
    values: Mapping[str, NDArray[np.float64]]

    def pair(self, metric: str, a: str, b: str) -> float:
        """Return one value by names."""
        return float(self.values[metric][self.names.index(a), self.names.index(b)])


def alignment_matrix(  # noqa: PLR0913  settings of one long run; a class would only hide them
    embeddings: Mapping[str, Rows],
    *,
    metrics: Iterable[str] = tuple(ENGINE_METRICS),
    preprocess: str = "center-l2",
    k: Mapping[str, int] | None = None,
    device: str = "cpu",
    memory: int = 1 << 29,
    keep: bool | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> AlignmentMatrix:
    """Return every metric of every pair of embeddings.

    Args:
        embeddings: By name, each (n, d) with the same n and samples in the same order: numpy
            arrays and memory maps, torch tensors, or slices of safetensors files (`get_slice`).
        metrics: Names from `ENGINE_METRICS`.
        preprocess: See `pytest_matalign.metrics.preprocessing.preprocess`.
        k: Neighbours by metric; 25 for `cknna`, 10 for `mutual_knn`, 1 for
            `information_imbalance` where not given.
        device: A torch device, `cpu` or `cuda`.
        memory: Bytes a block of rows of all spaces may take; a few such blocks exist at a time.
        keep: Hold all preprocessed rows in memory, or read them again whenever needed; by
            default held up to 4 GiB.
        checkpoint: Folder in which to save progress, and from which to go on after a crash.
        progress: Called with the pass (`neighbours`, `distances`, `products`), what is done
            and what there is to do.

    Ties: samples equally close share neighbour places, as far as they are within seven places
    beyond k; exact copies are skipped by `intrinsic_dimension`.

    Raises:
        MetricInputError: Unknown metrics, arrays of different length, non-finite or collapsed
            embeddings, k out of range.
        ConfigurationError: `checkpoint` holds a run over other inputs or settings.
    """
    wanted = _checked_metrics(metrics)
    n = checked_length(embeddings)
    sizes = {name: (k or {}).get(name, _DEFAULT_K[name]) for name in _DEFAULT_K if name in wanted}
    for size in sizes.values():
        require_neighbours(size, n)
    spaces = open_spaces(embeddings, preprocess, torch.device(device), keep=keep)
    settings = {"preprocess": preprocess, "k": sizes, "metrics": sorted(wanted)}
    run = _Run(
        spaces=spaces,
        wanted=wanted,
        k=sizes,
        memory=memory,
        checkpoint=Checkpoint(checkpoint, fingerprint(spaces, settings) if checkpoint else ""),
        report=progress or (lambda *_: None),
    )
    return AlignmentMatrix(
        names=tuple(embeddings), n=n, preprocess=preprocess, k=sizes, values=run.values()
    )


def _checked_metrics(metrics: Iterable[str]) -> set[str]:
    wanted = set(metrics)
    unknown = sorted(wanted - set(ENGINE_METRICS))
    if unknown or not wanted:
        raise MetricInputError(
            f"unknown metrics {', '.join(unknown) or '(none given)'}; choose from "
            f"{', '.join(ENGINE_METRICS)}."
        )
    return wanted


def checked_length(embeddings: Mapping[str, Rows]) -> int:
    """Return the number of samples all embeddings share.

    Raises:
        MetricInputError: They differ, or are too few.
    """
    lengths = {name: shape_of(rows)[0] for name, rows in embeddings.items()}
    if len(set(lengths.values())) != 1:
        raise MetricInputError(
            "embeddings must have the same samples in the same order, but their lengths are "
            f"{', '.join(f'{name}: {length}' for name, length in lengths.items()) or 'unknown'}."
        )
    n = next(iter(lengths.values()))
    if n < 16:
        raise MetricInputError(f"{n} samples are too few for the engine; it needs at least 16.")
    return n


def open_spaces(
    embeddings: Mapping[str, Rows], preprocess: str, device: torch.device, *, keep: bool | None
) -> list[Space]:
    """Return the embeddings ready for the passes; kept in memory up to 4 GiB if `keep` is None."""
    if keep is None:
        total = sum(4 * n * d for n, d in map(shape_of, embeddings.values()))
        keep = total <= _KEEP_LIMIT
    return [
        Space(rows, name=name, how=preprocess, device=device, keep=keep)
        for name, rows in embeddings.items()
    ]


@dataclass(slots=True, kw_only=True)
class _Run:
    spaces: Sequence[Space]
    wanted: set[str]
    k: Mapping[str, int]
    memory: int
    checkpoint: Checkpoint
    report: Callable[[str, int, int], None]

    def values(self) -> dict[str, NDArray[np.float64]]:
        result: dict[str, NDArray[np.float64]] = {}
        lists = self._lists() if self.wanted & _NEEDS_LISTS else []
        result |= self._from_lists(lists)
        if self.wanted & (_DCOR | {"information_imbalance"}):
            result |= self._from_distances(lists)
        if self.wanted & _NEEDS_CROSS:
            result |= self._from_products()
        return {name: result[name] for name in ENGINE_METRICS if name in self.wanted}

    def _lists(self) -> list[Lists]:
        by_product = max((self.k.get(name, 1) for name in ("cknna", "mutual_knn")), default=1)
        by_distance = max(2, self.k.get("information_imbalance", 2))
        n = self.spaces[0].n
        rows = block_rows(2, n, min(self.memory, 1 << 26))
        lists = []
        for index, space in enumerate(self.spaces):
            stored = self.checkpoint.load(f"neighbours-{index}")
            if stored is None:
                entry = neighbour_lists(space, k=by_product, nearest_k=by_distance, rows=rows)
                self.checkpoint.save(f"neighbours-{index}", **entry.arrays())
            else:
                entry = Lists.from_arrays(stored)
            lists.append(entry)
            self.report("neighbours", index + 1, len(self.spaces))
        return lists

    def _from_lists(self, lists: Sequence[Lists]) -> dict[str, NDArray[np.float64]]:
        result: dict[str, NDArray[np.float64]] = {}
        for name in ("mutual_knn", "cknna"):
            if name in self.wanted:
                result[name] = overlap_scores(lists, k=self.k[name], kernel=name == "cknna")
        if "intrinsic_dimension" in self.wanted:
            result["intrinsic_dimension"] = np.array([entry.dimension for entry in lists])
        return result

    def _from_distances(self, lists: Sequence[Lists]) -> dict[str, NDArray[np.float64]]:
        count, n = len(self.spaces), self.spaces[0].n
        k = self.k.get("information_imbalance")
        work = DistancePass(
            self.spaces,
            lists,
            k=k,
            products=bool(self.wanted & _DCOR),
            rows=block_rows(count, n, self.memory),
            threads=torch.get_num_threads(),
        )
        stored = self.checkpoint.load("distances")
        sums = DistanceSums.from_arrays(stored) if stored else DistanceSums.empty(count, n)
        self.report("distances", sums.row, n)
        saved = time.monotonic()
        while sums.row < n:
            work.advance(sums)
            self.report("distances", sums.row, n)
            if sums.row == n or time.monotonic() - saved > _SAVE_SECONDS:
                self.checkpoint.save("distances", **sums.arrays())
                saved = time.monotonic()
        result: dict[str, NDArray[np.float64]] = {}
        if k is not None:
            result["information_imbalance"] = imbalances(sums, n, k)
        if work.products:
            pilots = torch.stack(work.pilots).double().cpu().numpy()
            for name in _DCOR:
                unbiased = name == "distance_correlation"
                result[name] = distance_correlations(sums, pilots, unbiased=unbiased)
        return result

    def _from_products(self) -> dict[str, NDArray[np.float64]]:
        count = len(self.spaces)
        nuclear_wanted = "procrustes" in self.wanted
        stored = self.checkpoint.load("products")
        squares = np.zeros((count, count)) if stored is None else stored["squares"]
        nuclear = np.zeros((count, count)) if stored is None else stored["nuclear"]
        done = 0 if stored is None else int(stored["done"])
        for a in range(done, count):
            squares[a, a:], nuclear[a, a:] = cross_row(
                self.spaces, a, nuclear=nuclear_wanted, threads=torch.get_num_threads()
            )
            self.checkpoint.save("products", squares=squares, nuclear=nuclear, done=a + 1)
            self.report("products", a + 1, count)
        squares = squares + np.triu(squares, 1).T
        lengths = torch.stack([space.squares for space in self.spaces]).double().cpu().numpy()
        result = {
            "linear_cka": cka_matrix(squares, lengths, unbiased=True),
            "linear_cka_biased": cka_matrix(squares, lengths, unbiased=False),
        }
        if nuclear_wanted:
            nuclear = nuclear + np.triu(nuclear, 1).T
            result["procrustes"] = procrustes_matrix(nuclear, lengths.sum(axis=1))
        return result
