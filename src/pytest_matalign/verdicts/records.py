"""What is found out about embeddings, alignments, baselines and gates, each with its verdict.

Plain frozen values: they ride on test reports from worker to worker and make up the scorecard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_matalign.statistics.alignment import Alignment  # noqa: TC001  msgspec resolves it
from pytest_matalign.verdicts.gate.finding import Judgement  # noqa: TC001  msgspec resolves it
from pytest_matalign.verdicts.verdict import Verdict  # noqa: TC001  msgspec resolves it

if TYPE_CHECKING:
    from collections.abc import Iterable


class ExpectationOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expectation held against what was measured."""

    id: str
    bound: Literal["at_least", "at_most"]
    limit: float
    source: str
    tooltip: str = ""
    quantity: str
    """What is bounded: a metric, a difference of two alignments, a dimension."""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    """The quantity and its interval; None where it could not be measured."""
    p_value: float | None = None
    """One-sided, that the bound is met; small means failed."""
    adjusted_p_value: float | None = None
    """`p_value` adjusted for the number of expectations, where the suite asks for it."""
    verdict: Verdict


class BaselineOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One alignment held against that of the candidate's earlier release."""

    verdict: Verdict
    paired: bool = False
    """Whether the earlier embedding itself was at hand, so that common noise cancels."""
    value: float | None = None
    """The alignment of the earlier release: of its embedding if `paired`, else as recorded."""
    difference: float | None = None
    """This run minus the baseline, in the metric's own units."""
    low: float | None = None
    high: float | None = None
    tolerance: float
    p_value: float | None = None
    """One-sided, that no more than `tolerance` of alignment was lost; small means regressed."""
    adjusted_p_value: float | None = None
    """`p_value` adjusted for the number of comparisons, where the suite asks for it."""
    n: int | None = None
    samples_needed: int | None = None
    """Samples that would decide in 80 % of cases, if things are as they seem; None: no number."""
    reason: str = ""


class AlignmentRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pair on one split by one metric; `alignment` is None where nothing was measured."""

    suite: str
    split: str
    a: str
    b: str
    pair_class: str
    metric: str
    higher_is_closer: bool
    samples_fingerprint: str = ""
    """Of the samples that were compared."""
    reference_identity: str = ""
    """What decides the rows of model `b`: a digest of its weights and adapter version."""
    alignment: Alignment | None = None
    """What was measured; of asymmetric metrics `directions` are a→b and b→a."""
    verdict: Verdict
    reason: str = ""
    expectations: tuple[ExpectationOutcome, ...] = ()
    baseline: BaselineOutcome | None = None
    tolerated: bool = False
    """An error that counts against its suite's error budget instead of failing by itself."""

    @property
    def key(self) -> tuple[str, ...]:
        """Which check it is, in every run; never a pytest node id."""
        return (self.suite, self.split, self.a, self.b, self.metric)


class Moved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sample whose neighbourhood changed between two releases of the candidate."""

    id: str
    overlap: float
    """Share of its k nearest neighbours that are the same."""


class Drift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a candidate's neighbourhoods on a split differ from those of its baseline."""

    n: int
    k: int
    overlap: float
    """Mean share of neighbours kept (mutual k-nearest-neighbour alignment with the baseline)."""
    moved: tuple[Moved, ...]
    """Samples whose neighbourhoods changed most, most first."""


class Dimension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Intrinsic dimension of an embedding."""

    estimator: str
    value: float
    low: float
    high: float


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
    origin: str = ""
    """Where the rows came from; moved to `Run` when the scorecard is made."""
    blocks: tuple[str, ...] = ()
    """Keys of the rows in the store, if they are there; moved to `Run` like `origin`."""
    drift: Drift | None = None
    """Only of a candidate whose baseline has embeddings."""
    release: Judgement | None = None
    """The candidate held against that baseline, where it can be judged as one."""
    dimension: Dimension | None = None
    """Only where the suite expects something of it."""
    expectations: tuple[ExpectationOutcome, ...] = ()
    verdict: Verdict
    reason: str = ""
    tolerated: bool = False
    """An error that counts against its suite's error budget instead of failing by itself."""

    @property
    def key(self) -> tuple[str, ...]:
        """Which check it is, in every run; never a pytest node id."""
        return (self.suite, self.split, self.model)


class GateRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One condition on a whole suite."""

    suite: str
    id: str
    kind: Literal["mean-alignment", "error-budget", "coverage", "measured", "strict", "same"]
    bound: Literal["at_least", "at_most"]
    limit: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    source: str
    tooltip: str = ""
    verdict: Verdict
    reason: str = ""

    @property
    def node_id(self) -> str:
        """What pytest calls it."""
        return f"matalign/{self.suite}::gate[{self.id}]"


class StaleRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row of the baseline that no check of its suite asks for any more."""

    suite: str
    split: str
    reference: str
    metric: str


def measured(records: Iterable[AlignmentRecord]) -> list[tuple[AlignmentRecord, Alignment]]:
    """Return the records that have an alignment, each with it."""
    return [(record, record.alignment) for record in records if record.alignment is not None]
