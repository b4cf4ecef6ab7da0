"""What the gate would say to known changes of the candidate: its own bank of mutants.

The candidate stands as its own baseline, and every mutant of its rows as the next release. Rows
are those at hand; only its network untrained, if asked for, has to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zlib import crc32

import numpy as np

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.mutants.rows import group_mutants, mutants
from pytest_matalign.run.grounds import rows
from pytest_matalign.verdicts.gate.coverage import coverage
from pytest_matalign.verdicts.gate.judge import LEAST_SAMPLES, judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.run.suite_run import SuiteRun
    from pytest_matalign.suites.schema import SuiteSplit
    from pytest_matalign.verdicts.gate.finding import GateVerdict
    from pytest_matalign.verdicts.gate.judge import Court

GROUPS = 4
"""Groups drawn per split for changes of one group."""
SMALLEST, LARGEST = 5, 0.5
"""Samples, and share of all, of groups that are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One known change of the candidate on one split, judged.

    Attributes:
        split: Id.
        change: What was done.
        right: Whether it must fail or pass.
        verdict: What the gate says.
        why: Its sentence.
    """

    split: str
    change: str
    right: Literal["fail", "pass"]
    verdict: GateVerdict
    why: str

    @property
    def correct(self) -> bool:
        """Whether the verdict is the right one; `undecided` never is."""
        failed = self.verdict in {"failed", "regressed"}
        return failed if self.right == "fail" else self.verdict in {"passed", "moved"}


def sensitivity(run: SuiteRun, *, untrained: bool = False) -> Iterator[Tried]:
    """Yield what the gate says to every known change, split by split.

    Args:
        run: With a candidate.
        untrained: Whether the candidate's network is made untrained and run, too.

    Raises:
        ConfigurationError: If there is no candidate, or no split can judge it.
        MatalignError: If the candidate's rows cannot be had.
    """
    if run.candidate_id is None:
        raise ConfigurationError(
            "there is no candidate to change; name one with --candidate or in [tool.matalign]."
        )
    judged = False
    for name, suite in run.suites.items():
        for wanted in suite.split:
            for tried in _on(run, name, wanted, untrained=untrained):
                judged = True
                yield tried
    if not judged:
        raise ConfigurationError(
            f"no split judges {run.candidate_id}: a reference of another family and "
            f"{LEAST_SAMPLES} common samples are needed."
        )


def _on(run: SuiteRun, suite: str, wanted: SuiteSplit, *, untrained: bool) -> Iterator[Tried]:
    assert run.candidate_id is not None, "asked for before"
    grounds = run.evaluator.grounds
    own = grounds.measurer.embedding(run.candidate_id, wanted)
    used = list(grounds.references(suite, wanted, common=own.ids))
    twins = run.evaluator.first.twins(wanted, own) if untrained else {}
    every = [one for found in twins.values() for one in found]
    ids = common_ids(own, *(one for _, one in used), *every)
    if not used or len(ids) < LEAST_SAMPLES:
        return
    court = grounds.court(wanted, ids, used)
    if court is None:
        return
    with one_thread():
        before, mode = court.prepare(rows(own, ids)), run.settings.mode

        def tried(change: str, right: Literal["fail", "pass"], changed: Float64) -> Tried:
            judged = judge(court.prepare(changed), before, mode=mode)
            return Tried(
                split=wanted.id, change=change, right=right, verdict=judged.verdict, why=judged.why
            )

        for mutant in mutants():
            changed = mutant.change(before.rows, _rng(wanted.id, mutant.name))
            yield tried(mutant.name, mutant.right, changed)
        drawn = _drawn(court, wanted.id)
        for mutant in group_mutants(drawn):
            changed = mutant.change(before.rows, _rng(wanted.id, mutant.name))
            yield tried(f"one group's {mutant.name.split(': ')[-1]}", mutant.right, changed)
        for members in drawn.values():
            kept = [ids[i] for i in np.setdiff1d(np.arange(len(ids)), members)]
            found = coverage(accepted=kept, baseline=ids)
            yield Tried(
                split=wanted.id,
                change="one group refused",
                right="fail",
                verdict=found.verdict,
                why=found.why,
            )
        for recipe, networks in twins.items():
            for one in networks:
                yield tried(f"its network untrained ({recipe})", "fail", rows(one, ids))


def _drawn(court: Court, split: str) -> dict[str, NDArray[np.intp]]:
    """A few groups that are neither tiny nor most of the samples."""
    n = len(court.ids)
    fit = {g: m for g, m in court.groups.items() if SMALLEST <= len(m) <= LARGEST * n}
    names = _rng(split, "groups").permutation(sorted(fit))[:GROUPS]
    return {str(name): fit[str(name)] for name in names}


def _rng(*names: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(crc32("/".join(names).encode())))
