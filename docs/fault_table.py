"""The table of faults, from what `benchmarks/fault_trials.py` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUND = Path(__file__).parents[1] / "benchmarks" / "faults.json"
KINDS = ("wrong values", "tracebacks", "hangs", "lost")
BEFORE = (
    ("SIGKILL while a store is filled, 62 cycles", 126, {}, ""),
    ("whole files of a store under another entry's name", 90, {"wrong values": 90}, ""),
    ("rows of a worker that forks", 56, {"wrong values": 31}, ""),
    ("rows of a worker that answers twice", 56, {"wrong values": 48}, ""),
    ("Ctrl-C after RDKit's substructure search", 3, {"lost": 3}, ""),
    ("commands with a place that is wrong", 51, {"tracebacks": 26}, ""),
    ("packs", 1875, {"tracebacks": 41}, ""),
    ("baselines", 600, {"tracebacks": 19}, ""),
    ("suites", 600, {"tracebacks": 8}, "over 2,000 (5 times)"),
    ("npz candidates", 3400, {"tracebacks": 146}, "5,300"),
    ("scorecards", 1620, {"tracebacks": 46}, ""),
)
"""Of commit 21e1cd8, as the issue that asked for the trials counted them by hand."""


def table() -> str:
    """Return the table in Markdown: what was counted before, then the trials."""
    found = json.loads(FOUND.read_text())
    return "\n".join(_rows(found))


def _rows(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield "| trials | commit | tried | " + " | ".join(KINDS) + " | most memory, MB | minutes |"
    yield "|---|---|" + "---|" * (len(KINDS) + 3)
    for name, tried, wrong, memory in BEFORE:
        yield _row(name, "21e1cd8", tried, wrong, [memory, ""])
    for one in found.values():
        name = one["name"] if one["share"] == 1 else f"{one['name']} (share {one['share']:g})"
        last = [f"{one['peak_mb']:,.0f}", f"{one['seconds'] / 60:.1f}"]
        yield _row(name, one["commit"], one["tried"], one["found"], last)
    tried = sum(one["tried"] for one in found.values())
    wrong = {kind: sum(one["found"].get(kind, 0) for one in found.values()) for kind in KINDS}
    peak = max(one["peak_mb"] for one in found.values())
    minutes = sum(one["seconds"] for one in found.values()) / 60
    yield _row("**all trials**", "", tried, wrong, [f"{peak:,.0f}", f"{minutes:.0f}"])


def _row(name: str, commit: str, tried: int, wrong: dict[str, int], last: list[str]) -> str:
    counts = (str(wrong.get(kind, 0)) for kind in KINDS)
    return "| " + " | ".join([name, commit, f"{tried:,}", *counts, *last]) + " |"
