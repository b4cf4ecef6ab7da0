"""The process inside an environment: answers the host's requests until it is told to end."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec
import numpy as np

from pytest_matalign.environments import protocol
from pytest_matalign.environments.parent import end_with_parent
from pytest_matalign.environments.protocol import (
    Bye,
    Digest,
    Digested,
    Embed,
    Embedded,
    Energised,
    Energy,
    Failed,
    Hello,
    Load,
    Loaded,
    Probe,
    Probed,
    Refuse,
    Refused,
)
from pytest_matalign.environments.transport import NUMBERS, received_samples, sent_array
from pytest_matalign.errors import ConfigurationError, ExtractionError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import BinaryIO

    from pytest_matalign.environments.protocol import AnyRequest, Reply
    from pytest_matalign.zoo.model import Model

_OUT_OF_MEMORY = ("can't allocate memory", "out of memory")


def main() -> NoReturn:
    """Take over the pipes, greet, and answer until the host says `bye` or is gone."""
    incoming, outgoing = _own_pipes()
    # Ctrl-C in a terminal reaches this process too; what becomes of it is the host's to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    version = ".".join(str(part) for part in sys.version_info[:3])
    protocol.write(outgoing, Hello(protocol=protocol.PROTOCOL, python=version))
    worker, own = _Worker(), os.getpid()
    while (request := protocol.read_request(incoming)) is not None and not isinstance(request, Bye):
        reply = worker.answer(request)
        if os.getpid() != own:
            os._exit(0)  # a fork of the model's code came back here; one answer is enough
        protocol.write(outgoing, reply)
    sys.stderr.flush()
    # Some packages leave threads behind that would keep the interpreter from ending.
    os._exit(0)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The host's pipes under other numbers, so that no package can print into them.

    What is printed goes to stderr, and whoever reads from stdin finds it empty.
    """
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")


class _Worker:
    """One model at a time, and the answer to each kind of request."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._name = ""
        self._hosts = _HostPackages()
        sys.meta_path.append(self._hosts)

    def answer(self, request: AnyRequest) -> Reply:
        """The answer to a request, a `Failed` if the model's code raises anything at all."""
        try:
            reply = self._answer(request)
        except BaseException as error:  # noqa: BLE001  packages raise SystemExit, too; all is told
            reply = Failed(
                error=type(error).__name__,
                sentence=str(error),
                traceback=traceback.format_exc(),
                memory=_lacks_memory(error),
            )
        return msgspec.structs.replace(
            reply, number=request.number, ids=protocol.asked_for(request)
        )

    def _answer(self, request: AnyRequest) -> Reply:
        match request:
            case Digest():
                return self._digest(request)
            case Load():
                return self._load(request)
            case Refuse():
                [sample] = received_samples(request.samples)
                return Refused(reason=self._loaded().refuse(sample))
            case Embed():
                return self._embed(request)
            case Energy():
                return self._energy(request)
            case Probe():
                return Probed(versions=installed_versions(), failures=_failures(request.imports))
            case Bye():
                raise AssertionError("nobody answers a good-bye")

    def _digest(self, request: Digest) -> Digested:
        from pytest_matalign.zoo.weights.files import weights_digest

        self._hosts.packages.update(request.provides)
        return Digested(digest=weights_digest(request.card))

    def _load(self, request: Load) -> Loaded:
        from pytest_matalign.zoo.adapter import load_here
        from pytest_matalign.zoo.packages import BENEATH, required_here, versions_here

        self._model = None  # freed before the next one asks for memory
        self._hosts.packages.update(request.provides)
        card = request.card
        self._model, self._name = load_here(card, allow_pickle=request.allow_pickle), card.id
        packages = versions_here(*BENEATH) | required_here(card)
        return Loaded(batch_size=int(self._model.batch_size), packages=packages)

    def _embed(self, request: Embed) -> Embedded:
        samples = received_samples(request.samples)
        _one_thread()
        vectors = np.asarray(self._loaded().embed(samples))
        if vectors.dtype.kind not in NUMBERS:
            raise ExtractionError(
                f"{self._name} returned an array of dtype {vectors.dtype}; return one "
                "two-dimensional float array [samples, width]."
            )
        return Embedded(vectors=sent_array(vectors))

    def _energy(self, request: Energy) -> Energised:
        from pytest_matalign.zoo.model import EnergyModel

        [sample] = received_samples(request.samples)
        model = self._loaded()
        if not isinstance(model, EnergyModel) or sample.atoms is None:
            raise ConfigurationError(f"{self._name}: its adapter computes no energies.")
        _one_thread()
        return Energised(energy=model.energy(sample.atoms))

    def _loaded(self) -> Model:
        if self._model is None:
            raise ConfigurationError("The worker was asked to embed before it was told to load.")
        return self._model


def installed_versions() -> dict[str, str]:
    """Version of every distribution of this environment, by its name."""
    from importlib.metadata import distributions

    return {found.name: found.version for found in distributions()}


def _failures(imports: Sequence[str]) -> dict[str, str]:
    """Why each of these modules cannot be imported, for those that cannot."""
    from pytest_matalign.zoo.quiet import import_quietly

    found = {}
    for name in imports:
        try:
            import_quietly(name)
        except BaseException as error:  # noqa: BLE001  whatever a package raises is the finding
            found[name] = f"{type(error).__name__}: {error}"
    return found


def _one_thread() -> None:
    """As in the host, where `embeddings.extraction` does the same."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)


def _lacks_memory(error: BaseException) -> bool:
    named = any(
        kind.__name__ in {"MemoryError", "OutOfMemoryError"} for kind in type(error).__mro__
    )
    return named or any(words in str(error).lower() for words in _OUT_OF_MEMORY)


class _HostPackages:
    """Finds the packages of adapters where the host keeps them, if the environment has none."""

    def __init__(self) -> None:
        self.packages: dict[str, str] = {}
        """Folder that holds a package or module, by its name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called by the import system after every other finder."""
        if path is not None or name not in self.packages:
            return None
        return PathFinder.find_spec(name, [str(Path(self.packages[name]))], target)
