"""The baseline: alignments of the candidate's last release, committed in the host's repository."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from pytest_matalign.cache import write_whole
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.statistics.alignment import Alignment  # noqa: TC001  msgspec resolves it
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_matalign.verdicts.records import AlignmentRecord

FORMAT = 2
LARGEST = 64 * 2**20
"""Bytes; a row takes about a thousand."""
Key: TypeAlias = tuple[str, str, str, str]
"""(suite, split, reference, metric): the candidate may be renamed from release to release."""


class BaselineRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alignment of the earlier release, with all that decides what may be compared to it."""

    suite: str
    split: str
    reference: str
    reference_identity: str
    """Digest of the reference's weights and adapter version."""
    samples_fingerprint: str
    """Of the samples that were compared."""
    alignment: Alignment

    @property
    def key(self) -> Key:
        """Which check the row belongs to."""
        return (self.suite, self.split, self.reference, self.alignment.metric)


def row_of(record: AlignmentRecord) -> BaselineRow | None:
    """Return the row a record makes; None where nothing was measured."""
    if record.alignment is None:
        return None
    return BaselineRow(
        suite=record.suite,
        split=record.split,
        reference=record.b,
        reference_identity=record.reference_identity,
        samples_fingerprint=record.samples_fingerprint,
        alignment=record.alignment,
    )


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A baseline file."""

    format: int = FORMAT
    candidate: str
    package_version: str
    policy: dict[str, str] = {}
    """What the release was judged by, as `verdicts.policy` has it."""
    digest: str = ""
    """Of all the rest, so that an edit by hand is told."""
    rows: tuple[BaselineRow, ...]

    @property
    def content_digest(self) -> str:
        """What `digest` should be."""
        rows = tuple(sorted(self.rows, key=lambda row: row.key))
        whole = msgspec.structs.replace(self, digest="", rows=rows)
        return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()


class _Formatted(msgspec.Struct):
    format: int


def read_baseline(path: Path) -> Baseline | None:
    """Read a baseline; None if there is none yet.

    Raises:
        ConfigurationError: If the file is not a baseline of this format, or repeats a row.
    """
    # What is there and is no file, such as a link to nowhere, must not pass for none.
    if not os.path.lexists(path):
        return None

    def refusal(why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{path} is not a baseline: {why}; restore it, or delete it and write a new one "
            "with --matalign-update=all."
        )

    with untrusted(path, most=LARGEST, refusal=refusal) as content:
        found = msgspec.json.decode(content, type=_Formatted).format
        baseline = msgspec.json.decode(content, type=Baseline) if found == FORMAT else None
    if baseline is None:
        raise ConfigurationError(
            f"{path} has baseline format {found} and this package reads {FORMAT}; "
            "write it anew with --matalign-update=all."
        )
    keys = [row.key for row in baseline.rows]
    if len(set(keys)) != len(keys):
        raise ConfigurationError(f"{path} lists a check twice; keep one row of each.")
    return baseline


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write a baseline with one row a line, sorted, so that a review shows what changed."""
    rows = sorted(baseline.rows, key=lambda row: row.key)
    whole = msgspec.structs.replace(baseline, digest=baseline.content_digest, rows=())
    head = msgspec.to_builtins(whole)
    head.pop("rows")
    lines = [f' "{key}": {msgspec.json.encode(value).decode()},' for key, value in head.items()]
    body = ",\n".join(f"  {msgspec.json.encode(row).decode()}" for row in rows)
    text = "{\n" + "\n".join(lines) + '\n "rows": [\n' + body + "\n ]\n}\n"
    write_whole(path, text.encode())


def stale_rows(baseline: Baseline, *, suites: Iterable[str], asked: set[Key]) -> list[BaselineRow]:
    """Rows of the suites of this run that none of their checks asks for."""
    run = set(suites)
    return [row for row in baseline.rows if row.suite in run and row.key not in asked]
