"""The scorecard: every verdict of a run, as plain values that become JSON and come back.

Terminal, Markdown, HTML, JUnit and exit status are all made from this one object. Everything
that may differ between two runs of the same work (times, machine, where rows were read from) is
in `run`; all the rest is bit-identical from run to run, serial or parallel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.cache import write_output
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.untrusted import untrusted
from pytest_matalign.verdicts.records import (  # noqa: TC001  msgspec resolves them
    AlignmentRecord,
    EmbeddingRecord,
    GateRecord,
    StaleRow,
)

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 2
LARGEST = 256 * 2**20
"""Bytes; one of all bundled suites has three million."""


class SuiteEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite that took part."""

    name: str
    title: str
    version: int


class SplitEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A split that took part, as far as it was read."""

    id: str
    title: str
    version: str
    role: str
    samples: int
    fingerprint: str


class ModelEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader needs to know of a model beside its numbers."""

    id: str
    name: str
    family: str
    modality: str
    role: str
    control: str | None = None
    training: tuple[str, ...] = ()
    parameters: int | None = None
    layer: str = ""
    pooling: str = ""
    kind: str = ""
    licence_weights: str | None = None
    weights_sha256: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When, where and how long; nothing here takes part in a comparison of scorecards."""

    started: str
    seconds: float
    command: str
    python: str
    packages: dict[str, str]
    embedding_origins: dict[str, int] = {}
    """How many embeddings were computed, read from the store, or taken from a pack."""
    rows_from: dict[str, str] = {}
    """Where each model's rows came from: computed, store, pack or file; all of them where splits
    differ."""
    blocks: dict[str, tuple[str, ...]] = {}
    """Keys of the rows in the store by the digest of an embedding; those of packs and of files
    are not there."""


class Scorecard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a run found."""

    schema_version: int = SCHEMA_VERSION
    package_version: str
    candidate: str | None
    suites: tuple[SuiteEntry, ...]
    splits: tuple[SplitEntry, ...]
    models: tuple[ModelEntry, ...]
    embeddings: tuple[EmbeddingRecord, ...]
    alignments: tuple[AlignmentRecord, ...]
    gates: tuple[GateRecord, ...] = ()
    stale: tuple[StaleRow, ...] = ()
    policy: dict[str, str] = {}
    """What decided the verdicts beside the model: bounds, tolerance, selections, baseline."""
    policy_digest: str = ""
    policy_changes: tuple[str, ...] = ()
    """How that differs from what the baseline was written by, and from what the project says."""
    run: Run


def write_scorecard(scorecard: Scorecard, path: Path) -> None:
    """Write a scorecard as indented JSON."""
    write_output(path, msgspec.json.format(msgspec.json.encode(scorecard), indent=1) + b"\n")


def read_scorecard(path: Path) -> Scorecard:
    """Read a scorecard.

    Raises:
        ConfigurationError: If the file is absent, not JSON, of another schema version, or does
            not fit the schema.
    """

    def refusal(why: str) -> ConfigurationError:
        return ConfigurationError(f"{path} is not a valid scorecard: {why}.")

    with untrusted(path, most=LARGEST, refusal=refusal) as content:
        version = msgspec.json.decode(content, type=_Versioned).schema_version
        if version == SCHEMA_VERSION:
            return msgspec.json.decode(content, type=Scorecard)
    raise ConfigurationError(
        f"{path} has schema version {version} and this package reads {SCHEMA_VERSION}; "
        "make the scorecard again with `pytest --matalign --matalign-json`."
    )


class _Versioned(msgspec.Struct):
    schema_version: int
