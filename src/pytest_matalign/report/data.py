"""A scorecard as the compact, JSON-plain value that the pages of a report read."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from pytest_matalign.report.order import orders
from pytest_matalign.scorecard.summary import failures, split_tables
from pytest_matalign.verdicts.records import measured
from pytest_matalign.verdicts.verdict import FAILING, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_matalign.report.companion import Companion
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.statistics.alignment import Alignment
    from pytest_matalign.verdicts.records import AlignmentRecord

T = TypeVar("T", bound=Hashable)
NO_COMPANION = (
    "Sample maps and pictures, intrinsic dimensions, the tree and the figure of accuracy need the "
    "embeddings: make the report with `matalign scorecard report SCORECARD --store DIR`."
)
DIGITS = 5
"""Significant digits kept; the scorecard itself keeps all."""
_NUMBERS = {
    "value": "value", "low": "low", "high": "high", "nullMean": "null_mean", "nullSd": "null_sd",
    "p": "p_value", "calibrated": "calibrated",
}  # fmt: skip
"""Columns of the page by the field of the alignment they show."""


class _Index(Generic[T]):
    """Distinct values in order of appearance, so that cases may name them by number."""

    def __init__(self, values: Iterable[T] = ()) -> None:
        self._place: dict[T, int] = {}
        for value in values:
            self(value)

    def __call__(self, value: T) -> int:
        return self._place.setdefault(value, len(self._place))

    def values(self) -> list[T]:
        return list(self._place)


def report_data(
    scorecard: Scorecard, *, companion: Companion | None = None, baseline: Scorecard | None = None
) -> dict[str, Any]:
    """Return everything the pages show, as JSON-plain values."""
    metrics = _Index[tuple[str, str, int | None, str, bool]]()
    cases = _cases(scorecard, metrics)
    left_out = list(companion.left_out) if companion else [NO_COMPANION]
    return {
        "package": scorecard.package_version,
        "candidate": scorecard.candidate,
        "suites": _plain(scorecard.suites),
        "splits": _plain(scorecard.splits),
        "models": _plain(scorecard.models),
        "embeddings": _plain(scorecard.embeddings),
        "run": _plain(scorecard.run),
        "verdicts": list(VERDICTS),
        "failing": sorted(FAILING),
        "failures": len(failures(scorecard)),
        "metrics": [
            dict(zip(("name", "estimator", "k", "preprocess", "higher"), metric, strict=True))
            for metric in metrics.values()
        ],
        "cases": cases,
        "orders": _orders(scorecard),
        "ladders": _ladders(scorecard),
        "companion": companion.data if companion else None,
        "baseline": _baseline(scorecard, baseline) if baseline else None,
        "leftOut": left_out,
    }


def rounded(value: float | None) -> float | None:
    """Return a number at the precision of the report."""
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value)


def _cases(
    scorecard: Scorecard, metrics: _Index[tuple[str, str, int | None, str, bool]]
) -> dict[str, list[Any]]:
    """Records as columns: a table of 35,000 of them stays small and quick to sort."""
    suites = _Index(suite.name for suite in scorecard.suites)
    splits = _Index(split.id for split in scorecard.splits)
    models = _Index(model.id for model in scorecard.models)
    verdicts = _Index[str](VERDICTS)
    reasons, classes = _Index[str]([""]), _Index[str]()
    columns: dict[str, list[Any]] = {}
    found = measured(scorecard.alignments)
    described = {one.metric: _metric(record, one) for record, one in found}
    for record in scorecard.alignments:
        one = record.alignment
        metric = _metric(record, one) if one else described.get(record.metric, _unknown(record))
        row = {
            "suite": suites(record.suite),
            "split": splits(record.split),
            "a": models(record.a),
            "b": models(record.b),
            "class": classes(record.pair_class),
            "metric": metrics(metric),
            "n": one.n if one else 0,
            **{
                column: rounded(getattr(one, name)) if one else None
                for column, name in _NUMBERS.items()
            },
            "ab": rounded(one.directions[0]) if one and one.directions else None,
            "ba": rounded(one.directions[1]) if one and one.directions else None,
            "verdict": verdicts(record.verdict),
            "reason": reasons(record.reason),
            "bound": _bounds(record),
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {**columns, "classes": classes.values(), "reasons": reasons.values()}


def _bounds(record: AlignmentRecord) -> str:
    words = {"at_least": "≥", "at_most": "≤"}
    return "; ".join(
        f"{words[outcome.bound]} {outcome.limit:.3f} ({outcome.id}: {outcome.source})"
        for outcome in record.expectations
    )


def _metric(record: AlignmentRecord, one: Alignment) -> tuple[str, str, int | None, str, bool]:
    return (one.metric, one.estimator, one.k, one.preprocess, record.higher_is_closer)


def _unknown(record: AlignmentRecord) -> tuple[str, str, int | None, str, bool]:
    """A metric by which nothing was measured."""
    return (record.metric, "", None, "", record.higher_is_closer)


def _orders(scorecard: Scorecard) -> list[dict[str, Any]]:
    models = {model.id: place for place, model in enumerate(scorecard.models)}
    return [
        {
            "suite": order.suite,
            "split": order.split,
            "metric": order.metric,
            "clustered": [models[model] for model in order.clustered],
            "controls": [models[model] for model in order.controls],
            "links": [[left, right, rounded(height)] for left, right, height in order.links],
        }
        for order in orders(scorecard)
    ]


def _ladders(scorecard: Scorecard) -> list[dict[str, Any]]:
    """The rows of the terminal's tables, from the same function, so that they cannot differ."""
    return [
        {
            "suite": table.suite.name,
            "split": table.split.id,
            "metric": table.metric,
            "k": table.k,
            "rows": [
                {
                    "model": row.model.id,
                    "n": row.n,
                    "mean": rounded(row.mean),
                    **{
                        name: None if partner is None else [partner.model, rounded(partner.value)]
                        for name, partner in (
                            ("best", row.best), ("worst", row.worst), ("control", row.control),
                        )
                    },
                }
                for row in table.rows
            ],
        }
        for table in split_tables(scorecard)
    ]  # fmt: skip


def _baseline(scorecard: Scorecard, baseline: Scorecard) -> dict[str, Any]:
    """Pairs of the two scorecards that may be compared: same check, n, k and preprocessing."""
    names = {scorecard.candidate: "candidate", baseline.candidate: "candidate"}

    def key(record: AlignmentRecord, one: Alignment) -> tuple[object, ...]:
        a, b = (names.get(model, model) for model in (record.a, record.b))
        return (record.suite, record.split, a, b, one.metric, one.estimator)

    earlier = {key(record, one): one for record, one in measured(baseline.alignments)}
    rows, unlike = [], 0
    for record, new in measured(scorecard.alignments):
        old = earlier.get(key(record, new))
        if old is None:
            continue
        if (old.n, old.k, old.preprocess) != (new.n, new.k, new.preprocess):
            unlike += 1
            continue
        numbers = (old.value, old.low, old.high, new.value, new.low, new.high)
        rows.append(
            [record.suite, record.split, record.a, record.b, new.metric, *map(rounded, numbers)]
        )
    return {
        "candidate": baseline.candidate,
        "started": baseline.run.started,
        "rows": rows,
        "notComparable": unlike,
    }
