"""A candidate without a baseline on one split: gathers what `verdicts.gate.floor` judges.

Held against its own network untrained where that can be made; else against the untrained
architectures of its modality that packs and suite hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.embeddings.staying import staying
from pytest_matalign.errors import MatalignError
from pytest_matalign.run.grounds import rows
from pytest_matalign.verdicts.gate.finding import judgement
from pytest_matalign.verdicts.gate.floor import above_other_untrained, above_own_untrained
from pytest_matalign.verdicts.gate.judge import LEAST_SAMPLES
from pytest_matalign.verdicts.gate.places import standings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Source
    from pytest_matalign.run.grounds import Grounds
    from pytest_matalign.suites.schema import SuiteSplit
    from pytest_matalign.verdicts.gate.finding import Judgement
    from pytest_matalign.verdicts.gate.judge import Prepared

SAMPLES = 200
"""Samples that the own network untrained is run on at most, which it is many times over; the
spread between its seeds is larger than the error of so many samples."""
SAME = 1e-6
"""Relative difference below which untrained rows are the candidate's own, and say nothing."""


class FirstRelease:
    """Judges a candidate that has no baseline."""

    def __init__(
        self,
        grounds: Grounds,
        *,
        own: Callable[[], Mapping[str, Sequence[Source]]],
        named: bool = False,
    ) -> None:
        """Take what a run knows.

        Args:
            grounds: References and courts.
            own: Makes the candidate's network untrained, by recipe; called at most once, because
                it may import the host's code.
            named: Whether the host names what makes it, so that it must not fail.
        """
        self._grounds, self._measurer = grounds, grounds.measurer
        self._make, self._named = own, named
        self._own: Mapping[str, Sequence[Source]] | None = None

    def judged(self, suite: str, wanted: SuiteSplit) -> Judgement | None:
        """Return the judgement; None without references, or with too few samples.

        Raises:
            MatalignError: If the candidate fails, or its untrained networks are configured wrongly.
        """
        candidate = self._measurer.candidate
        assert candidate is not None, "only a candidate is judged"
        own = self._measurer.embedding(candidate, wanted)
        used = list(self._grounds.references(suite, wanted, common=own.ids))
        twins = self.twins(wanted, own)
        others = dict(self._grounds.untrained(suite, wanted, own))
        every = [one for found in twins.values() for one in found]
        ids = common_ids(own, *(one for _, one in used), *every, *others.values())
        if not used or len(ids) < LEAST_SAMPLES:
            return None
        court = self._grounds.court(wanted, ids, used)
        if court is None:
            return None
        prepared = court.prepare(rows(own, ids))
        seeds = {
            recipe: [court.prepare(rows(one, ids)) for one in found]
            for recipe, found in twins.items()
        }
        shipped = {
            name: (self._grounds.cards[name].family, court.prepare(rows(one, ids)))
            for name, one in others.items()
        }
        standing = standings(prepared, {**shipped, **_first_seeds(candidate, seeds)})
        if seeds:
            floor = above_own_untrained(prepared, seeds)
        else:
            floor = above_other_untrained(prepared, shipped, standings(prepared, shipped))
        return judgement((floor,), standings=standing, notes=court.notes)

    def twins(self, wanted: SuiteSplit, own: Embedding) -> dict[str, list[Embedding]]:
        """Return rows of the candidate's network untrained; none where it cannot be made."""
        if self._own is None:
            with staying(own.model):  # which may import the host's code
                self._own = self._make()
        try:
            found = {
                recipe: [
                    self._measurer.obtained(source, wanted, at_most=SAMPLES) for source in sources
                ]
                for recipe, sources in self._own.items()
            }
        except MatalignError:
            if self._named:
                raise
            return {}
        return {
            recipe: networks
            for recipe, networks in found.items()
            if not any(_same(one, own) for one in networks)
        }


def _same(one: Embedding, other: Embedding) -> bool:
    """Whether rows are the same: the network found was not the one that embeds."""
    ids = common_ids(one, other)
    a, b = (rows(embedding, ids) for embedding in (one, other))
    if a.shape != b.shape or not len(ids):
        return False
    return float(np.abs(a - b).max()) <= SAME * float(np.abs(b).max())


def _first_seeds(
    candidate: str, seeds: Mapping[str, Sequence[Prepared]]
) -> dict[str, tuple[str, Prepared]]:
    """One network per recipe and seed, named by them."""
    return {
        f"{candidate}-{recipe}-{i}": (candidate, one)
        for recipe, found in seeds.items()
        for i, one in enumerate(found, 1)
    }
