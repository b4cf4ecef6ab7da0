"""One way to run a model: what is run, and where; other rows of it than one per sample, too.

A way is written `MODEL`, or `MODEL@PLACE` for another process: another interpreter, virtual
environment, or folder of code, such as a second checkout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_matalign.embeddings.candidate import HUB, Wanted, card_of, resolve_candidate
from pytest_matalign.embeddings.factory import FactorySource
from pytest_matalign.embeddings.files import TABLES
from pytest_matalign.embeddings.obtain import Extracted
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.environments.folders import Elsewhere, elsewhere
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.adapters.candidate import import_factory, is_factory
from pytest_matalign.zoo.catalogue import cards
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.own_weights import of_file
from pytest_matalign.zoo.view import row_names, with_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.embeddings.extraction import Loadable
    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model
    from pytest_matalign.zoo.view import Rows


@dataclass(frozen=True, kw_only=True)
class Way:
    """A model and where it is run."""

    spec: str  # As it was written
    card: ModelCard
    root: Path  # Where the host's modules are looked for
    run_id: str  # Of this run; keeps rows apart that nothing else tells apart
    allow_pickle: bool = False
    place: Elsewhere | None = None
    fixed: Source | None = None  # Of rows that have no other view

    def source(self, rows: Rows = "mean", layer: str | None = None) -> Source:
        """Return where rows of the model come from.

        Raises:
            UnavailableError: If it is a file or a checkpoint of the hub, which has one view only.
        """
        card = with_view(self.card, rows, layer)
        if self.fixed is not None:
            if card is not self.card:
                raise UnavailableError(
                    f"{self.spec} has one row per sample, of the layer on its card, and no others."
                )
            return self.fixed
        return Extracted(self.spec, lambda: self._opened(card))

    def _opened(self, card: ModelCard) -> Loadable:
        if self.place is not None:
            return _Apart(card, self)
        if card.adapter != "candidate":
            return ZooSource(card, allow_pickle=self.allow_pickle)
        spec = str(card.options["factory"])
        factory = import_factory(spec, root=self.root)
        form = card.inputs[0]
        return FactorySource(card, factory, form=form, spec=spec, run_id=self.run_id)


def way_of(
    spec: str,
    *,
    form: Input | None,
    root: Path,
    run_id: str,
    allow_pickle: bool = False,
) -> Way:
    """Return the way a text names: zoo id, factory, `hf:…`, `family:file`, or a file of rows.

    Args:
        spec: The text; a path after the last `@` is a place.
        form: What a factory or a checkpoint of the hub reads.
        root: Where relative paths and the host's modules are looked for.
        run_id: Of this run.
        allow_pickle: Whether the user lets code run that comes with weights.

    Raises:
        ConfigurationError: It names none of these, or `form` is needed.
    """
    model, at, where = spec.rpartition("@")
    place = elsewhere(root / where) if at and where else None
    model = model if place else spec
    wanted = Wanted(
        spec=model, name=spec, input=form, modality=None, family="candidate", elements=None
    )
    way = Way(
        spec=spec, card=_card(wanted, root), root=root, run_id=run_id,
        allow_pickle=allow_pickle, place=place,
    )  # fmt: skip
    if HUB.fullmatch(model) or Path(model).suffix in TABLES:
        if place:
            raise ConfigurationError(f"{spec}: files and checkpoints of the hub are read here.")
        zoo: Mapping[str, ModelCard] = {}
        found = resolve_candidate(wanted, zoo=zoo, root=root, run_id=run_id)
        return replace(way, card=found.card, fixed=found.source)
    return way


def _card(wanted: Wanted, root: Path) -> ModelCard:
    spec = wanted.spec
    if (known := cards().get(spec) or of_file(spec, root=root)) is not None:
        return known
    if is_factory(spec) and wanted.input is None:
        raise ConfigurationError(
            f"{spec} needs to know what it reads: atoms, smiles, sequence or backbone."
        )
    if is_factory(spec):
        card = card_of(wanted, layer="chosen by the factory", pooling="chosen by the factory")
        return msgspec.structs.replace(card, options={"factory": spec, "root": str(root)})
    nothing: Mapping[str, ModelCard] = {}
    return resolve_candidate(wanted, zoo=nothing, root=root, run_id="").card


class _Apart:
    """A model in a process of another place; nothing of it is kept for another run."""

    def __init__(self, card: ModelCard, way: Way) -> None:
        assert way.place is not None
        self.id = way.spec
        self._place, self._allow_pickle = way.place, way.allow_pickle
        code = str(way.place.code or way.root)
        options = {**card.options, **({"root": code} if card.adapter == "candidate" else {})}
        self._card = msgspec.structs.replace(card, options=options)
        self.identity: Mapping[str, Any] = {
            "model": card.id,
            "adapter": card.adapter,
            "options": options,
            "place": way.place.name,
            "digest": f"this run only: {way.run_id}",
        }

    def refuse(self, sample: Sample) -> str | None:
        """Reason the card gives for refusing a sample."""
        return refusal(self._card, sample)

    def names(self, sample: Sample) -> tuple[str, ...]:
        """Names of a sample's rows, by the card's view."""
        return row_names(self._card, sample)

    def load(self) -> Model:
        """Load it there."""
        from pytest_matalign.environments.remote import RemoteModel
        from pytest_matalign.zoo.adapter import refuse_foreign_code

        if not self._allow_pickle:
            refuse_foreign_code(self._card)
        return RemoteModel(self._card, self._place, allow_pickle=self._allow_pickle)
