"""Rows that a run needs, made on a cluster before its checks begin."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from pytest_matalign.embeddings.parts import Part, embed_all, shards_of
from pytest_matalign.environments.loading import unavailable
from pytest_matalign.errors import MatalignError
from pytest_matalign.executor import executor_of
from pytest_matalign.progress import Line, say
from pytest_matalign.suites.load import card_of_split
from pytest_matalign.zoo.catalogue import cards

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.run.suite_run import SuiteRun


def embed_ahead(run: SuiteRun) -> None:
    """Have the cluster of a run, if it has one, put rows of the zoo's models into the store.

    What fails is told and left to the check that needs it, which says why. A candidate of the
    host's own is not sent: its code may be on this machine alone.

    Raises:
        ConfigurationError: There is no such cluster.
        UnavailableError: It cannot be reached.
    """
    if run.settings.cluster is None:
        return
    with (
        closing(executor_of(run.settings.cluster)) as executor,
        closing(Line("embedded ahead", unit=" parts")) as line,
    ):
        parts = list(_parts(run, workers=executor.workers))
        for done, (part, told) in enumerate(embed_all(executor, parts), start=1):
            if isinstance(told, MatalignError):
                say(f"{part.model} on {part.split}: {told}")
            line(done=done, total=len(parts))


def _parts(run: SuiteRun, *, workers: int) -> Iterator[Part]:
    """Yield a part for each model and split that is run, of few models in several shards."""
    settings = run.settings
    needed = {
        (case.model, case.split.id): (case.split, settings.samples or case.split.samples)
        for name in run.suites
        for case in run.embedding_cases(name)
        if case.model in cards()
        and case.split.file is None
        and not unavailable(run.cards[case.model])
        and not (settings.references == "packs" and run.cards[case.model].weights)
    }
    for (model, _), (split, samples) in needed.items():
        size = samples or card_of_split(split).count or 1
        for shard in shards_of(size, wanted=-(-workers // len(needed))):
            yield Part(
                model=model,
                split=split.id,
                samples=samples,
                shard=shard,
                store=settings.store.absolute(),
                allow_pickle=settings.allow_pickle,
                batch_seconds=settings.batch_seconds,
                quiet=True,
            )
