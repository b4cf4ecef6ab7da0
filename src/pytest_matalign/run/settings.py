"""What a run was asked to do: command line first, then `[tool.matalign]`, then defaults."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from pytest_matalign.cache import cache_root
from pytest_matalign.embeddings.candidate import Wanted
from pytest_matalign.embeddings.pack_format import Encoding  # noqa: TC001  msgspec resolves it
from pytest_matalign.embeddings.policy import Policy  # noqa: TC001  msgspec resolves it
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.run.same import SamePair  # noqa: TC001  msgspec resolves it at run time
from pytest_matalign.splits.sample import Input  # noqa: TC001  msgspec resolves it at run time
from pytest_matalign.suites.schema import Names  # noqa: TC001  msgspec resolves it at run time
from pytest_matalign.untrusted import TEXT_BYTES, toml, untrusted
from pytest_matalign.verdicts.regression import TOLERANCE
from pytest_matalign.zoo.card import Modality  # noqa: TC001  msgspec resolves it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class HostGate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A `[[tool.matalign.gate]]`: a gate of the suites with other bounds, or a new one.

    Only what is given replaces what a suite's gate of this id says; a new gate needs all that a
    suite's would.
    """

    id: str
    suite: str | None = None
    """Which suite; all of the run that have such a gate, or all for a new one, if None."""
    kind: Literal["mean-alignment", "error-budget", "coverage"] | None = None
    metric: str | None = None
    models: Names | None = None
    references: Names | None = None
    splits: Names | None = None
    at_least: float | None = None
    at_most: float | None = None
    source: str | None = None
    tooltip: str | None = None


class HostTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[tool.matalign]` table of the host's `pyproject.toml`; `run/options.py` explains it."""

    candidate: str | None = None
    name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=120)] = "candidate"
    input: Input | None = None
    modality: Modality | None = None
    family: str = "candidate"
    elements: tuple[str, ...] | None = None
    suites: tuple[str, ...] = ()
    samples: Annotated[int, msgspec.Meta(ge=1)] | None = None
    models: tuple[str, ...] = ()
    store: str | None = None
    references: Policy = "auto"
    allow_pickle: bool = False
    packs: tuple[str, ...] = ()
    batch_seconds: Annotated[int, msgspec.Meta(ge=1)] | None = None
    baseline: str = "matalign-baseline.json"
    baseline_embeddings: Encoding | Literal["none"] = "float32"
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=1)] = TOLERANCE
    mode: Literal["same", "retrained"] = "retrained"
    untrained: str | None = None
    seeds: tuple[str, ...] = ()
    gate: tuple[HostGate, ...] = ()
    strict: bool = False
    same: tuple[SamePair, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a run was asked to do, with nothing left to look up.

    Attributes:
        root: The host project's folder.
        run_id: Tells this run from every other; the workers of one run share it.
        candidate: The model under test as it was asked for, if one was.
        suites: Names or folders of suites; every bundled one that can be served if empty.
        samples: Samples per split, overriding every suite; None leaves it to them.
        models: Patterns of model ids of the suites; all if empty.
        store: Folder of the embedding store.
        cluster: Who makes rows before the checks begin; the checks themselves where None.
        named_store: What the table calls it, wherever it is; rows may lie there already.
        references: Where references come from.
        packs: Folders or specs of packs, in the order in which they are asked.
        allow_pickle: Whether weights may be read that can run code when they are read.
        batch_seconds: Longest that a batch may take in a process of its own; None for the cards'.
        baseline: File of the earlier release's alignments.
        named_baseline: What the table calls it.
        baseline_embeddings: How an update keeps the candidate's embeddings.
        tolerance: Loss of alignment against the baseline that is still accepted.
        mode: What a release says of itself: the same model, or retrained.
        gates: Of the host, to be laid over those of the suites.
        same: Pairs of ways to run one model that must give the same.
        strict: Whether a check that is skipped or cannot be compared fails the run.
        projects: What the project says where a policy or baseline was given that counts instead.
        update: What is to be written into the baseline.
        json: File for the scorecard.
        markdown: Files the scorecard is appended to as Markdown.
        html: File for the page.
        badge: File for the badge.
    """

    root: Path
    run_id: str
    candidate: Wanted | None
    suites: tuple[str, ...]
    samples: int | None
    models: tuple[str, ...]
    store: Path
    cluster: str | None
    named_store: str | None
    references: Policy
    packs: tuple[str, ...]
    allow_pickle: bool
    batch_seconds: int | None
    baseline: Path
    named_baseline: str
    baseline_embeddings: Encoding | Literal["none"]
    tolerance: float
    mode: Literal["same", "retrained"]
    gates: tuple[HostGate, ...]
    strict: bool
    same: tuple[SamePair, ...]
    projects: Settings | None
    update: Literal["new", "regressed", "all"] | None
    json: Path | None
    markdown: tuple[Path, ...]
    html: Path | None
    badge: Path | None


def host_table(root: Path) -> HostTable:
    """Return the table of the project in a folder, empty without a `pyproject.toml`.

    Raises:
        ConfigurationError: As `read_host_table`.
    """
    path = root / "pyproject.toml"
    return read_host_table(path) if path.is_file() else HostTable()


def read_host_table(path: Path) -> HostTable:
    """Read `[tool.matalign]` from a `pyproject.toml`; an absent table is the same as empty.

    Raises:
        ConfigurationError: If the table has an unknown key or a value of the wrong type.
    """

    def refusal(why: str) -> ConfigurationError:
        valid = ", ".join(HostTable.__struct_fields__)
        return ConfigurationError(f"{path}, [tool.matalign]: {why}; valid keys are {valid}.")

    with untrusted(path, most=TEXT_BYTES, refusal=refusal) as content:
        table = toml(content).get("tool", {}).get("matalign", {})
        return msgspec.convert(table, HostTable)


def settings_of(
    given: Mapping[str, Any], *, root: Path, here: Path, run_id: str | None = None
) -> Settings:
    """Resolve the settings of a run: command line first, then the host's table, then defaults.

    Args:
        given: Values of the command line by the `field` of their option; what was not given may
            be absent, None, or empty.
        root: The host project's folder, where paths of its table start.
        here: The current folder, where paths on the command line start.
        run_id: Of the run this process is a worker of; a new one if it is none.

    Raises:
        ConfigurationError: If the host's table is wrong, or an update is not permitted.
    """
    host = host_table(root)
    policy = here / given["policy"] if given.get("policy") else None
    # What judges comes from the policy; what the candidate is, from the project.
    judged, base = (read_host_table(policy), policy.parent) if policy else (host, root)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")

    def file(name: str) -> Path | None:
        return here / given[name] if given.get(name) else None

    markdown = (file("markdown"), Path(summary) if summary else None)
    store = file("store") or (base / judged.store if judged.store else cache_root())
    return Settings(
        root=root,
        run_id=run_id or uuid.uuid4().hex,
        candidate=_candidate(given.get("candidate"), host, here=here),
        suites=_suites(given.get("suite") or (), here=here) or _suites(judged.suites, here=base),
        samples=given.get("samples") or judged.samples,
        models=tuple(given.get("models") or judged.models),
        store=store,
        cluster=given.get("cluster"),
        named_store=judged.store,
        references=given.get("references") or judged.references,
        packs=tuple(
            _placed(spec, place)
            for specs, place in ((given.get("pack") or (), here), (judged.packs, base))
            for spec in specs
        ),
        allow_pickle=bool(given.get("allow_pickle")) or judged.allow_pickle,
        batch_seconds=given.get("batch_seconds") or host.batch_seconds,
        baseline=file("baseline") or base / judged.baseline,
        named_baseline=judged.baseline,
        baseline_embeddings=judged.baseline_embeddings,
        tolerance=judged.tolerance,
        mode=judged.mode,
        gates=judged.gate,
        strict=bool(given.get("strict")) or judged.strict,
        same=judged.same,
        projects=_projects(given, root=root, here=here),
        update=_permitted(given.get("update"), forced=bool(given.get("update_in_ci"))),
        json=file("json"),
        markdown=tuple(path for path in markdown if path),
        html=file("html"),
        badge=file("badge"),
    )


def _projects(given: Mapping[str, Any], *, root: Path, here: Path) -> Settings | None:
    """What would hold if neither policy nor baseline had been given; None if neither was."""
    if not (given.get("policy") or given.get("baseline")):
        return None
    rest = {**given, "policy": None, "baseline": None, "update": None}
    return settings_of(rest, root=root, here=here)


def check_places(settings: Settings) -> None:
    """Refuse, before hours are spent, places where nothing could be written.

    Raises:
        ConfigurationError: If an output is a folder, or the store is none.
    """
    for path in (settings.json, settings.html, settings.badge, *settings.markdown):
        if path and path.is_dir():
            raise ConfigurationError(f"{path} is a folder; name the file that is to be written.")
    if settings.store.exists() and not settings.store.is_dir():
        raise ConfigurationError(
            f"The store {settings.store} is not a folder; name one with --matalign-store."
        )


def _candidate(given: str | None, host: HostTable, *, here: Path) -> Wanted | None:
    """Lay a candidate of the command line over what the host says of its own."""
    if given and given.endswith(".npz"):
        given = str(here / given)
    spec = given or host.candidate
    if not spec:
        return None
    return Wanted(
        spec=spec,
        name=host.name,
        input=host.input,
        modality=host.modality,
        family=host.family,
        elements=host.elements,
        untrained=host.untrained,
        seeds=host.seeds,
    )


def _suites(given: Iterable[str], *, here: Path) -> tuple[str, ...]:
    """Suites by name as they are, folders as seen from the current one."""
    from pytest_matalign.suites.load import bundled_suites

    bundled = bundled_suites()
    return tuple(
        str(here / one) if one not in bundled and (here / one).exists() else one for one in given
    )


def _placed(spec: str, here: Path) -> str:
    """A pack of the hub as it is, a folder as seen from the current one."""
    return spec if spec.startswith("hf:") else str(here / spec)


def _permitted(
    update: Literal["new", "regressed", "all"] | None, *, forced: bool
) -> Literal["new", "regressed", "all"] | None:
    """Refuse to write a baseline where nobody would see it, let alone review it."""
    automatic = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    if update and automatic and not forced:
        raise ConfigurationError(
            f"--matalign-update={update} would write the baseline in a CI run, where a regression "
            "would accept itself; run it on your machine and commit the file, or force it with "
            "--matalign-update-in-ci."
        )
    return update
