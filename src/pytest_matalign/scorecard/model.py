"""The scorecard: every verdict of a run, as plain values that become JSON and come back.

Terminal, Markdown, HTML, JUnit and exit status are all made from this one object. Everything
that may differ between two runs of the same work (times, machine, where rows were read from) is
in `run`; all the rest is bit-identical from run to run, serial or parallel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.verdicts.verdict import Verdict  # noqa: TC001  msgspec resolves it

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA_VERSION = 1


class ExpectationOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expectation applied to one alignment."""

    id: str
    bound: Literal["at_least", "at_most"]
    limit: float
    source: str
    tooltip: str = ""
    verdict: Verdict


class AlignmentRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pair on one split by one metric; numbers are None where nothing was measured."""

    suite: str
    split: str
    a: str
    b: str
    pair_class: str
    metric: str
    estimator: str
    k: int | None
    preprocess: str
    higher_is_closer: bool
    n: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    null_mean: float | None = None
    null_sd: float | None = None
    p_value: float | None = None
    calibrated: float | None = None
    directions: tuple[float, float] | None = None
    """For asymmetric metrics, a→b and b→a; `value` is their mean."""
    verdict: Verdict
    reason: str = ""
    expectations: tuple[ExpectationOutcome, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """Identity of the check across runs; never a pytest node id."""
        return (self.suite, self.a, self.b, self.split, self.metric, self.estimator)


class EmbeddingRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model on one split: what was embedded and what was refused."""

    suite: str
    split: str
    model: str
    requested: int
    n: int = 0
    width: int | None = None
    refused: dict[str, int] = {}
    """Number of samples by reason."""
    digest: str | None = None
    fingerprint: str = ""
    """Fingerprint of the samples asked for."""
    source: str = ""
    """Where the rows came from; moved to `Run` when the scorecard is made."""
    verdict: Verdict
    reason: str = ""


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
    embedding_source: dict[str, int] = {}
    """How many embeddings were computed, read from the store, or taken from a pack."""


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
    run: Run


def write_json(scorecard: Scorecard, path: Path) -> None:
    """Write a scorecard as indented JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(scorecard), indent=1) + b"\n")


def read_json(path: Path) -> Scorecard:
    """Read a scorecard.

    Raises:
        ConfigurationError: If the file is absent, not JSON, of another schema version, or does
            not fit the schema.
    """
    try:
        content = path.read_bytes()
        version = msgspec.json.decode(content, type=_Versioned).schema_version
    except OSError as error:
        raise ConfigurationError(f"Cannot read the scorecard {path}: {error.strerror}.") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path} is not a scorecard: {error}.") from None
    if version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} has schema version {version} and this package reads {SCHEMA_VERSION}; "
            "make the scorecard again with `pytest --matalign --matalign-json`."
        )
    try:
        return msgspec.json.decode(content, type=Scorecard)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path} is not a valid scorecard: {error}.") from None


class _Versioned(msgspec.Struct):
    schema_version: int
