"""A loaded model with the samples it is tested on."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pytest_matalign.errors import ExtractionError, MatalignError
from pytest_matalign.splits.sample import Input, Sample
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.domain import form, refusal
from pytest_matalign.zoo.model import Model


class FaultError(ExtractionError):
    """What a model did wrong, as words that go on where "the model" leaves off."""


def told_of(error: MatalignError, *, given: str | None = None) -> str:
    """One sentence on a model's fault, or on what else kept it from answering."""
    words = str(error).rstrip(".")
    if isinstance(error, FaultError):
        return f"Given {given}, the model {words}." if given else f"The model {words}."
    return f"Given {given}: {words}." if given else f"{words}."


@dataclass(frozen=True)
class Subject:
    """What a check looks at."""

    card: ModelCard  # Of the model
    model: Model  # With its weights in memory
    samples: tuple[Sample, ...]  # Samples the model takes
    tolerance: float  # Largest change of an embedding that counts as none, in units of `scale`

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """Embeddings of the samples, [samples, width]."""
        return self.batched(self.samples)

    @cached_property
    def scale(self) -> float:
        """Median distance between the embeddings of two different samples.

        The unit of every change: what matters to an alignment is whether a change could make
        another sample the nearest neighbour. Where all embeddings coincide it is their norm.
        """
        wide = self.vectors.astype(np.float64)
        return self.spread or float(np.linalg.norm(wide, axis=1).max()) or 1.0

    @cached_property
    def spread(self) -> float:
        """Median distance between the embeddings of two samples; 0 where there is one."""
        from scipy.spatial.distance import pdist

        return float(np.median(pdist(self.vectors))) if len(self.vectors) > 1 else 0.0

    def batched(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Embeddings [samples, width], made in batches as an extraction makes them.

        Raises:
            FaultError: As `embed`, and if rows of different batches differ in width.
        """
        size = self.model.batch_size
        starts = range(0, len(samples), size)
        parts = [self.embed(samples[start : start + size]) for start in starts]
        widths = sorted({part.shape[1] for part in parts})
        if len(widths) > 1:
            raise FaultError(f"returned rows of different widths {widths}")
        return np.concatenate(parts)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """The model's answer to one batch, one row a sample.

        Raises:
            FaultError: If the model raises, or returns no such array.
        """
        with told():
            found = self.model.embed(samples)
        if not isinstance(found, np.ndarray) or found.ndim != 2 or len(found) != len(samples):
            shape = getattr(found, "shape", None)
            what = f"an array of shape {shape}" if shape is not None else type(found).__name__
            raise FaultError(f"returned {what} for {len(samples)} samples, not a row for each")
        return found

    def reason(self, sample: Sample) -> str | None:
        """Why a sample is refused, by the card or by the model, or None.

        Raises:
            FaultError: If the model raises.
        """
        with told():
            return refusal(self.card, sample) or self.model.refuse(sample)

    def form(self, sample: Sample) -> Input | None:
        """The form of a sample the model reads."""
        return form(self.card, sample)

    def having(self, wanted: Callable[[Sample], bool]) -> list[int]:
        """Places of the samples for which `wanted` is true."""
        return [place for place, sample in enumerate(self.samples) if wanted(sample)]

    def reads(self, *forms: Input) -> list[int]:
        """Places of the samples of which the model reads one of these forms."""
        return self.having(lambda sample: self.form(sample) in forms)

    def change(self, found: NDArray[np.float32], places: Sequence[int]) -> float:
        """Largest distance of rows from the reference embeddings at `places`, in `scale`.

        Not a number where the rows hold values that are not finite.

        Raises:
            FaultError: If there are not as many rows, or they have another width.
        """
        expected = self.vectors[list(places)].astype(np.float64)
        rows = np.asarray(found, dtype=np.float64)
        if rows.shape != expected.shape:
            raise FaultError(
                f"returned an array of shape {rows.shape} where {expected.shape} was expected"
            )
        return float(np.linalg.norm(rows - expected, axis=1).max()) / self.scale


@contextmanager
def told() -> Iterator[None]:
    """Turn whatever third-party model code raises into one sentence, the cause kept.

    Its warnings are dropped: a host project may turn them into errors, and they are not what is
    tested.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MatalignError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise FaultError(f"raised {type(error).__name__}: {text[:300]}") from error
