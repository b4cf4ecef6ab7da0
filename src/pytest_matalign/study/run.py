"""Run a study and write its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from pytest_matalign.errors import ConfigurationError, MatalignError
from pytest_matalign.executor import Executor, executor_of
from pytest_matalign.progress import Line, say
from pytest_matalign.study import labels
from pytest_matalign.study.claims import (
    accuracy,
    atoms,
    convergence,
    dimension,
    lineage,
    modality,
    reconstruction,
    regimes,
    robustness,
)
from pytest_matalign.study.claims import selection as choosing
from pytest_matalign.study.context import Study
from pytest_matalign.study.obtain import embeddings_of
from pytest_matalign.study.plan import (
    APART,
    CRYSTALS,
    ELEMENTS,
    LIGANDS,
    MOLECULES,
    PROTEINS,
    SERIES,
    Plan,
    graded,
)
from pytest_matalign.study.prepare import longest_first, prepare
from pytest_matalign.study.report import Report, Section, Table, tally, write_report
from pytest_matalign.zoo.catalogue import cards

GRADED = tuple(graded(kind, level) for kind, levels in SERIES.items() for level in levels)
SECTIONS: Mapping[str, tuple[Callable[[Study], Section], tuple[str, ...]]] = {
    "regimes": (
        regimes.section,
        (CRYSTALS, "mp-perturbed", "core-mofs", MOLECULES, *GRADED),
    ),
    "accuracy": (accuracy.section, (CRYSTALS, ELEMENTS, MOLECULES, LIGANDS)),
    "convergence": (convergence.section, (CRYSTALS, MOLECULES, ELEMENTS)),
    "dimension": (
        dimension.section,
        (CRYSTALS, MOLECULES, PROTEINS, "mp-perturbed", graded("rattle", 0.5)),
    ),
    "lineage": (lineage.section, (CRYSTALS, "mp-perturbed", "core-mofs", MOLECULES)),
    "reconstruction": (reconstruction.section, (CRYSTALS, MOLECULES)),
    "modality": (modality.section, (MOLECULES, LIGANDS, PROTEINS)),
    "sensitivity": (robustness.section, (CRYSTALS, MOLECULES)),
    "atoms": (atoms.section, (CRYSTALS, MOLECULES)),
    "labels": (labels.section, (MOLECULES, LIGANDS)),
    "selection": (choosing.section, (CRYSTALS, MOLECULES)),
}
"""Sections by name, with the splits each needs."""

STUDIES = ("paper", *SECTIONS)
PREFACE = """
What the findings of "Universally Converging Representations of Matter Across Scientific Foundation
Models" (arXiv 2512.03750) look like on the models that can be loaded here. Each claim is
reproduced, not reproduced, undecided (the data at hand cannot tell) or not testable here
(no model or data of the kind). Intervals are at 95 % and cover the choice of samples; they do not
cover the choice of models, of which there are few, most of them variants of few families.

Against the paper: hundreds of samples instead of 50,000, so neighbour metrics are not comparable
in value, only in order and sign; centred features and rows of unit length instead of rows scaled
to a maximum of one; controls, permutation tests and intervals, which the paper has not.
"""


def run_study(
    name: str,
    *,
    store: Path,
    out: Path,
    plan: Plan,
    cluster: str | None = None,
) -> list[Path]:
    """Run the sections of a study and write its report.

    Args:
        name: `paper` for all sections, or one of `SECTIONS`.
        store: Folder of the embedding store; what it lacks is computed.
        out: Folder of the report.
        plan: Models, samples, and where embeddings come from.
        cluster: Who embeds and makes the sections, see `executor_of`.

    Returns:
        Files written.

    Raises:
        ConfigurationError: Unknown name, or too few models or samples.
    """
    if name not in STUDIES:
        raise ConfigurationError(f"There is no study {name!r}; choose among {', '.join(STUDIES)}.")
    chosen = SECTIONS if name == "paper" else {name: SECTIONS[name]}
    splits = tuple(dict.fromkeys(split for _, needed in chosen.values() for split in needed))
    with closing(executor_of(cluster)) as executor:
        say(f"{len(plan.models)} models, {len(splits)} splits, {executor.workers} at a time")
        sections = _made(plan, splits, chosen, store=store, executor=executor)
    study = Study(embeddings_of(plan, store), plan)
    shared = [split for key, (_, own) in chosen.items() if key not in APART for split in own]
    report = Report(
        title="The paper's findings, taken again" if name == "paper" else f"Study: {name}",
        preface="" if name in APART else PREFACE,
        sections=(*sections, *([inventory(study, shared)] if shared else [])),
        options=plan.options,
    )
    say(f"{len(report.claims)} claims: {tally(report.claims)}")
    return write_report(report, out)


def _made(
    plan: Plan, splits: Sequence[str], chosen: Collection[str], *, store: Path, executor: Executor
) -> list[Section]:
    """Ask the models first, then make the sections, both spread over the workers."""
    asked = partial(prepare, plan=plan, splits=splits, sections=tuple(chosen), root=store)
    pieces = [executor.submit(asked, model) for model in longest_first(plan.models, cards())]
    line = Line("asked", unit=" models")
    for done, _ in enumerate(executor.gather(pieces), start=1):
        line(done=done, total=len(pieces))
    line.close()
    return list(executor.gather([executor.submit(make_section, n, plan, store) for n in chosen]))


def make_section(name: str, plan: Plan, store: Path) -> Section:
    """One section, from the store; what it lacks is embedded.

    A section that the models at hand do not allow says so in the report, which goes on.
    """
    say(f"section {name} begun")
    started = time.process_time()
    make, _ = SECTIONS[name]
    try:
        made = make(Study(embeddings_of(plan, store), plan))
    except MatalignError as error:
        made = Section(id=name, title=name.capitalize(), text=f"Could not be made here: {error}")
    say(f"section {name} done, {time.process_time() - started:.0f} s of processor time")
    return made


def inventory(study: Study, splits: Sequence[str]) -> Section:
    """Which models took part on which split, and why the others did not."""
    # Of the elements only errors are taken, on which models need not agree.
    found = [study.data(split) for split in dict.fromkeys(splits) if split != ELEMENTS]
    models = [
        study.facts[m] for m in study.plan.models if any(m in data.embeddings for data in found)
    ]
    return Section(
        id="models",
        title="Models and data",
        text="""
Family, corpus and modality are those of the model cards. All splits are bundled with the package;
a model must accept four fifths of a split, and each split is cut to the samples all of its models
accept.
""",
        tables=[
            Table(
                caption="Models that took part",
                head=["model", "family", "corpus", "modality", "control", "parameters"],
                rows=[
                    [
                        one.id,
                        one.family,
                        one.corpus,
                        one.modality,
                        one.control or "",
                        f"{one.parameters:,}" if one.parameters else "",
                    ]
                    for one in models
                ],
            ),
            Table(
                caption="Splits",
                head=["split", "samples", "models", "controls", "left out"],
                rows=[
                    [
                        data.split,
                        data.n,
                        len(data.trained),
                        len(data.embeddings) - len(data.trained),
                        _left_out(study, data.left_out),
                    ]
                    for data in found
                ],
            ),
        ],
    )


def _left_out(study: Study, reasons: Mapping[str, str]) -> str:
    """Pretrained models that accept some of a split but too little, or that failed."""
    told = [
        f"{model} ({reason})"
        for model, reason in reasons.items()
        if study.facts[model].pretrained and "accepts 0 of" not in reason
    ]
    return "; ".join(told)
