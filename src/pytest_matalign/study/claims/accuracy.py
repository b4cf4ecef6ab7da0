"""Section: each potential's own errors, where there is a real reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pytest_matalign.analysis.interval import Interval
from pytest_matalign.environments.loading import unavailable
from pytest_matalign.errors import MatalignError, UnavailableError
from pytest_matalign.study.claims.performance import reference_energy
from pytest_matalign.study.context import Study
from pytest_matalign.study.measures.energies import (
    predicts_energies,
    root_mean_square,
    unseen_error,
)
from pytest_matalign.study.plan import COVERAGE, CRYSTALS, ELEMENTS, LIGANDS, MOLECULES
from pytest_matalign.study.report import Section, Table
from pytest_matalign.zoo.adapters.composition import fractions

TEXT = """
Energies: mean absolute error per atom once what is linear in composition is taken off, each sample
judged by the fit of all others, so that potentials of different reference energies, and those of
formation energies, can be compared. Forces: root mean square error of the component along a
direction drawn for each structure, by central differences of the energy; over structures that is
the error of a component. References are PBE(+U) formation energies of the Materials Project (mp-
crystals), with its corrections between GGA and GGA+U, which are not linear in composition, so that
potentials trained on energies without them differ by them; PBE energies and forces of Zuo et al.
2020 (mlearn: six elements in motion, strained, with defects and surfaces); B3LYP energies (qm9);
and GFN2-xTB energies of ligands, which is itself a model. Functionals differ: potentials of SCAN
or coupled-cluster energies are not at fault for all of what stands here. Crystals of the Materials
Project are likely to be among the training data of most universal potentials; mlearn is not, its
elements are. "nothing known" is what predicting no energy differences beyond composition, and no
forces, gives.
"""
NOTHING = "nothing known"
COLUMNS = (CRYSTALS, ELEMENTS, f"{ELEMENTS}, forces", MOLECULES, LIGANDS)
Errors = dict[str, tuple[Interval, int]]
"""By model: its error in eV per atom or eV/Å, and on how many samples."""


def section(study: Study) -> Section:
    """Errors of every potential of the plan, and why others have none."""
    found: dict[str, Errors] = {}
    reasons: dict[str, str] = {}
    for split in (CRYSTALS, ELEMENTS, MOLECULES, LIGANDS):
        try:
            found[split] = own_errors(study, split, reasons)
        except UnavailableError as error:
            reasons[f"{split} (as a whole)"] = str(error)
    found[f"{ELEMENTS}, forces"] = force_errors(study)
    models = {model for errors in found.values() for model in errors} - {NOTHING}
    return Section(
        id="accuracy",
        title="Errors of potentials",
        text=TEXT,
        tables=[_error_table(study, found, models), _absent(study, models, reasons)],
    )


def own_errors(study: Study, split: str, reasons: dict[str, str]) -> Errors:
    """Errors of energies on one split, of each model on the samples it accepts.

    Args:
        study: The study.
        split: One with reference energies.
        reasons: Takes why a model has none, by model.

    Raises:
        UnavailableError: The split's references cannot be had here.
    """
    wanted = study.plan.split(split)
    samples = {sample.id: sample for sample in study.source.split(wanted).samples}
    if split == LIGANDS:
        references = study.source.xtb_energies(wanted)
    else:
        references = {name: reference_energy(split, sample) for name, sample in samples.items()}
    known = np.array([references[name] for name in references])
    rows = np.array([fractions(samples[name]) for name in references])
    found: Errors = {NOTHING: (unseen_error(np.zeros(len(known)), known, rows), len(known))}
    for model in _potentials(study, split):
        try:
            predicted = study.source.energies(model, wanted)
        except MatalignError as error:
            reasons[model] = f"{split}: {error}"
            continue
        ids = [name for name in references if name in predicted]
        if len(ids) < COVERAGE * len(references):
            continue
        own = unseen_error(
            np.array([predicted[name] for name in ids]),
            np.array([references[name] for name in ids]),
            np.array([fractions(samples[name]) for name in ids]),
        )
        found[model] = own, len(ids)
    return found


def force_errors(study: Study) -> Errors:
    """Errors of forces on the elements in motion."""
    wanted = study.plan.split(ELEMENTS)
    true = {
        sample.id: float(sample.labels["force_along_eV_A"])
        for sample in study.source.split(wanted).samples
    }
    found: Errors = {NOTHING: (root_mean_square(np.array(list(true.values()))), len(true))}
    for model in _potentials(study, ELEMENTS):
        try:
            forces = study.source.forces(model, wanted)
        except MatalignError:
            continue  # told of by its energies
        if len(forces) >= COVERAGE * len(true):
            wrong = np.array([forces[name] - true[name] for name in forces])
            found[model] = root_mean_square(wrong), len(wrong)
    return found


def _potentials(study: Study, split: str) -> list[str]:
    cards = study.source.cards
    return [
        model
        for model in study.plan.readers(split, cards)
        if cards[model].role == "pretrained" and predicts_energies(cards[model])
    ]


def _error_table(study: Study, found: Mapping[str, Errors], models: set[str]) -> Table:
    most = {
        column: max((n for _, n in errors.values()), default=0) for column, errors in found.items()
    }

    def cell(column: str, model: str) -> str:
        if model not in found.get(column, {}):
            return ""
        error, n = found[column][model]
        told = f"{1000 * error.value:.0f} [{1000 * error.low:.0f}, {1000 * error.high:.0f}]"
        return told if n == most[column] else f"{told}, n = {n}"

    def order(model: str) -> tuple[float, ...]:
        return tuple(
            found[column][model][0].value if model in found.get(column, {}) else np.inf
            for column in COLUMNS
        )

    sizes = ", ".join(f"{column} {most[column]}" for column in COLUMNS if column in most)
    return Table(
        caption="Errors in meV per atom, of forces in meV/Å, with 95 % intervals over samples "
        f"(samples: {sizes}; fewer where told, and none where a model accepts less than "
        f"{COVERAGE:.0%})",
        head=["potential", "family", "theory", *COLUMNS],
        rows=[
            [
                model,
                study.facts[model].family if model != NOTHING else "",
                study.source.cards[model].level_of_theory if model != NOTHING else "",
                *[cell(column, model) for column in COLUMNS],
            ]
            for model in (*sorted(models, key=order), NOTHING)
        ],
    )


def _absent(study: Study, models: set[str], reasons: Mapping[str, str]) -> Table:
    """Potentials that were run somewhere with their weights, and have no row here."""
    cards = study.source.cards
    rows = [
        [model, reasons.get(model) or unavailable(card) or _unasked(study, model)]
        for model, card in cards.items()
        if card.energies and card.level_of_theory and card.state == "verified"
        if model not in models
    ]
    rows += [[name, why] for name, why in reasons.items() if name not in cards]
    return Table(caption="Not judged here", head=["potential", "why"], rows=rows)


def _unasked(study: Study, model: str) -> str:
    asked = model in study.plan.models
    return "reads none of these splits whole" if asked else "was not among the models asked for"
