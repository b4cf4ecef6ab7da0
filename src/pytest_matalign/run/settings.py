"""What a run was asked to do: command line first, then `[tool.matalign]`, then defaults."""

from __future__ import annotations

import os
import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from pytest_matalign.embeddings.pack_format import Encoding  # noqa: TC001  msgspec resolves it
from pytest_matalign.embeddings.references import Policy  # noqa: TC001  msgspec resolves it
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Input  # noqa: TC001  msgspec resolves it at run time
from pytest_matalign.verdicts.regression import TOLERANCE
from pytest_matalign.zoo.card import Modality  # noqa: TC001  msgspec resolves it at run time

if TYPE_CHECKING:
    from argparse import Namespace


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
    models: tuple[str, ...] | None = None
    references: tuple[str, ...] | None = None
    splits: tuple[str, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    source: str | None = None
    tooltip: str | None = None


class HostTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[tool.matalign]` table of the host's `pyproject.toml`."""

    candidate: str | None = None
    """Zoo id, `package.module:factory`, `hf:org/name@sha`, or a file of embeddings."""
    name: str = "candidate"
    """What the candidate is called in the scorecard, unless it is a zoo model."""
    input: Input | None = None
    """Form of a sample the candidate reads; needed for a factory and for a hub checkpoint."""
    modality: Modality | None = None
    family: str = "candidate"
    elements: tuple[str, ...] | None = None
    suites: tuple[str, ...] = ()
    samples: int | None = None
    models: tuple[str, ...] = ()
    """Patterns of model ids; others of the suites are left out."""
    store: str | None = None
    references: Policy = "auto"
    """Where references come from: `auto`, `packs` or `installed`."""
    allow_pickle: bool = False
    """Read weights that can run code when they are read."""
    packs: tuple[str, ...] = ()
    """Folders of packs or `hf:org/name@<40-hex commit>`, asked before the bundled pack."""
    baseline: str = "matalign-baseline.json"
    """File of the earlier release's alignments; its embeddings lie in the folder of that name."""
    baseline_embeddings: Encoding | Literal["none"] = "float32"
    """How an update keeps the candidate's embeddings; without them differences are not paired."""
    tolerance: float = TOLERANCE
    """Loss of alignment against the baseline that is still accepted."""
    gate: tuple[HostGate, ...] = ()
    """Gates added to those of the suites, or laid over the ones of the same id."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Resolved options of one run.

    Attributes:
        root: The host project's folder; relative paths start here.
        samples: Samples a split, overriding every suite; None leaves it to them.
        store: Folder of the embedding store.
        host: The host's table, with command-line options laid over it.
        run_id: Tells this run from every other; the workers of one run share it.
    """

    root: Path
    run_id: str
    samples: int | None
    store: Path
    references: Policy
    baseline: Path
    update: Literal["new", "regressed", "all"] | None
    badge: Path | None
    host: HostTable
    json: Path | None
    markdown: tuple[Path, ...]
    html: Path | None


def read_host_table(root: Path) -> HostTable:
    """Read `[tool.matalign]` from `root/pyproject.toml`; absent is the same as empty.

    Raises:
        ConfigurationError: If the table has an unknown key or a value of the wrong type.
    """
    path = root / "pyproject.toml"
    if not path.is_file():
        return HostTable()
    try:
        table = tomllib.loads(path.read_text("utf-8")).get("tool", {}).get("matalign", {})
        return msgspec.convert(table, HostTable)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}.") from None
    except msgspec.ValidationError as error:
        valid = ", ".join(HostTable.__struct_fields__)
        raise ConfigurationError(
            f"{path}, [tool.matalign]: {error}; valid keys are {valid}."
        ) from None


def settings_of(
    option: Namespace, *, root: Path, here: Path, run_id: str | None = None
) -> Settings:
    """Resolve the settings of a run.

    Args:
        option: Options of pytest or of `matalign gate`, by the same names.
        root: The host project's folder.
        here: The current folder, where paths on the command line start.
        run_id: Of the run this process is a worker of; a new one if it is none.

    Raises:
        ConfigurationError: If the host's table is wrong.
    """
    from pytest_matalign.cache import cache_root

    host = read_host_table(root)
    host = msgspec.structs.replace(
        host,
        candidate=option.matalign_candidate or host.candidate,
        suites=tuple(option.matalign_suite) or host.suites,
        models=tuple(option.matalign_models) or host.models,
        allow_pickle=option.matalign_allow_pickle or host.allow_pickle,
        packs=(*(_placed(spec, here) for spec in option.matalign_pack), *host.packs),
    )
    samples = option.matalign_samples or host.samples
    store = option.matalign_store or host.store
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    markdown = [here / option.matalign_markdown] if option.matalign_markdown else []
    return Settings(
        root=root,
        run_id=run_id or uuid.uuid4().hex,
        samples=samples,
        store=(here / store if option.matalign_store else root / store) if store else cache_root(),
        references=option.matalign_references or host.references,
        baseline=root / host.baseline,
        update=_permitted(option.matalign_update, forced=option.matalign_update_in_ci),
        badge=here / option.matalign_badge if option.matalign_badge else None,
        host=host,
        json=here / option.matalign_json if option.matalign_json else None,
        markdown=(*markdown, *([Path(summary)] if summary else [])),
        html=here / option.matalign_html if option.matalign_html else None,
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
