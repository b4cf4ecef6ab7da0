"""Section: alignment across modalities, raw and with composition and size projected out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.figures import intervals
from pytest_matalign.study.measures.modality import ModalityPair, across_families, cross_modality
from pytest_matalign.study.plan import MOLECULES, PROTEINS
from pytest_matalign.study.report import Claim, Section, Table, untestable
from pytest_matalign.study.verdict import of_signs

TEXT = """
Means over pairs of pretrained models of different families. "Partial" is the same alignment once
everything that composition and size predict of either embedding (cross-fitted kernel ridge) is
taken off: agreement on the elements alone does not count. The untrained network of a modality is
its control: what a random function of the same input agrees on is owed to the input, not to
training.

Models of protein structures run in environments of their own; what the pack and the store hold of
them takes part. Layers, single atoms and other ways of pooling have a section of their own.
"""


def section(study: Study) -> Section:
    """Molecules and proteins across modalities."""
    molecules, proteins = study.data(MOLECULES), study.data(PROTEINS)
    ligands = study.data("ccd-ligands")
    pairs = {
        data.split: cross_modality(
            study.table(data, "cknna"),
            study.facts,
            partial=study.table(data, "cknna", partial=True),
        )
        for data in (molecules, ligands)
    }
    return Section(
        id="modality",
        title="Across modalities",
        text=TEXT,
        tables=[
            *[_pair_table(split, found) for split, found in pairs.items()],
            _control_table(study, molecules),
            _control_table(study, proteins),
        ],
        figures=[
            intervals(
                [
                    (f"{one.a} - {one.b}, {what}", value)
                    for one in pairs[MOLECULES]
                    for what, value in (("raw", one.raw), ("partial", one.partial))
                    if value is not None
                ],
                name="modality",
                caption="Mean CKNNA on QM9 within and across modalities, raw and partial.",
                x="CKNNA",
            )
        ],
        claims=[
            _strings(study, molecules),
            _within(study, molecules),
            _corpus_information(study, molecules),
            _proteins(study, proteins, molecules),
            untestable(
                "llm",
                "Large language models given SMILES align with string models; given coordinates "
                "they are near noise.",
                "No large language model can be obtained from package registries.",
            ),
            untestable(
                "conservative",
                "Conservative potentials align with equivariant ones more than direct ones of the "
                "same family do (Orb v3).",
                "No family here ships both a conservative and a direct variant.",
            ),
        ],
    )


def _strings(study: Study, data: SplitData) -> Claim:
    statement = "String and 3D models of molecules align beyond chance on QM9."
    facts, space = data.facts, data.potentials
    twins = [m for m in data.embeddings if facts[m].control == "untrained"]
    blank = [m for m in twins if facts[m].modality == "string"]
    kinds = {facts[m].family for m in blank}
    strings = [m for m in data.reading("string") if facts[m].family in kinds]
    if not strings or not space:
        needs = "Needs a string model, its untrained twin and a potential."
        return untestable("strings-and-space", statement, needs)
    gaps, told = [], []
    for partial in (True, False):
        table = study.table(data, "cknna", partial=partial)
        trained, control = ([(a, b) for a in one for b in space] for one in (strings, blank))
        gaps.append(table.lead(trained, control))
        told.append(
            f"{'partial' if partial else 'raw'}: trained {table.mean(trained)}, untrained twins "
            f"{table.mean(control)}, lead {gaps[-1]}"
        )
    return Claim(
        id="strings-and-space",
        would_change="String models of more families, each beside its own untrained network.",
        statement=statement,
        verdict=of_signs(gaps),
        numbers="; ".join(told),
        caveat=f"{_families(data, strings)} Judged against their own untrained networks, with and "
        "without composition and size; the paper has neither control.",
    )


def _families(data: SplitData, models: Sequence[str]) -> str:
    count = len({data.facts[m].family for m in models})
    return f"{count} famil{'ies' if count > 1 else 'y'} of string models, {len(models)} in all."


def _within(study: Study, data: SplitData) -> Claim:
    statement = "3D models align with each other more than with string models."
    strings, space = data.reading("string"), data.potentials
    inside = across_families(space, data.facts)
    across = [(a, b) for a in strings for b in space]
    if not inside or not across:
        return untestable("within-3d", statement, "Needs string models and two families of 3D.")
    table = study.table(data, "cknna", partial=True)
    lead = table.lead(inside, across)
    return Claim(
        id="within-3d",
        would_change="A string model that reads geometry, or is trained on conformers.",
        statement=statement,
        verdict=of_signs([lead]),
        numbers=f"within 3D, different families {table.mean(inside)}; 3D with strings "
        f"{table.mean(across)}; lead {lead}",
        caveat=f"Partial alignment. {_families(data, strings)}",
    )


def _corpus_information(study: Study, data: SplitData) -> Claim:
    statement = (
        "On QM9, potentials of one training set hold nearly the same information, of different "
        "sets orthogonal information."
    )
    facts = data.facts
    apart = across_families(data.potentials, facts)
    same = [(a, b) for a, b in apart if facts[a].corpus == facts[b].corpus]
    other = [(a, b) for a, b in apart if facts[a].corpus != facts[b].corpus]
    if not same or not other:
        return untestable("corpus-information", statement, "Needs two families of one corpus.")
    table = study.table(data, "information_imbalance", partial=True)
    raw = study.table(data, "information_imbalance")
    gap = table.lead(other, same)
    orthogonal = table.mean(other)
    verdict = of_signs([gap])
    return Claim(
        id="corpus-information",
        would_change="Pairs of different corpora near imbalance 1, over three corpora of "
        "two families.",
        statement=statement,
        verdict="not reproduced" if orthogonal.high < 0.5 else verdict,
        numbers="partial imbalance of pairs of different families: same corpus "
        f"{table.mean(same)}, different corpora {orthogonal}, difference {gap} (raw "
        f"{raw.lead(other, same)})",
        caveat="Reproduced would need pairs of different corpora near 1 as well as farther apart "
        "than those of one corpus, which are of "
        f"{len({facts[m].family for pair in same for m in pair})} families.",
    )


def _proteins(study: Study, proteins: SplitData, molecules: SplitData) -> Claim:
    statement = (
        "Sequence and structure models of proteins align more (in the paper nearly twice as much) "
        "than the best cross-modal pair on molecules."
    )
    sequences, structures = (
        proteins.reading(modality) for modality in ("protein-sequence", "protein-structure")
    )
    if not sequences or not structures:
        return untestable("proteins", statement, "Needs a sequence and a structure model.")
    n = min(proteins.n, molecules.n)
    table, other = (
        study.table(data.first(n), "cknna", partial=True) for data in (proteins, molecules)
    )
    pairs = [(a, b) for a in sequences for b in structures]
    across = [
        pair
        for pair in across_families(other.models, study.facts)
        if len({study.facts[m].modality for m in pair}) > 1
    ]
    best = max(across, key=lambda pair: other.mean([pair]).value)
    mean, bar = table.mean(pairs), other.mean([best])
    told = "; ".join(f"{a} with {b} {table.mean([(a, b)])}" for a, b in pairs)
    kinds = [len({study.facts[m].family for m in models}) for models in (sequences, structures)]
    return Claim(
        id="proteins",
        would_change="Sequence and structure models of more families on the same chains.",
        statement=statement,
        verdict=of_signs([mean.minus(bar)]),
        numbers=f"mean over pairs {mean}, {' with '.join(best)} on molecules {bar}, difference "
        f"{mean.minus(bar)}; {told}",
        caveat=f"Partial alignment at n = {n} on both. {kinds[0]} families of sequence models, "
        f"{kinds[1]} of structure models.",
    )


def _pair_table(split: str, found: Sequence[ModalityPair]) -> Table:
    return Table(
        caption=f"Mean CKNNA of modalities on {split}",
        head=["modalities", "pairs", "raw", "partial", "most aligned pair"],
        rows=[
            [
                f"{one.a} - {one.b}",
                one.pairs,
                one.raw,
                one.partial or "none",
                " - ".join(one.best),
            ]
            for one in found
        ],
    )


def _control_table(study: Study, data: SplitData) -> Table:
    table, left = study.table(data, "cknna"), study.table(data, "cknna", partial=True)
    controls = [m for m in data.embeddings if not data.facts[m].pretrained]
    found = {m: {c: table.pair(m, c) for c in controls} for m in data.trained}
    best = [f"{m}: {max(by, key=lambda c: by[c].value)}" for m, by in found.items()]
    noise = np.median([abs(left.pair(m, "random").value) for m in data.trained])
    return Table(
        caption=f"CKNNA of models with controls on {data.split} (n = {data.n}). Closest control: "
        f"{', '.join(best)}. Partial alignment with random features: {noise:.3f} (median).",
        head=["model", *controls],
        rows=[[m, *by.values()] for m, by in found.items()],
    )
