"""Everything a study asks of the models themselves, done first and kept in the store.

One task a model, so that it is loaded in one process and the processes share the work. Whatever
is in the store already is not done again: a study that was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pytest_matalign.errors import MatalignError
from pytest_matalign.progress import say
from pytest_matalign.study.claims.atom_features import (
    first_structures,
    has_atoms,
    stored_layers,
)
from pytest_matalign.study.measures.energies import predicts_energies
from pytest_matalign.study.measures.xtb import xtb_missing
from pytest_matalign.study.obtain import Embeddings, embeddings_of
from pytest_matalign.study.plan import (
    APART,
    ATOM_MODELS,
    COVERAGE,
    CRYSTALS,
    ELEMENTS,
    LIGANDS,
    MOLECULES,
    Plan,
)
from pytest_matalign.zoo.card import ModelCard


def prepare(
    model: str, *, plan: Plan, splits: Sequence[str], sections: Collection[str], root: Path
) -> None:
    """Embed the splits a model reads; take its energies, atoms and cost where sections need them.

    What cannot be had is told; the study itself meets the same and reports it.
    """
    source = embeddings_of(plan, root)
    if set(sections) <= APART and not predicts_energies(source.cards[model]):
        return
    for split in splits:
        if model in plan.readers(split, source.cards):
            try:
                _on_split(source, model, plan, split, sections)
            except MatalignError as error:
                say(f"{model} on {split}: {error}")


def _on_split(
    source: Embeddings, model: str, plan: Plan, split: str, sections: Collection[str]
) -> None:
    card, wanted = source.cards[model], plan.split(split)
    if len(source.embedding(model, wanted)) < COVERAGE * plan.sizes[split]:
        return
    judged = split in {CRYSTALS, MOLECULES}
    trained = card.control is None and card.modality == "3d"
    asked = set(sections)
    labelled = split in {MOLECULES, LIGANDS} and "labels" in asked and not xtb_missing()
    performance = judged and plan.energies and {"convergence", "selection"} & asked
    own = "accuracy" in asked and (split != LIGANDS or not xtb_missing())
    if (labelled or performance or own) and trained and predicts_energies(card):
        source.energies(model, wanted)
        say(f"energies of {split} by {model}")
    moving = split == ELEMENTS and plan.energies and {"accuracy", "convergence"} & asked
    if moving and trained and predicts_energies(card):
        source.forces(model, wanted)
        say(f"forces of {split} by {model}")
    if judged and "atoms" in sections and model in ATOM_MODELS and has_atoms(card):
        stored_layers(source, model, first_structures(source, model, wanted))
        say(f"atoms of {split} by {model}")
    if judged and "selection" in sections and trained:
        source.cost(model, wanted)


def longest_first(models: Sequence[str], zoo: Mapping[str, ModelCard]) -> list[str]:
    """Order models so that no long one is begun last, when the other processes are idle.

    Potentials take most of the time, the more parameters the more.
    """
    return sorted(
        models, key=lambda m: (zoo[m].modality == "3d", zoo[m].parameters or 0), reverse=True
    )
