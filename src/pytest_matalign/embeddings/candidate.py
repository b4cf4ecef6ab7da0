"""The model under test: from the zoo, from a factory, from the hub, or from a file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_matalign.embeddings.factory import FactorySource
from pytest_matalign.embeddings.files import TABLES, EmbeddingFile
from pytest_matalign.embeddings.obtain import Extracted
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.untrained import (
    call_untrained,
    found_within,
    of_factory,
    of_zoo,
    takes_untrained,
)
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.zoo.adapters.candidate import import_factory, is_factory
from pytest_matalign.zoo.own_weights import of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A candidate as it was asked for."""

    # Zoo id, `package.module:factory`, `hf:org/name@sha`, `family:checkpoint.file`, or a file of
    # embeddings
    spec: str
    name: str  # What it is called in the scorecard, unless it is a model of the zoo
    input: Input | None  # Form of a sample it reads
    modality: Modality | None  # Follows from `input` if None
    family: str  # Of models
    elements: tuple[str, ...] | None  # Atomic symbols it knows; all if None
    untrained: str | None = None
    """`package.module:factory` of its network untrained."""
    seeds: tuple[str, ...] = ()
    """The same model trained from other seeds: factories, or files of embeddings."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The model under test."""

    card: ModelCard  # What the scorecard says of it
    # Where its rows come from; None for a model of the zoo, which is obtained as a reference is
    source: Source | None = None
    # Makes sources of its own network untrained, several seeds for each recipe, as far as it can be
    # made; none for a bare file of embeddings
    untrained: Callable[[], Mapping[str, tuple[Source, ...]]] = dict
    names_untrained: bool = False  # Whether the host says what makes them
    seeds: tuple[Source, ...] = ()  # The same model trained from other seeds


def resolve_candidate(
    wanted: Wanted,
    *,
    zoo: Mapping[str, ModelCard],
    root: Path,
    run_id: str,
    networks: bool = True,
    allow_pickle: bool = False,
) -> Candidate:
    """Turn the host's `candidate` into something that can be embedded.

    Args:
        wanted: What was asked for.
        zoo: Cards by model id.
        root: The host project's folder, where its modules and files are looked for.
        run_id: Tells this run from every other; the workers of one run share it.
        networks: Whether networks of the zoo may be run untrained.
        allow_pickle: Whether the user lets code run that comes with weights.

    Raises:
        ConfigurationError: If the specification is none of these kinds, a file is absent, or
            `input` is missing where it is needed. (What can only be known by importing the
            host's code or a model package is raised when it is first embedded.)
    """
    if (card := zoo.get(wanted.spec)) is not None:
        untrained = partial(of_zoo, card, allow_pickle=allow_pickle) if networks else dict
        found = Candidate(card=card, untrained=untrained)
    else:
        found = _resolved(wanted, root=root, run_id=run_id, allow_pickle=allow_pickle)
    seeds = tuple(
        _seed(wanted, found.card, spec, root=root, run_id=run_id) for spec in wanted.seeds
    )
    found = replace(found, seeds=seeds)
    if wanted.untrained is None:
        return found
    made = partial(_made_by, wanted.untrained, wanted, found.card, root=root, run_id=run_id)
    return replace(found, untrained=made, names_untrained=True)


def _resolved(wanted: Wanted, *, root: Path, run_id: str, allow_pickle: bool) -> Candidate:
    from pytest_matalign.zoo.catalogue import card as named

    spec = wanted.spec
    if match := HUB.fullmatch(spec):
        return _from_hub(wanted, repo=match["repo"], revision=match["revision"])
    if is_factory(spec):
        return _from_factory(wanted, spec, root=root, run_id=run_id)
    if Path(spec).suffix in TABLES:
        return _from_file(wanted, root / spec)
    if (own := of_file(spec, root=root)) is not None:
        return _from_checkpoint(own, allow_pickle=allow_pickle)
    try:
        return Candidate(card=named(spec))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{error} A candidate may also be `package.module:factory`, `family:checkpoint.file`, "
            "`hf:org/name@<40-hex commit>` or a file `embeddings.npz`."
        ) from None


