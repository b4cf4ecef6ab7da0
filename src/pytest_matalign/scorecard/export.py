"""A scorecard where results are looked for: a model's page on a hub, trackers, a README's badge.

No tracker is a dependency: each is imported when it is asked for.
"""

from __future__ import annotations

import importlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.scorecard.badge import LABEL, message
from pytest_matalign.scorecard.summary import failures, with_references

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.statistics.alignment import Alignment

ENDPOINT_COLOURS = {"#b3261e": "red", "#2e7d32": "green", "#8d6e00": "yellow", "#5f6368": "grey"}
_UNSAFE = re.compile(r"[^\w\-. /]")


class Mean(NamedTuple):
    """The candidate's mean alignment with references on one split, by one metric.

    The ends are means of the ends: alignments with one model share its samples and may err
    together, so nothing is gained by averaging.
    """

    suite: str
    split: str
    metric: str
    references: tuple[str, ...]
    value: float
    low: float
    high: float
    n: int
    k: int | None


def means(scorecard: Scorecard) -> list[Mean]:
    """Return the candidate's means, controls left out, in the order of the run.

    Raises:
        ConfigurationError: The run had no candidate, or compared it with controls only.
    """
    if scorecard.candidate is None:
        raise ConfigurationError(
            "The scorecard is of a run without a candidate; name one with --matalign-candidate."
        )
    grouped: dict[tuple[str, str, str], list[tuple[str, Alignment]]] = {}
    for record, other, found in with_references(scorecard):
        key = (record.suite, record.split, record.metric)
        grouped.setdefault(key, []).append((other, found))
    if not grouped:
        raise ConfigurationError(
            f"{scorecard.candidate} was measured with no reference but controls, so there is no "
            "mean to tell."
        )
    return [
        Mean(
            *key,
            references=tuple(other for other, _ in group),
            value=sum(one.value for _, one in group) / len(group),
            low=sum(one.low for _, one in group) / len(group),
            high=sum(one.high for _, one in group) / len(group),
            n=min(one.n for _, one in group),
            k=group[0][1].k,
        )
        for key, group in grouped.items()
    ]


def scalars(scorecard: Scorecard) -> dict[str, float]:
    """Return numbers by a name that every tracker takes."""
    found: dict[str, float] = {"failures": float(len(failures(scorecard)))}
    for one in means(scorecard):
        name = _UNSAFE.sub("_", f"{one.suite}/{one.split}/{one.metric}")
        # Not below the name: MLflow's file store makes folders of slashes.
        found |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    for record in scorecard.embeddings:
        if record.drift is not None:
            name = _UNSAFE.sub("_", f"{record.suite}/{record.split}/neighbours_kept")
            found[name] = record.drift.overlap
    return found


def hub_results(
    scorecard: Scorecard, *, dataset: str, revision: str | None, source: str | None
) -> str:
    """Return a file `.eval_results/NAME.yaml` for a model's repository on the Hugging Face hub.

    Args:
        scorecard: What a run found.
        dataset: Id of the benchmark's dataset repository.
        revision: Its commit.
        source: Where the run can be looked at.
    """
    entries = []
    for one in means(scorecard):
        neighbours = f", k = {one.k}" if one.k is not None else ""
        entry: dict[str, Any] = {
            "dataset": {"id": dataset, "task_id": f"{one.split}-{one.metric}"},
            "value": round(one.value, 6),
            "date": scorecard.run.started,
            "notes": (
                f"mean {one.metric} with {len(one.references)} references, 95 % interval "
                f"{one.low:.4f} to {one.high:.4f}, n = {one.n}{neighbours}, pytest-matalign "
                f"{scorecard.package_version}"
            ),
        }
        if revision:
            entry["dataset"]["revision"] = revision
        if source:
            entry["source"] = {"url": source, "name": "pytest-matalign"}
        entries.append(entry)
    # JSON is YAML, and quotes whatever YAML would take for something else.
    return "".join(f"- {json.dumps(entry, ensure_ascii=False)}\n" for entry in entries)


def endpoint(scorecard: Scorecard) -> str:
    """Return the JSON that a badge of shields.io reads from a URL."""
    text, colour = message(scorecard)
    told = {
        "schemaVersion": 1,
        "label": LABEL,
        "message": text,
        "color": ENDPOINT_COLOURS[colour],
    }
    return json.dumps(told) + "\n"


def track(kind: str, scorecard: Scorecard, path: Path, *, project: str, name: str) -> None:
    """Log a scorecard's numbers to a tracker, with the JSON as an artifact where it takes files.

    Raises:
        UnavailableError: If the tracker is not installed.
    """
    try:
        tracker: Any = importlib.import_module(kind)
    except ImportError:
        raise UnavailableError(f"{kind} is not installed; pip install {kind}.") from None
    {"mlflow": _mlflow, "wandb": _wandb, "trackio": _trackio}[kind](
        tracker, scalars(scorecard), path, {"project": project, "name": name}
    )


def _mlflow(tracker: Any, numbers: Mapping[str, float], path: Path, run: Mapping[str, str]) -> None:
    tracker.set_experiment(run["project"])
    with tracker.start_run(run_name=run["name"]):
        tracker.log_metrics(numbers)
        tracker.log_artifact(str(path))


def _wandb(tracker: Any, numbers: Mapping[str, float], path: Path, run: Mapping[str, str]) -> None:
    with tracker.init(**run, job_type="alignment") as opened:
        opened.log(dict(numbers))
        artifact = tracker.Artifact("scorecard", type="evaluation")
        artifact.add_file(str(path))
        opened.log_artifact(artifact)


def _trackio(
    tracker: Any,
    numbers: Mapping[str, float],
    path: Path,  # noqa: ARG001  it takes numbers only
    run: Mapping[str, str],
) -> None:
    tracker.init(**run)
    tracker.log(dict(numbers))
    tracker.finish()
