"""The conformance checks, one function each, in the order of the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pytest_matalign.errors import MatalignError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.testing import changes
from pytest_matalign.testing.report import Check, Outcome
from pytest_matalign.testing.samples import awkward_samples, element_samples, unsupported_samples
from pytest_matalign.testing.subject import Subject, told, told_of
from pytest_matalign.zoo.domain import refusal
from pytest_matalign.zoo.energies import energy_of

_SPEED_SECONDS = 0.3
"""Shortest time over which samples a second are counted."""
_DISTINCT = 1e-4
"""Smallest median distance between two samples, in norms of an embedding."""
_ALIKE = 1e-6
"""Largest distance of two elements, in distances between samples, that counts as none."""
_SMALL_CELL = 16
"""Largest cell, in atoms, that is repeated eightfold."""


def run_checks(subject: Subject) -> tuple[Check, ...]:
    """Every check; where the output is no embedding, only the one that says so."""
    found: list[Check] = []
    for name, check in CHECKS.items():
        found.append(_guarded(name, check, subject))
        if found[0].outcome == "failed":
            break
    return tuple(found)


def _guarded(name: str, check: Callable[[Subject], Check], subject: Subject) -> Check:
    """A check, or its failure if the model raises."""
    try:
        return check(subject)
    except MatalignError as error:
        return _failed(name, told_of(error))


def output(subject: Subject) -> Check:
    """float32 [samples, width], finite."""
    vectors = subject.vectors
    width, count = subject.card.width, len(subject.samples)
    if vectors.dtype != np.float32:
        return _failed("output", f"The rows are {vectors.dtype}, not float32.")
    if width is not None and vectors.shape[1] != width:
        return _failed("output", f"Rows have {vectors.shape[1]} numbers, the card says {width}.")
    bad = [place for place, row in enumerate(vectors) if not np.isfinite(row).all()]
    if bad:
        name = subject.samples[bad[0]].id
        return _failed(
            "output", f"{len(bad)} of {count} rows hold NaN or infinity, the first of {name!r}."
        )
    sentence = f"{count} samples gave finite float32 rows of {vectors.shape[1]}."
    return _passed("output", sentence)


def repeat(subject: Subject) -> Check:
    """Nothing random is left switched on."""
    moved = subject.change(subject.batched(subject.samples), range(len(subject.samples)))
    return _judged("repeat", moved, subject, must=True, what="Embedding the same samples again")


def order(subject: Subject) -> Check:
    """The order of a batch is not seen."""
    found = subject.embed(subject.samples[::-1])[::-1]
    moved = subject.change(found, range(len(subject.samples)))
    return _judged("order", moved, subject, must=True, what="Reversing the order of a batch")


def batch(subject: Subject) -> Check:
    """The neighbours in a batch are not seen."""
    single = np.concatenate([subject.embed([one]) for one in subject.samples])
    moved = subject.change(single, range(len(subject.samples)))
    return _judged("batch", moved, subject, must=True, what="Embedding samples one by one")


def distinct(subject: Subject) -> Check:
    """The model tells samples apart."""
    if len(subject.samples) < 2:
        return _skipped("distinct", "There is only one sample.")
    norm = float(np.linalg.norm(subject.vectors.astype(np.float64), axis=1).max())
    spread = subject.spread / norm if norm > 0 else 0.0
    return Check(
        name="distinct",
        outcome="passed" if spread > _DISTINCT else "failed",
        measured=spread,
        tolerance=_DISTINCT,
        sentence=f"Two samples are {spread:.2g} of an embedding's norm apart (the median).",
    )


def untouched(subject: Subject) -> Check:
    """The model does not change what it is given."""
    copies = [changes.same_but_for_the_name(one) for one in subject.samples]
    before = [replace(one).digest for one in copies]
    subject.embed(copies)
    # `replace` makes a new sample, whose digest is worked out afresh.
    after = [replace(one).digest for one in copies]
    spoilt = [one.id for one, a, b in zip(copies, before, after, strict=True) if a != b]
    if spoilt:
        return _failed(
            "untouched", f"Embedding changed {len(spoilt)} samples, {spoilt[0]!r} first."
        )
    return _passed("untouched", "Embedding leaves samples unchanged.")


def unlabelled(subject: Subject) -> Check:
    """Names, labels and results stored with a structure are not read."""
    return _compared(
        "unlabelled",
        subject,
        range(len(subject.samples)),
        change=changes.same_but_for_the_name,
        must=True,
        what="Taking away names and labels",
    )


def permutation(subject: Subject) -> Check:
    """The order of the atoms is not seen."""
    return _compared(
        "permutation",
        subject,
        subject.reads("atoms"),
        change=changes.reordered,
        must=not _reads_text(subject),
        what="Reordering the atoms",
    )


def rotation(subject: Subject) -> Check:
    """An invariant model does not see the orientation; of others, the change is told."""
    return _compared(
        "rotation",
        subject,
        subject.reads("atoms", "backbone"),
        change=changes.rotated,
        must=subject.card.kind == "invariant",
        what="Rotating the structures",
    )


def translation(subject: Subject) -> Check:
    """Neither an invariant nor an equivariant model sees where the origin is."""
    return _compared(
        "translation",
        subject,
        subject.reads("atoms", "backbone"),
        change=changes.translated,
        must=subject.card.kind in ("invariant", "equivariant"),
        what="Moving the structures",
    )


def supercell(subject: Subject) -> Check:
    """A mean over atoms does not know which cell was chosen."""

    def small_crystal(sample: Sample) -> bool:
        atoms = sample.atoms if subject.form(sample) == "atoms" else None
        return atoms is not None and bool(atoms.pbc.all()) and len(atoms) <= _SMALL_CELL

    return _compared(
        "supercell",
        subject,
        subject.having(small_crystal),
        change=changes.doubled,
        must=subject.card.kind != "vanilla" and subject.card.control != "size",
        what="Describing crystals by cells of 2 x 2 x 2",
    )


def smiles(subject: Subject) -> Check:
    """A model of the bond graph does not see how its SMILES is written; a string model does."""
    graph = subject.card.modality == "graph"
    descriptor = subject.card.modality == "descriptor" and subject.card.control != "size"
    return _compared(
        "smiles",
        subject,
        subject.reads("smiles"),
        change=changes.rewritten,
        must=graph or descriptor,
        what="Writing the SMILES from another atom",
    )


def elements(subject: Subject) -> Check:
    """Every element on the card is embedded, and no two alike but those it says are."""
    if not subject.reads("atoms") or not subject.card.elements:
        return _skipped("elements", "The card names no elements of structures.")
    asked = list(element_samples(subject.card))
    taken = [sample for sample in asked if not subject.reason(sample)]
    if len(taken) < 2:
        return _skipped("elements", "The model refuses structures of one element.")
    rows = subject.batched(taken).astype(np.float64)
    bad = [one.id for one, row in zip(taken, rows, strict=True) if not np.isfinite(row).all()]
    if bad:
        return _failed("elements", f"{', '.join(bad)} gave no finite row.")
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=-1) / subject.scale
    group = {symbol: place for place, one in enumerate(subject.card.indistinct) for symbol in one}
    groups = np.array([group.get(sample.id, -1 - row) for row, sample in enumerate(taken)])
    same = groups[:, None] == groups[None]
    if (wrong := np.argwhere(same != (apart <= _ALIKE))).size:
        first, second = wrong[0]
        how = "apart, not alike as on the card" if same[first, second] else "alike"
        return _failed("elements", f"{taken[first].id} and {taken[second].id} are embedded {how}.")
    least = float(apart[~same].min())
    refused = f" and {len(asked) - len(taken)} refused" if len(taken) < len(asked) else ""
    known = "".join(f", {' and '.join(one)} alike, as it says" for one in subject.card.indistinct)
    sentence = (
        f"Of the {len(asked)} elements on the card {len(taken)} are embedded{refused}{known}; the "
        f"two most alike are {least:.2g} of the distance between two samples apart."
    )
    return Check(
        name="elements", outcome="passed", measured=least, tolerance=_ALIKE, sentence=sentence
    )


def energies(subject: Subject) -> Check:
    """The energies on the card are given, each within its tolerance."""
    references = subject.card.energies
    if not references:
        return _skipped("energies", "The card names no energies.")
    with told():
        found = [energy_of(subject.model, one, card=subject.card) for one in references]
    off = [
        abs(value - one.value) / one.tolerance for value, one in zip(found, references, strict=True)
    ]
    numbers = "; ".join(
        f"{one.structure} {value:.4f} {one.unit} where the card has {one.value:.4f} "
        f"± {one.tolerance:g}"
        for value, one in zip(found, references, strict=True)
    )
    return Check(
        name="energies",
        outcome="passed" if max(off) <= 1 else "failed",
        measured=max(off),
        tolerance=1.0,
        sentence=f"{numbers}.",
    )


def unsupported(subject: Subject) -> Check:
    """What the card rules out is refused in words."""
    asked = list(unsupported_samples(subject.card))
    if not asked:
        return _skipped("unsupported", "The card rules nothing out.")
    missed = [wrong for wrong, sample in asked if not refusal(subject.card, sample)]
    if missed:
        return _failed("unsupported", f"A sample that {missed[0]} is not refused.")
    named = ", ".join(dict.fromkeys(wrong for wrong, _ in asked))
    return _passed("unsupported", f"Refused, with a reason, what {named}.")


def awkward(subject: Subject) -> Check:
    """Odd samples are refused in words or embedded, and never stumbled over."""
    refused = taken = 0
    for like in {subject.form(one): one for one in subject.samples}.values():
        for sample in awkward_samples(subject.card, like):
            try:
                if subject.reason(sample):
                    refused += 1
                    continue
                row = subject.embed([sample])
            except MatalignError as error:
                return _failed("awkward", told_of(error, given=sample.id))
            if row.shape != (1, subject.vectors.shape[1]) or not np.isfinite(row).all():
                return _failed(
                    "awkward", f"Given {sample.id}, the model returns no finite row of its width."
                )
            taken += 1
    sentence = f"Of {refused + taken} odd samples {taken} are embedded and {refused} refused."
    return _passed("awkward", sentence)


def speed(subject: Subject) -> Check:
    """Samples a second, on one thread."""
    done, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < _SPEED_SECONDS:
        done += len(subject.batched(subject.samples))
    rate = done / seconds
    return Check(
        name="speed",
        outcome="measured",
        measured=rate,
        sentence=f"{rate:.3g} samples a second on one thread (these samples are small).",
    )


CHECKS: Mapping[str, Callable[[Subject], Check]] = {
    check.__name__: check
    for check in (
        output, repeat, order, batch, distinct, untouched, unlabelled, permutation, rotation,
        translation, supercell, smiles, elements, energies, unsupported, awkward, speed,
    )
}  # fmt: skip


def _reads_text(subject: Subject) -> bool:
    """Whether the model reads structures as a text that lists their atoms."""
    return subject.card.modality in ("string", "protein-sequence")


def _compared(
    name: str,
    subject: Subject,
    places: Sequence[int],
    *,
    change: Callable[[Sample], Sample],
    must: bool,
    what: str,
) -> Check:
    """Embed changed samples and say how far their embeddings moved."""
    if not places:
        return _skipped(name, "None of the samples is of a form this is about.")
    if subject.card.control == "random":
        return _skipped(name, "Random features see another sample in every change, by design.")
    changed = [change(subject.samples[place]) for place in places]
    kept = [pair for pair in zip(places, changed, strict=True) if not subject.reason(pair[1])]
    if not kept:
        return _failed(name, f"{what} makes the model refuse every sample.")
    rows = subject.batched([sample for _, sample in kept])
    moved = subject.change(rows, [place for place, _ in kept])
    return _judged(name, moved, subject, must=must, what=what)


def _judged(name: str, moved: float, subject: Subject, *, must: bool, what: str) -> Check:
    """Compare a change with the tolerance, or only tell it where the model need not resist."""
    outcome: Outcome = "measured"
    if must:
        # Written so that NaN fails.
        outcome = "passed" if moved <= subject.tolerance else "failed"
    return Check(
        name=name,
        outcome=outcome,
        measured=moved,
        tolerance=subject.tolerance if must else None,
        sentence=f"{what} moves embeddings by {moved:.2g} of the distance between two samples.",
    )


def _passed(name: str, sentence: str) -> Check:
    return Check(name=name, outcome="passed", sentence=sentence)


def _failed(name: str, sentence: str) -> Check:
    return Check(name=name, outcome="failed", sentence=sentence)


def _skipped(name: str, sentence: str) -> Check:
    return Check(name=name, outcome="not applicable", sentence=sentence)
