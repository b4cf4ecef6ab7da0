"""The eleven possible outcomes of a check, in one place."""

from __future__ import annotations

from typing import Literal, Protocol, get_args

Verdict = Literal[
    "passed",
    "failed",
    "regressed",
    "moved",
    "improved",
    "unchanged",
    "undecided",
    "no-baseline",
    "not-comparable",
    "skipped",
    "error",
]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
FAILING: frozenset[Verdict] = frozenset({"failed", "regressed", "error"})
"""Verdicts that make a test, a gate and the exit status fail; see `fails`."""
HOLDING: frozenset[Verdict] = frozenset({"passed", "unchanged", "improved"})
"""Verdicts that say that something was asked for and is well."""


class Judged(Protocol):
    """A record of any kind."""

    @property
    def verdict(self) -> Verdict:
        """Its verdict."""
        ...


def fails(record: Judged) -> bool:
    """Whether a record fails its test and the run; no other code decides this."""
    return record.verdict in FAILING and not getattr(record, "tolerated", False)
