"""The model under test: from the zoo, from a factory, from the hub, or from a file."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_matalign.embeddings.files import EmbeddingFile
from pytest_matalign.embeddings.obtain import Extracted
from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import Modality, ModelCard
    from pytest_matalign.zoo.model import Model

MODALITY: Mapping[str, Modality] = {
    "atoms": "3d",
    "smiles": "string",
    "sequence": "protein-sequence",
    "backbone": "protein-structure",
}
HUB = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>\S+)")
FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A candidate as it was asked for.

    Attributes:
        spec: Zoo id, `package.module:factory`, `hf:org/name@sha`, or a file of embeddings.
        name: What it is called in the scorecard, unless it is a model of the zoo.
        input: Form of a sample it reads.
        modality: Follows from `input` if None.
        family: Of models.
        elements: Atomic symbols it knows; all if None.
    """

    spec: str
    name: str
    input: Input | None
    modality: Modality | None
    family: str
    elements: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The model under test.

    Attributes:
        card: What the scorecard says of it.
        source: Where its rows come from; None for a model of the zoo, which is obtained as a
            reference is.
    """

    card: ModelCard
    source: Source | None = None


def resolve_candidate(wanted: Wanted, *, root: Path, run_id: str) -> Candidate:
    """Turn the host's `candidate` into something that can be embedded.

    Args:
        wanted: What was asked for.
        root: The host project's folder, where its modules and files are looked for.
        run_id: Tells this run from every other; the workers of one run share it.

    Raises:
        ConfigurationError: If the specification is none of the four kinds, a file is absent, or
            `input` is missing where it is needed. (What can only be known by importing the
            host's code or a model package is raised when it is first embedded.)
    """
    spec = wanted.spec
    if match := HUB.fullmatch(spec):
        return _from_hub(wanted, repo=match["repo"], revision=match["revision"])
    if FACTORY.fullmatch(spec):
        return _from_factory(wanted, spec, root=root, run_id=run_id)
    if Path(spec).suffix == ".npz":
        return _from_file(wanted, root / spec)
    return _from_zoo(spec)


def _from_zoo(model_id: str) -> Candidate:
    from pytest_matalign.zoo.catalogue import card

    try:
        found = card(model_id)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error} A candidate may also be `package.module:factory`, "
            "`hf:org/name@<40-hex commit>` or a file `embeddings.npz`."
        ) from None
    return Candidate(card=found)


def _from_file(wanted: Wanted, path: Path) -> Candidate:
    if not path.is_file():
        raise ConfigurationError(
            f"The candidate's file of embeddings {path} does not exist; write it with "
            "`pytest_matalign.embeddings.files.write_embeddings`."
        )
    card = _card(wanted, layer="as in the file", pooling="as in the file")
    return Candidate(card=card, source=EmbeddingFile(card.id, path))


def _from_hub(wanted: Wanted, *, repo: str, revision: str) -> Candidate:
    form = _input_of(wanted)
    card = _card(wanted, layer="last hidden state", pooling="mean over tokens")
    source = Extracted(card.id, lambda: _HubSource(card.id, repo, revision, form))
    return Candidate(card=card, source=source)


def _from_factory(wanted: Wanted, spec: str, *, root: Path, run_id: str) -> Candidate:
    form = _input_of(wanted)
    card = _card(wanted, layer="chosen by the factory", pooling="chosen by the factory")

    def opened() -> _FactorySource:
        return _FactorySource(card, _import(spec, root=root), form=form, spec=spec, run_id=run_id)

    return Candidate(card=card, source=Extracted(card.id, opened))


def _input_of(wanted: Wanted) -> Input:
    if wanted.input is None:
        raise ConfigurationError(
            f"The candidate {wanted.spec!r} needs to know what it reads: set `input` in "
            "[tool.matalign] to atoms, smiles, sequence or backbone."
        )
    return wanted.input


def _card(wanted: Wanted, *, layer: str, pooling: str) -> ModelCard:
    from pytest_matalign.zoo.card import ModelCard

    form: Input = wanted.input or "atoms"
    return ModelCard(
        id=wanted.name,
        name=wanted.name,
        family=wanted.family,
        modality=wanted.modality or MODALITY[form],
        inputs=(form,) if wanted.input else ("atoms", "smiles", "sequence", "backbone"),
        adapter="candidate",
        layer=layer,
        pooling=pooling,
        elements=wanted.elements,
    )


def _import(spec: str, *, root: Path) -> Callable[[], Any]:
    module_name, _, attribute = spec.partition(":")
    # Appended, not prepended: an installed package must win over a folder of the same name.
    for folder in (str(root), str(root / "src")):
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
        raise ConfigurationError(
            f"The candidate {spec!r} cannot be imported ({error}); "
            f"it is looked for on sys.path and in {root}."
        ) from None
    except AttributeError:
        raise ConfigurationError(
            f"The candidate {spec!r}: module {module_name!r} has no {attribute!r}."
        ) from None
    if not callable(factory):
        raise ConfigurationError(f"The candidate {spec!r} is not callable; name a factory.")
    return factory  # type: ignore[no-any-return]  # user code, checked to be callable


class _FactorySource:
    """A candidate made by the host's own code."""

    def __init__(
        self, card: ModelCard, factory: Callable[[], Any], *, form: Input, spec: str, run_id: str
    ) -> None:
        self.id = card.id
        self._card, self._factory, self._form, self._spec = card, factory, form, spec
        self._model = _FactoryModel(factory(), form)
        # Without a digest of the weights nothing may be reused from one run to the next, but
        # the workers of one run may share their work.
        self.identity: Mapping[str, Any] = {
            "candidate": spec,
            "input": form,
            "digest": self._model.digest or f"this run only: {run_id}",
        }

    def refuse(self, sample: Sample) -> str | None:
        """Reason the host's table gives for refusing a sample."""
        from pytest_matalign.zoo.domain import refusal

        return refusal(self._card, sample)

    def load(self) -> Model:
        """The model the factory made."""
        return self._model


class _FactoryModel:
    """Adapts what a factory returns: a callable from a list of inputs to [samples, width]."""

    def __init__(self, embed: Any, form: Input) -> None:
        if not callable(embed):
            raise ConfigurationError(
                f"The candidate's factory returned {type(embed).__name__}, which is not callable; "
                "return a function from a list of inputs to an array [samples, width]."
            )
        self._embed, self._form = embed, form
        self.batch_size: int = getattr(embed, "batch_size", 16)
        self.digest: str | None = getattr(embed, "digest", None)

    def refuse(self, sample: Sample) -> str | None:
        """The candidate's own reason, if it has a `refuse`."""
        refuse = getattr(self._embed, "refuse", None)
        return refuse(getattr(sample, self._form)) if refuse else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Whatever the candidate returns; the caller checks shape and values."""
        output: NDArray[np.float32] = self._embed([getattr(s, self._form) for s in samples])
        return output


class _HubSource:
    """A transformers checkpoint at a pinned commit, pooled over tokens."""

    def __init__(self, name: str, repo: str, revision: str, form: Input) -> None:
        self.id = name
        self._repo, self._revision, self._form = repo, revision, form
        self.identity: Mapping[str, Any] = {
            "hub": repo,
            "revision": revision,
            "input": form,
            "pooling": "mean over tokens",
        }

    def refuse(self, sample: Sample) -> str | None:
        """A sample without the form the checkpoint reads is refused."""
        return None if getattr(sample, self._form) is not None else f"has no {self._form}"

    def load(self) -> Model:
        """Load from the local cache first, then from the hub."""
        from pytest_matalign.zoo.adapters.transformers import load_checkpoint

        return load_checkpoint(self._repo, revision=self._revision, input=self._form)
