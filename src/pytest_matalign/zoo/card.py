"""Model cards: everything known of one model, in TOML, checked against this schema."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from pytest_matalign.splits.sample import Input  # noqa: TC001  msgspec resolves it at run time

Modality = Literal["3d", "graph", "string", "protein-sequence", "protein-structure", "descriptor"]
Role = Literal["pretrained", "control"]
Control = Literal["composition", "size", "descriptor", "random", "untrained"]
Kind = Literal["invariant", "equivariant", "vanilla"]
Periodic = Literal["required", "allowed", "refused"]
State = Literal["verified", "loader-verified", "declared"]


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the weights are: inside a package, on the hub at a commit, or at a URL."""

    package: str | None = None
    """Importable package that carries the file."""
    path: str | None = None
    """File inside the package or hub repository, or a glob pattern for several."""
    repo: str | None = None
    revision: str | None = None
    url: str | None = None
    sha256: str | None = None
    """Of the file; of several, over the lines `digest  path`, as `zoo.weights` writes them."""
    files: dict[str, str] = {}
    """SHA-256 of each file of a hub repository, or of a folder at a `url`, by its path there."""
    pickled: bool = False
    """Whether reading the file can run code in it; such files are read only if the user allows."""


class ReferenceEnergy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An energy the model is known to give; loading computes it and refuses another network."""

    structure: str
    """As `zoo.energies.structure_of` reads it: `Cu fcc 3.62`, `NaCl rocksalt 5.69`, `H2O`."""
    value: float
    unit: Literal["eV", "eV/atom", "Ha"]
    tolerance: float
    """In the same unit."""
    source: str
    """Who computed it, or published it, and by what."""


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of the zoo; a card file holds `family`, `[defaults]` and `[[model]]` tables."""

    id: str
    name: str
    family: str
    modality: Modality
    inputs: tuple[Input, ...]
    """Forms of a sample the adapter can read, best first; a sample must offer one of them."""
    role: Role = "pretrained"
    control: Control | None = None
    adapter: str
    """Module of `pytest_matalign.zoo.adapters`, or `package.module` of another distribution."""
    options: dict[str, str | int | float | bool] = {}
    """What the adapter needs to tell this checkpoint from its siblings."""
    requires: tuple[str, ...] = ()
    """Importable packages that must be installed."""
    extra: str | None = None
    """Extra of this distribution that installs them (`zoo`)."""
    environment: str | None = None
    """Isolated environment (`matalign env`) that runs the model where they are not installed."""
    weights: Weights | None = None
    training: tuple[str, ...] = ()
    level_of_theory: str | None = None
    energies: tuple[ReferenceEnergy, ...] = ()
    """Every interatomic potential with weights that were seen has one or two."""
    parameters: int | None = None
    width: int | None = None
    layer: str
    pooling: str
    kind: Kind = "vanilla"
    elements: tuple[str, ...] | None = None
    """Chemical symbols covered; None where any is accepted."""
    indistinct: tuple[tuple[str, ...], ...] = ()
    """Groups of elements that the model, as published, describes alike."""
    domain: str | None = None
    """What the model is meant for, where elements and length do not say it."""
    max_length: int | None = None
    """Longest sequence, in residues, or longest SMILES, in characters."""
    periodic: Periodic = "allowed"
    batch_seconds: Annotated[int, msgspec.Meta(ge=1)] = 600
    """Longest that a batch may take where the model runs in a process of its own."""
    licence_code: str | None = None
    licence_weights: str | None = None
    citation: str | None = None
    derived_from: str | None = None
    """Card whose weights this one was fine-tuned from, or whose architecture it re-initialises."""
    supersedes: str | None = None
    """Card of the earlier release this one replaces."""
    paper: str | None = None
    """Row of Table 1 of arXiv 2512.03750 that is this model."""
    state: State = "declared"
    notes: str | None = None
