"""The candidate's own network untrained, as sources: several seeds for each recipe.

A model of the zoo and a checkpoint are loaded and made untrained (`zoo.untrained`). What a host's
factory returns is searched for networks; a factory that takes `untrained` and `seed`, or one named
by the setting `untrained`, makes them itself. Rows are kept in the store by recipe and seed.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from pytest_matalign.embeddings.obtain import Extracted
from pytest_matalign.zoo.untrained import RECIPES, networks, untrain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from pytest_matalign.embeddings.extraction import Loadable
    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

SEEDS = 4
"""Networks a recipe makes; a prediction interval of fewer is wider than most leads."""
OWN_RECIPE = "fresh"
"""Of networks that the host's own code makes."""


def of_zoo(card: ModelCard, *, allow_pickle: bool) -> Mapping[str, tuple[Source, ...]]:
    """Return the untrained networks of a model of the zoo; none for one without weights."""
    from pytest_matalign.zoo.weights.pins import pinned

    if card.weights is None:
        return {}

    def made(recipe: str, seed: int) -> Source:
        from msgspec.structs import replace

        from pytest_matalign.embeddings.sources import ZooSource
        from pytest_matalign.zoo.adapter import UNTRAINED

        name = _name(card.id, recipe, seed)

        def opened() -> Loadable:
            options = {**card.options, UNTRAINED: f"{recipe}:{seed}"}
            one = replace(pinned(card), id=name, options=options)
            return ZooSource(one, allow_pickle=allow_pickle)

        return Extracted(name, opened)

    return _seeded(made, RECIPES)


def found_within(name: str, opened: Callable[[], Loadable]) -> Mapping[str, tuple[Source, ...]]:
    """Return the networks found inside whatever a source loads, made untrained."""

    def made(recipe: str, seed: int) -> Source:
        own = _name(name, recipe, seed)
        return Extracted(own, lambda: _Marked(own, opened(), recipe=recipe, seed=seed))

    return _seeded(made, RECIPES)


def of_factory(name: str, factory: Callable[[int], Loadable]) -> Mapping[str, tuple[Source, ...]]:
    """Return the untrained networks that a host's own code makes from a seed."""

    def made(recipe: str, seed: int) -> Source:
        own = _name(name, recipe, seed)
        return Extracted(own, lambda: _Marked(own, factory(seed), recipe=recipe, seed=seed))

    return _seeded(made, (OWN_RECIPE,))


def takes_untrained(factory: Callable[..., Any]) -> bool:
    """Return whether a factory has the keyword `untrained`."""
    return "untrained" in _keywords(factory)


def call_untrained(factory: Callable[..., Any], seed: int) -> Any:
    """Call a factory with what it takes of `untrained=True` and `seed`."""
    given = {"untrained": True, "seed": seed}
    known = _keywords(factory)
    return factory(**{key: value for key, value in given.items() if key in known})


def _keywords(factory: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return {}


def _seeded(
    made: Callable[[str, int], Source], recipes: tuple[str, ...]
) -> Mapping[str, tuple[Source, ...]]:
    return {recipe: tuple(made(recipe, seed) for seed in range(1, SEEDS + 1)) for recipe in recipes}


def _name(model: str, recipe: str, seed: int) -> str:
    return f"{model}-{recipe}-{seed}"


class _Marked:
    """A source of untrained networks, marked as such wherever its rows are kept."""

    def __init__(self, name: str, source: Loadable, *, recipe: str, seed: int) -> None:
        self.id, self._source = name, source
        self._recipe, self._seed = recipe, seed
        self.identity: Mapping[str, Any] = {**source.identity, "untrained": f"{recipe}:{seed}"}

    def refuse(self, sample: Sample) -> str | None:
        """As the candidate does."""
        return self._source.refuse(sample)

    def load(self) -> Model:
        """The network as the host's code made it, or with its parameters made meaningless."""
        model = self._source.load()
        if self._recipe == OWN_RECIPE:
            return model
        return _Untrained(model, recipe=self._recipe, seed=self._seed)


class _Untrained:
    """A model that is untrained while it embeds: a factory may return the same one each time."""

    def __init__(self, model: Model, *, recipe: str, seed: int) -> None:
        self.batch_size, self.refuse = model.batch_size, model.refuse
        self._model = model
        before = self._values()
        untrain(model, recipe, seed)
        self._made = self._values()
        self._put(before)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return rows of the untrained network."""
        before = self._values()
        self._put(self._made)
        try:
            return self._model.embed(samples)
        finally:
            self._put(before)

    def _held(self) -> Iterator[torch.Tensor]:
        for network in networks(self._model):
            yield from network.parameters()
            yield from network.buffers()

    def _values(self) -> list[torch.Tensor]:
        return [tensor.detach().clone() for tensor in self._held()]

    def _put(self, values: Sequence[torch.Tensor]) -> None:
        import torch

        with torch.no_grad():
            for tensor, value in zip(self._held(), values, strict=True):
                tensor.copy_(value)
