"""The ten possible outcomes of a check, in one place."""

from __future__ import annotations

from typing import Literal, get_args

Verdict = Literal[
    "passed",
    "failed",
    "regressed",
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
"""Verdicts that make a test, a gate and the exit status fail; no other code decides this."""
