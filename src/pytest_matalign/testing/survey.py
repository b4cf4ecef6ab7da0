"""Conformance reports of many models, as one JSON file."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator
from importlib import metadata

import msgspec

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.testing.conformance import TOLERANCE, check_adapter
from pytest_matalign.testing.report import (
    ConformanceReport,
)
from pytest_matalign.zoo.card import ModelCard


class Survey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `matalign zoo check` found."""

    python: str
    torch: str
    machine: str
    tolerance: float
    reports: tuple[ConformanceReport, ...] = ()
    skipped: dict[str, str] = {}
    """Why a model was not checked, by its id."""

    @classmethod
    def here(cls) -> Survey:
        """One of no models yet, on this machine."""
        return cls(
            python=platform.python_version(),
            torch=metadata.version("torch").partition("+")[0],
            machine=f"{platform.system()} {platform.machine()}",
            tolerance=TOLERANCE,
        )

    @property
    def conforms(self) -> bool:
        """Whether every model that was checked does."""
        return all(report.conforms for report in self.reports)


def survey(cards: Iterable[ModelCard], *, allow_pickle: bool = False) -> Iterator[Survey]:
    """Check models one after the other; each value holds all that were done so far."""
    done = Survey.here()
    for card in cards:
        try:
            report = check_adapter(card, allow_pickle=allow_pickle)
        except (UnavailableError, ConfigurationError) as error:
            skipped = {**done.skipped, card.id: str(error)}
            done = msgspec.structs.replace(done, skipped=skipped)
        else:
            done = msgspec.structs.replace(done, reports=(*done.reports, report))
        yield done
