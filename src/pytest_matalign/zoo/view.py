"""Other rows of a model than the one per sample on its card: of atoms, of a layer, sums, energies.

A view is an option of any card, so that it holds in an isolated environment too and the store
tells its rows from others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo.model import AtomModel, CalculatorModel, EnergyModel, LayerModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model

Rows = Literal["mean", "sum", "atoms", "energy", "forces"]
OPTION = "rows"
"""Of a card: what a row is, and after `@` of which layer; `mean` of the last if it has none."""
OF_ATOMS = frozenset({"atoms", "forces"})


def with_view(card: ModelCard, rows: Rows, layer: str | None = None) -> ModelCard:
    """Return a card of other rows of the same model."""
    if rows == "mean" and layer is None:
        return card
    told = {
        "mean": "mean over atoms",
        "sum": "sum over atoms",
        "atoms": "none, a row per atom",
        "energy": "energy per atom, eV",
        "forces": "force on each atom, eV/Å",
    }
    view = f"{rows}@{layer}" if layer else rows
    return msgspec.structs.replace(
        card,
        options={**card.options, OPTION: view},
        layer=layer or card.layer,
        pooling=told[rows],
    )


def is_of_atoms(card: ModelCard) -> bool:
    """Whether rows are of atoms and not of samples."""
    return str(card.options.get(OPTION, "")).partition("@")[0] in OF_ATOMS


def row_names(card: ModelCard, sample: Sample) -> tuple[str, ...]:
    """Return what the rows of a sample are called: by its id, and `:` and a number for atoms."""
    if not is_of_atoms(card):
        return (sample.id,)
    if sample.atoms is None:
        raise UnavailableError(
            f"{card.id}: {sample.id} has no atoms, and rows per atom are of structures."
        )
    return tuple(f"{sample.id}:{number}" for number in range(len(sample.atoms)))


def viewed(model: Model, card: ModelCard) -> Model:
    """Return a model that gives the rows its card asks for.

    Raises:
        UnavailableError: If its adapter does not offer them.
    """
    if OPTION not in card.options:
        return model
    rows, _, layer = str(card.options[OPTION]).partition("@")
    return _Viewed(model, _rows_of(model, card, rows, layer))


@dataclass
class _Viewed:
    """A model with another `embed`."""

    model: Model
    rows: Callable[[Sequence[Sample]], NDArray[np.float64]]

    @property
    def batch_size(self) -> int:
        return self.model.batch_size

    def refuse(self, sample: Sample) -> str | None:
        """As the model does."""
        return self.model.refuse(sample)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return the rows of the samples, one behind the other."""
        return self.rows(samples).astype(np.float32)


def _rows_of(
    model: Any, card: ModelCard, rows: str, layer: str
) -> Callable[[Sequence[Sample]], NDArray[np.float64]]:
    if rows == "energy":
        return _energies(model, card)
    if rows == "forces":
        if not isinstance(model, CalculatorModel):
            raise _lacks(card, "gives no forces; name a factory that has or is an ASE calculator")
        calculator = model.calculator
        return lambda samples: np.concatenate(
            [_calculated(calculator, one.atoms, "forces") for one in samples]
        )
    features = _atom_features(model, card, layer)
    if rows == "atoms":
        return lambda samples: np.concatenate([np.asarray(a, float) for a in features(samples)])
    pool = np.sum if rows == "sum" else np.mean
    return lambda samples: np.stack([pool(np.asarray(a, float), axis=0) for a in features(samples)])


def _energies(model: Any, card: ModelCard) -> Callable[[Sequence[Sample]], NDArray[np.float64]]:
    """Energies per atom in eV, as rows of one number."""
    if isinstance(model, CalculatorModel):
        calculator = model.calculator

        def energy(atoms: Any) -> float:
            return float(_calculated(calculator, atoms, "energy"))
    elif isinstance(model, EnergyModel):
        energy = model.energy
    else:
        raise _lacks(card, "gives no energy; name a factory that has or is an ASE calculator")
    return lambda samples: np.array([[energy(s.atoms) / len(s.atoms or "")] for s in samples])


def _calculated(calculator: Any, atoms: Any, what: str) -> Any:
    """Return what an ASE calculator gives for a copy of a structure."""
    return np.asarray(calculator.get_property(what, atoms.copy()), dtype=float)


def _atom_features(
    model: Any, card: ModelCard, layer: str
) -> Callable[[Sequence[Sample]], list[NDArray[np.float32]]]:
    if not layer:
        if isinstance(model, AtomModel):
            return model.embed_atoms
        raise _lacks(card, "gives a mean per sample and no features of single atoms")
    if not isinstance(model, LayerModel):
        raise _lacks(card, f"gives the layer on its card only ({card.layer}), and no other")

    def of_layer(samples: Sequence[Sample]) -> list[NDArray[np.float32]]:
        found = model.embed_layers(samples)
        if layer not in found:
            raise _lacks(card, f"has no layer {layer!r}; it has {', '.join(found)}")
        return found[layer]

    return of_layer


def _lacks(card: ModelCard, what: str) -> UnavailableError:
    return UnavailableError(f"{card.id}: its adapter {card.adapter} {what}.")