def _from_checkpoint(card: ModelCard, *, allow_pickle: bool) -> Candidate:
    source = Extracted(card.id, lambda: ZooSource(card, allow_pickle=allow_pickle))
    return Candidate(
        card=card, source=source, untrained=partial(of_zoo, card, allow_pickle=allow_pickle)
    )


def _from_file(wanted: Wanted, path: Path) -> Candidate:
    if not path.is_file():
        raise ConfigurationError(
            f"The candidate's file of embeddings {path} does not exist; write it with "
            "`pytest_matalign.embeddings.files.write_embeddings`."
        )
    card = card_of(wanted, layer="as in the file", pooling="as in the file")
    return Candidate(card=card, source=EmbeddingFile(card.id, path))


def _from_hub(wanted: Wanted, *, repo: str, revision: str) -> Candidate:
    form = _input_of(wanted)
    card = card_of(wanted, layer="last hidden state", pooling="mean over tokens")

    def opened() -> _HubSource:
        return _HubSource(card.id, repo, revision, form)

    return Candidate(
        card=card,
        source=Extracted(card.id, opened),
        untrained=lambda: found_within(card.id, opened),
    )


def _from_factory(wanted: Wanted, spec: str, *, root: Path, run_id: str) -> Candidate:
    form = _input_of(wanted)
    card = card_of(wanted, layer="chosen by the factory", pooling="chosen by the factory")

    def opened() -> FactorySource:
        return FactorySource(
            card, import_factory(spec, root=root), form=form, spec=spec, run_id=run_id
        )

    def untrained() -> Mapping[str, tuple[Source, ...]]:
        if takes_untrained(import_factory(spec, root=root)):
            return _made_by(spec, wanted, card, root=root, run_id=run_id)
        return found_within(card.id, opened)

    return Candidate(card=card, source=Extracted(card.id, opened), untrained=untrained)


def _made_by(
    spec: str, wanted: Wanted, card: ModelCard, *, root: Path, run_id: str
) -> Mapping[str, tuple[Source, ...]]:
    """Untrained networks by a factory that makes them."""
    if not is_factory(spec):
        raise ConfigurationError(
            f"`untrained` in [tool.matalign] is {spec!r}; name a factory, package.module:factory."
        )
    form = _input_of(wanted)
    factory = import_factory(spec, root=root)

    def opened(seed: int) -> FactorySource:
        return FactorySource(
            card, partial(call_untrained, factory, seed), form=form, spec=spec, run_id=run_id
        )

    return of_factory(card.id, opened)


def _seed(wanted: Wanted, card: ModelCard, spec: str, *, root: Path, run_id: str) -> Source:
    """The same model trained from another seed."""
    name = f"{card.id} ({spec})"
    if Path(spec).suffix == ".npz":
        if not (root / spec).is_file():
            raise ConfigurationError(f"{spec!r} of `seeds` in [tool.matalign] does not exist.")
        return EmbeddingFile(name, root / spec)
    if not is_factory(spec):
        raise ConfigurationError(
            f"{spec!r} of `seeds` in [tool.matalign] is neither package.module:factory nor a file "
            "embeddings.npz."
        )
    form = _input_of(wanted)

    def opened() -> FactorySource:
        factory = import_factory(spec, root=root)
        return FactorySource(card, factory, form=form, spec=spec, run_id=run_id)

    return Extracted(name, opened)


def _input_of(wanted: Wanted) -> Input:
    if wanted.input is None:
        raise ConfigurationError(
            f"The candidate {wanted.spec!r} needs to know what it reads: set `input` in "
            "[tool.matalign] to atoms, smiles, sequence or backbone."
        )
    return wanted.input


def card_of(wanted: Wanted, *, layer: str, pooling: str) -> ModelCard:
    """Return the card of a model that is none of the zoo's."""
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
