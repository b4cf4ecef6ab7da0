"""Section: molecules out of distribution, labelled by GFN2-xTB where `tblite` is installed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pytest_matalign.analysis.convergence import Convergence, convergence
from pytest_matalign.analysis.correlation import spearman
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.errors import UnavailableError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.study.claims.convergence import in_words
from pytest_matalign.study.claims.performance import energy_errors, errors_against
from pytest_matalign.study.claims.regimes import placed_on, placement_table
from pytest_matalign.study.context import SplitData, Study
from pytest_matalign.study.plan import LIGANDS, MOLECULES
from pytest_matalign.study.report import Claim, Section, Table
from pytest_matalign.study.verdict import of_correlation

TEXT = """
Drug-like ligands come without labels; GFN2-xTB gives them energies. It is itself a model, with
errors of its own, and stands in for a reference: whether it may is told by how it orders the
potentials on QM9, where energies by density functional theory are known as well.
"""


def section(study: Study) -> Section:
    """Performance against alignment on ligands, and where models stand there."""
    ligands, energies = _labelled(study, LIGANDS)
    molecules, again = _labelled(study, MOLECULES)
    errors = errors_against(energies, study, ligands)
    if len(errors) < 2:
        raise UnavailableError("fewer than two potentials at hand predict energies of ligands.")
    table = study.table(ligands, "distance_correlation")
    values = {model: one.value for model, one in errors.items()}
    found = {
        "related too": convergence(table, values, study.facts, related=True),
        "unrelated": convergence(table, values, study.facts),
    }
    return Section(
        id="labels",
        title="Ligands labelled by GFN2-xTB",
        text=TEXT,
        tables=[
            _error_table(study, errors, molecules, errors_against(again, study, molecules)),
            placement_table(LIGANDS, placed_on(ligands, energies, values)),
        ],
        claims=[_claim(found)],
    )


def _labelled(study: Study, split: str) -> tuple[SplitData, Float64]:
    """A split cut to the samples that could be labelled, and their energies per atom."""
    energies = study.source.xtb_energies(study.plan.split(split))
    data = study.data(split).where(energies)
    return data, np.array([energies[name] for name in data.ids])


def _error_table(
    study: Study,
    errors: Mapping[str, Interval],
    molecules: SplitData,
    by_xtb: Mapping[str, Interval],
) -> Table:
    by_dft = energy_errors(study, molecules)
    both = [model for model in by_xtb if model in by_dft]
    order = spearman(
        np.array([by_xtb[m].value for m in both]), np.array([by_dft[m].value for m in both])
    )
    return Table(
        caption="Mean absolute error of energies after a composition fit on both sides, eV/atom. "
        f"On {MOLECULES} the two references order the potentials with a Spearman correlation of "
        f"{order:.2f}",
        head=["model", f"{LIGANDS}, GFN2-xTB", f"{MOLECULES}, GFN2-xTB", f"{MOLECULES}, DFT"],
        rows=[
            [model, one, by_xtb.get(model, ""), by_dft.get(model, "")]
            for model, one in sorted(errors.items(), key=lambda item: item[1].value)
        ],
    )


def _claim(found: Mapping[str, Convergence]) -> Claim:
    return Claim(
        id="convergence-ligands",
        would_change="Five unrelated families or more whose errors differ.",
        statement="On drug-like ligands, out of distribution of most, potentials with lower energy "
        "error align more (distance correlation) with the best one.",
        verdict=of_correlation(found["unrelated"].correlation),
        numbers="; ".join(f"{name}: {in_words(one)}" for name, one in found.items()),
        caveat="Energies by GFN2-xTB, a model itself. Few families, as before.",
    )
