"""The policy of a run: everything that decides its verdicts beside the model itself."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_matalign.embeddings.pack import CONTENTS
from pytest_matalign.run.gates import with_host_gates
from pytest_matalign.suites.load import card_of_split, load_suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_matalign.run.settings import Settings
    from pytest_matalign.suites.schema import Suite

ABSENT = "none"
BASELINE, EMBEDDINGS = "baseline file", "baseline embeddings"
"""Parts that say which baseline a run was held against; the former cannot be in the file itself."""


def policy_of(
    settings: Settings, folders: Mapping[str, Path], *, in_zoo: bool = False
) -> dict[str, str]:
    """Return the policy, part by part: plain values as text, files by their digest.

    Args:
        settings: Of the run.
        folders: Of its suites by name, which are read whole, whatever `--matalign-models` leaves.
        in_zoo: Whether the candidate is a model of the zoo.
    """
    named = ("tolerance", "mode", "strict", "references", "baseline_embeddings", "samples")
    places = ("allow_pickle", "named_store", "named_baseline")
    parts = {name: _text(getattr(settings, name)) for name in (*named, *places)}
    if settings.same:
        parts["same"] = _text(settings.same)
    if settings.candidate is not None:
        # Of the candidate, what decides with whom and on what it is compared.
        told = ("input", "modality", "family", "elements", "untrained", "seeds")
        parts |= {name: _text(getattr(settings.candidate, name)) for name in told}
        # The host's own may lie elsewhere in each release; a model of the zoo is another model.
        parts["candidate"] = settings.candidate.spec if in_zoo else "the host's own"
    parts |= {
        "suites": ", ".join(sorted(folders)),
        "models": ", ".join(settings.models) or "all",
        "packs": ", ".join(_pack(spec, settings.root) for spec in settings.packs) or ABSENT,
        BASELINE: _digest(settings.baseline),
        EMBEDDINGS: _digest(settings.baseline.with_suffix("") / CONTENTS),
    }
    suites = {name: load_suite(folder) for name, folder in folders.items()}
    for name, suite in with_host_gates(suites, settings.gates).items():
        parts |= dict(_of_suite(suite, folders[name]))
    return parts


def _of_suite(suite: Suite, folder: Path) -> Iterator[tuple[str, str]]:
    where = suite.name
    yield f"{where} models", _text(suite.models)
    yield f"{where} controls", _text(suite.controls)
    yield f"{where} required", _text(suite.required)
    yield f"{where} multiplicity", suite.multiplicity
    for metric in suite.metric:
        yield f"{where} metric {metric.name}", _text(metric)
    for kind, items in (
        ("expectation", suite.expectation),
        ("dimension", suite.dimension),
        ("gate", suite.gate),
    ):
        for one in items:
            # What only explains a bound may be put better.
            yield f"{where} {kind} {one.id}", _text(msgspec.structs.replace(one, tooltip=""))
    for split in suite.split:
        card = card_of_split(split)
        yield f"{where} split {split.id}", f"{_text(split.samples)} of version {card.version}"
        yield f"{where} covariates of {split.id}", _text(split.covariates)
        if split.file:
            data = Path(split.file).with_name(card.file)
            yield f"{where} samples of {split.id}", f"{_digest(Path(split.file))} {_digest(data)}"
    for module in sorted(folder.glob("*.py")):
        yield f"{where} module {module.name}", _digest(module)


def _text(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value).items()
        return ", ".join(f"{name} {_text(one)}" for name, one in fields if one not in (None, ""))
    if isinstance(value, tuple):
        return " ".join(_text(one) for one in value) or ABSENT
    return "not given" if value is None else str(value)


def _pack(spec: str, root: Path) -> str:
    return spec if spec.startswith("hf:") else _digest(root / spec / CONTENTS)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else ABSENT
