"""Which models and splits a study takes, and how many samples of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_matalign.embeddings.policy import Policy
from pytest_matalign.suites.schema import SuiteSplit, matches
from pytest_matalign.zoo.card import ModelCard

CRYSTALS = "mp-crystals"
MOLECULES = "qm9"
PROTEINS = "pdb-chains"
LIGANDS = "ccd-ligands"
ELEMENTS = "mlearn"
COVERAGE = 0.8
"""A model must accept this share of a split's samples; the others are cut to what all accept."""
LABEL = {CRYSTALS: "formation_energy_eV", MOLECULES: "gap_Ha"}
"""The label that models are judged by, of the splits that have one."""
LARGE, GRADED, FEW = 1000, 100, 60
"""Samples of the bundled splits, and of each level of the graded series, which no pack holds."""
FRAMEWORKS = 500
"""Samples that core-mofs has."""
SERIES: Mapping[str, tuple[float, ...]] = {
    "rattle": (0.05, 0.2, 0.5),
    "strain": (0.15,),
    "volume": (0.7,),
}
"""Levels of the graded series on crystals: see `pytest_matalign.splits.perturb`."""

APART = frozenset({"accuracy"})
"""Sections of potentials alone, each on the samples it accepts whatever others do."""

GRADED_MODELS = frozenset(
    {
        "chgnet-0.3.0",
        "chgnet-0.2.0",
        "sevennet-0",
        "diep-fold1",
        "composition",
        "size",
        "random",
        "chgnet-untrained",
    }
)
"""Models of the graded series: two of a family at most, because more variants cost time and are
no independent evidence."""

ATOM_MODELS = GRADED_MODELS | {"sevennet-0-untrained", "ani-1x", "so3lr"}
"""Models compared by atom and by layer, for the same reasons."""
STRUCTURES = 100
"""Structures whose atoms are compared."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Models, and samples by split."""

    models: tuple[str, ...]  # Card ids, controls included
    sizes: Mapping[str, int] = field(default_factory=dict)  # Samples by split id
    # Whether potentials are asked for energies, which takes as long as embedding
    energies: bool = True
    allow_pickle: bool = False  # Whether weights may be read that can run code
    references: Policy = "auto"  # Where embeddings come from
    packs: tuple[str, ...] = ()  # Folders or specs, asked before the pack that ships
    held: frozenset[tuple[str, str]] = frozenset()  # (split, model) that packs hold
    options: str = ""  # Of the command that plans so, with a blank before each

    def split(self, split: str) -> SuiteSplit:
        """The split as a suite would name it."""
        return SuiteSplit(id=split, samples=self.sizes[split])

    def readers(self, split: str, cards: Mapping[str, ModelCard]) -> list[str]:
        """The models that can read a form the split offers; the others are not even loaded."""
        from pytest_matalign.splits.catalogue import split_card

        offered = set(split_card(split).inputs)
        able = [model for model in self.models if offered & set(cards[model].inputs)]
        if "@" not in split:
            return able
        return [m for m in able if m in GRADED_MODELS or (split, m) in self.held]


def graded(kind: str, level: float) -> str:
    """Id of the crystals perturbed."""
    return f"{CRYSTALS}@{kind}={level:g}"


def paper_plan(
    cards: Mapping[str, ModelCard],
    *,
    samples: int | None = None,
    energies: bool = True,
    allow_pickle: bool = False,
    references: Policy = "auto",
    packs: tuple[str, ...] = (),
    models: tuple[str, ...] = (),
) -> Plan:
    """The plan of `matalign study paper`: every model that can be loaded here or is in the pack.

    Args:
        cards: Of the zoo, by id.
        samples: Samples of each split at most, all where None (of packs, all that each entry has).
        energies: Ask potentials for energies, the paper's measure of performance.
        allow_pickle: Whether weights may be read that can run code.
        references: Where embeddings come from.
        packs: Folders or specs of packs, asked before the one that ships.
        models: Patterns of ids, of which a model matches one; all models if empty.

    Raises:
        ConfigurationError: A pack that is named is not there, or faulty.
    """
    from pytest_matalign.embeddings.pack_hub import packs_at_hand
    from pytest_matalign.environments.loading import unavailable

    most = samples or LARGE
    sizes = dict.fromkeys((CRYSTALS, MOLECULES, PROTEINS, "mp-perturbed", LIGANDS), most)
    sizes |= {"core-mofs": min(FRAMEWORKS, most)}
    sizes[ELEMENTS] = min(FEW, most)
    levels = [graded(kind, level) for kind, levels in SERIES.items() for level in levels]
    sizes |= dict.fromkeys(levels, min(GRADED, most))
    held = () if references == "installed" else packs_at_hand(packs, root=Path.cwd())
    entries = frozenset(entry for pack in held for entry in pack)
    packed = {model for _, model in entries}
    for pack in held if references == "packs" else ():
        # As many samples as all entries hold, so that no model is left out.
        for split, model in pack:
            if split in sizes:
                sizes[split] = min(sizes[split], len(pack.entry(split, model)[0].ids))
    return Plan(
        models=tuple(
            m
            for m, card in cards.items()
            if matches(m, models or ("*",))
            and (
                m in packed
                or (not (references == "packs" and card.weights) and not unavailable(card))
            )
        ),
        sizes=sizes,
        energies=energies,
        allow_pickle=allow_pickle,
        references=references,
        packs=packs,
        held=entries,
        options="".join(
            (
                f" --samples {samples}" if samples else "",
                "" if energies else " --no-energies",
                " --allow-pickle" if allow_pickle else "",
                "" if references == "auto" else f" --references {references}",
                *(f" --pack {spec}" for spec in packs),
                *(f" --models {pattern!r}" for pattern in models),
            )
        ),
    )
