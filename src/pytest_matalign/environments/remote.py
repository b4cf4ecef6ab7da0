"""A model in an isolated environment, used like any other."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pytest_matalign.environments.process import (
    ModelFailedError,
    OutOfMemoryInWorkerError,
    WorkerDiedError,
    worker_of,
)
from pytest_matalign.environments.transport import packed
from pytest_matalign.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.environments.folders import Built
    from pytest_matalign.environments.process import Worker
    from pytest_matalign.environments.protocol import Message
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

_OWN_PACKAGE = "pytest_matalign"
_NOTED = ("torch", "numpy")


class SmallerBatchWarning(UserWarning):
    """A worker died or ran out of memory and goes on with smaller batches."""


class RemoteModel:
    """A model whose weights are in the memory of a worker.

    A worker holds one model at a time. It is shared by all models of its environment in this
    process and told to load again where another model was used in between.

    Attributes:
        batch_size: As the adapter says; a batch that is too much is halved until it fits, and
            later ones are cut to what did.
        provenance: What is noted with the embeddings: environment, Python, torch, numpy.

    Raises:
        UnavailableError: If the model cannot be loaded there.
        ExtractionError: If loading it fails or ends the worker.
    """

    def __init__(self, card: ModelCard, environment: Built, *, allow_pickle: bool = False) -> None:
        self._card, self._environment = card, environment
        self._allow_pickle = allow_pickle
        self._limit: int | None = None
        self.batch_size = 1
        try:
            worker = self._worker()
        except WorkerDiedError as death:
            raise ExtractionError(f"{self._where} {death} while it loaded the weights.") from death
        record = environment.record
        versions = {name: record.packages[name] for name in _NOTED if name in record.packages}
        self.provenance: Mapping[str, Any] = {
            "environment": environment.folder.name,
            "python": worker.python,
            **versions,
        }

    def refuse(self, sample: Sample) -> str | None:
        """The adapter's reason for refusing a sample.

        Raises:
            ExtractionError: If the adapter fails or ends the worker.
        """
        try:
            reply = self._ask("refuse", [sample])
        except (WorkerDiedError, OutOfMemoryInWorkerError) as death:
            raise self._beyond_help(sample, death) from death
        reason: str | None = reply.fields["reason"]
        return reason

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return [len(samples), width] as the adapter does; the caller checks the values.

        Raises:
            ExtractionError: If the adapter fails, or ends the worker even on one sample alone.
        """
        parts: list[NDArray[np.float32]] = []
        start = 0
        while start < len(samples):
            batch = samples[start : start + (self._limit or len(samples))]
            try:
                parts.append(self._rows(batch))
            except (WorkerDiedError, OutOfMemoryInWorkerError) as death:
                if len(batch) == 1:
                    raise self._beyond_help(batch[0], death) from death
                self._limit = len(batch) // 2
                _warn(f"{self._where} {death}, on {len(batch)} samples; trying {self._limit}.")
                continue
            start += len(batch)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _rows(self, batch: Sequence[Sample]) -> NDArray[np.float32]:
        [vectors] = self._ask("embed", batch).arrays
        # Parts of a batch are joined: a row too many in one must not make up for one in another.
        if len(batch) < self.batch_size and vectors.ndim and len(vectors) != len(batch):
            raise ExtractionError(
                f"{self._where} returned {len(vectors)} rows for {len(batch)} samples; "
                "return exactly one row a sample, in the order given."
            )
        return vectors

    def _ask(self, kind: str, samples: Sequence[Sample]) -> Message:
        heads, arrays = packed(samples, forms=self._card.inputs)
        try:
            return self._worker().ask(kind, {"samples": heads}, arrays)
        except ModelFailedError as error:
            span = " to ".join(dict.fromkeys((samples[0].id, samples[-1].id)))
            raise ExtractionError(f"{self._where} failed on {span}: {error}") from error.__cause__

    def _worker(self) -> Worker:
        """The environment's worker, with this model loaded."""
        worker = worker_of(self._environment)
        if worker.holds != self._card:
            worker.holds = None
            fields = {**_request(self._card), "allow_pickle": self._allow_pickle}
            try:
                reply = worker.ask("load", fields)
            except (ModelFailedError, OutOfMemoryInWorkerError) as error:
                raise ExtractionError(
                    f"{self._where} failed while it loaded the weights: {error}"
                ) from error.__cause__
            self.batch_size = reply.fields["batch_size"]
            worker.holds = self._card
        return worker

    def _beyond_help(self, sample: Sample, death: Exception) -> ExtractionError:
        return ExtractionError(f"{self._where} {death}, on the sample {sample.id!r} alone.")

    @property
    def _where(self) -> str:
        return f"model {self._card.id!r} in the environment {self._environment.name}"


def remote_digest(card: ModelCard, environment: Built) -> str:
    """`zoo.weights.weights_digest` of a card, told by the environment that holds the files.

    Raises:
        UnavailableError: If they are not there.
        ExtractionError: If the worker dies.
    """
    try:
        reply = worker_of(environment).ask("digest", _request(card))
    except (WorkerDiedError, OutOfMemoryInWorkerError, ModelFailedError) as error:
        raise ExtractionError(
            f"model {card.id!r} in the environment {environment.name} {error}, while its weights "
            "were read."
        ) from error
    digest: str = reply.fields["digest"]
    return digest


def _request(card: ModelCard) -> dict[str, Any]:
    return {"card": msgspec.to_builtins(card), "provides": _provided(card)}


def _provided(card: ModelCard) -> dict[str, str]:
    """Where the host keeps the package of the card's adapter, unless it is this one."""
    package = card.adapter.partition(".")[0]
    if "." not in card.adapter or package == _OWN_PACKAGE:
        return {}
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return {}
    file = Path(spec.origin)
    return {package: str(file.parents[1] if spec.submodule_search_locations else file.parent)}


def _warn(sentence: str) -> None:
    # Shown even where the host turns warnings into errors: the work goes on.
    with warnings.catch_warnings():
        warnings.simplefilter("always", SmallerBatchWarning)
        warnings.warn(sentence, SmallerBatchWarning, stacklevel=3)
