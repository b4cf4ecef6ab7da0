"""A model in an isolated environment, used like any other."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pytest_matalign.environments.folders import Built
from pytest_matalign.environments.process import (
    ModelFailedError,
    OutOfMemoryInWorkerError,
    WorkerConfusedError,
    WorkerDiedError,
    WorkerSilentError,
    worker_of,
)
from pytest_matalign.environments.protocol import (
    Digest,
    Digested,
    Embed,
    Embedded,
    Energised,
    Energy,
    Load,
    Loaded,
    Refuse,
    Refused,
    Reply,
    asked_for,
)
from pytest_matalign.environments.transport import received_array, sent_samples
from pytest_matalign.errors import ExtractionError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.view import row_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from numpy.typing import NDArray

    from pytest_matalign.environments.folders import Place
    from pytest_matalign.environments.process import Worker
    from pytest_matalign.environments.protocol import OfSamples
    from pytest_matalign.environments.transport import SentSample
    from pytest_matalign.zoo.card import ModelCard

MOST_DEATHS = 10
"""Of workers of one model, which is then given up; a batch of 512 halves itself nine times."""
LOADING = 8
"""Times the limit of a batch that weights may take to load, and to be fetched before."""
_OWN_PACKAGE = "pytest_matalign"
_Reply = TypeVar("_Reply", bound=Reply)


class SmallerBatchWarning(UserWarning):
    """A worker died or ran out of memory and goes on with smaller batches."""


class RemoteModel:
    """A model whose weights are in the memory of a worker.

    A worker holds one model at a time. It is shared by all models of its environment in this
    process and told to load again where another model was used in between.

    Attributes:
        batch_size: As the adapter says; a batch that is too much is halved until it fits, and
            later ones are cut to what did.
        provenance: What is noted with the rows: the environment, its Python and packages.

    Raises:
        UnavailableError: If the model cannot be loaded there.
        ExtractionError: If loading it fails or ends the worker.
    """

    def __init__(self, card: ModelCard, environment: Place, *, allow_pickle: bool = False) -> None:
        self._card, self._environment = card, environment
        self._allow_pickle = allow_pickle
        self._limit: int | None = None
        self._deaths = 0
        self.batch_size = 1
        self._packages: Mapping[str, str] = {}
        try:
            worker = self._worker()
        except WorkerDiedError as death:
            raise ExtractionError(f"{self._where} {death} while it loaded the weights.") from death
        apart = {"environment": environment.folder.name} if card.environment else {}
        self.provenance: Mapping[str, Any] = {
            **apart,
            "python": worker.python,
            "packages": self._packages,
        }

    def refuse(self, sample: Sample) -> str | None:
        """The adapter's reason for refusing a sample.

        Raises:
            ExtractionError: If the adapter fails or ends the worker.
        """
        try:
            return self._ask(Refuse(samples=self._sent([sample])), Refused).reason
        except (WorkerDiedError, OutOfMemoryInWorkerError) as death:
            raise self._beyond_help(sample, death) from death

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
                self._deaths += 1
                if len(batch) == 1:
                    raise self._beyond_help(batch[0], death) from death
                if self._deaths >= MOST_DEATHS or isinstance(death, WorkerSilentError):
                    raise ExtractionError(
                        f"{self._where} {death}, on {len(batch)} samples from {batch[0].id!r} on; "
                        f"it is given up after {self._deaths} of {MOST_DEATHS} times."
                    ) from death
                self._limit = len(batch) // 2
                _warn(f"{self._where} {death}, on {len(batch)} samples; trying {self._limit}.")
                continue
            start += len(batch)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def energy(self, atoms: Atoms) -> float:
        """Return the total energy in eV, if the adapter computes one.

        Raises:
            ConfigurationError: If it does not.
            ExtractionError: If it fails or ends the worker.
        """
        sample = Sample(id=str(atoms.symbols), atoms=atoms)
        try:
            return self._ask(Energy(samples=self._sent([sample])), Energised).energy
        except (WorkerDiedError, OutOfMemoryInWorkerError) as death:
            raise self._beyond_help(sample, death) from death

    def _rows(self, batch: Sequence[Sample]) -> NDArray[np.float32]:
        reply = self._ask(Embed(samples=self._sent(batch)), Embedded)
        vectors: NDArray[np.float32] = received_array(reply.vectors)
        # Parts of a batch are joined: a row too many in one must not make up for one in another.
        wanted = sum(len(row_names(self._card, sample)) for sample in batch)
        if len(batch) < self.batch_size and vectors.ndim and len(vectors) != wanted:
            raise ExtractionError(
                f"{self._where} returned {len(vectors)} rows for {wanted} samples; "
                "return exactly one row a sample, in the order given."
            )
        return vectors

    def _sent(self, samples: Sequence[Sample]) -> tuple[SentSample, ...]:
        return sent_samples(samples, forms=self._card.inputs)

    def _ask(self, request: OfSamples, wanted: type[_Reply]) -> _Reply:
        ids = asked_for(request)
        try:
            return self._worker().ask(request, wanted, seconds=self._card.batch_seconds)
        except ModelFailedError as error:
            span = " to ".join(dict.fromkeys((ids[0], ids[-1])))
            raise ExtractionError(f"{self._where} failed on {span}: {error}") from error.__cause__
        except WorkerConfusedError as error:
            raise ExtractionError(f"{self._where} {error}.") from error

    def _worker(self) -> Worker:
        """The environment's worker, with this model loaded."""
        worker = worker_of(self._environment)
        if worker.holds is None or worker.holds[0] != self._card:
            worker.holds = None
            request = Load(
                card=self._card, provides=_provided(self._card), allow_pickle=self._allow_pickle
            )
            try:
                reply = worker.ask(request, Loaded, seconds=LOADING * self._card.batch_seconds)
            except (ModelFailedError, OutOfMemoryInWorkerError) as error:
                raise ExtractionError(
                    f"{self._where} failed while it loaded the weights: {error}"
                ) from error.__cause__
            worker.holds = self._card, reply
        _, told = worker.holds
        self.batch_size, self._packages = told.batch_size, told.packages
        return worker

    def _beyond_help(self, sample: Sample, death: Exception) -> ExtractionError:
        return ExtractionError(f"{self._where} {death}, on the sample {sample.id!r} alone.")

    @property
    def _where(self) -> str:
        return f"model {self._card.id!r} {_named(self._environment)}"


def remote_digest(card: ModelCard, environment: Place) -> str:
    """`zoo.weights.weights_digest` of a card, told by the environment that holds the files.

    Raises:
        UnavailableError: If they are not there.
        ExtractionError: If the worker dies.
    """
    try:
        request = Digest(card=card, provides=_provided(card))
        return worker_of(environment).ask(request, Digested).digest
    except (
        WorkerDiedError,
        WorkerConfusedError,
        OutOfMemoryInWorkerError,
        ModelFailedError,
    ) as error:
        raise ExtractionError(
            f"model {card.id!r} {_named(environment)} {error}, while its weights were read."
        ) from error


def _named(place: Place) -> str:
    return f"in the environment {place.name}" if isinstance(place, Built) else place.name


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
