"""Split cards: everything known of one split, in TOML, checked against this schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Input  # noqa: TC001  msgspec resolves it at run time
from pytest_matalign.untrusted import TEXT_BYTES, toml, untrusted

Domain = Literal["molecules", "materials", "proteins"]
Role = Literal["in-distribution", "out-of-distribution"]
Reader = Literal["extxyz", "smiles-csv", "fasta", "backbone-npz"]
Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]

CARDS = Path(__file__).parent / "cards"


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One known property of the samples."""

    unit: str
    """Physical unit, `1` for a pure number, or `text` for a label that is not a number."""
    meaning: str


class SplitCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named, versioned, ordered list of samples; one TOML file per split."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Raised whenever a sample, its inputs or the order change."""
    title: str
    domain: Domain
    role: Role
    inputs: Annotated[tuple[Input, ...], msgspec.Meta(min_length=1)]
    """Forms offered by every sample."""
    reader: Reader
    file: str
    """Data file, relative to the card."""
    sha256: Digest | None = None
    """Of the data file as it lies on disk; None leaves damage undetected."""
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seed: int | None = None
    """Of the fixed order: samples ascend by SHA-256 of `<seed>:<id>`."""
    fingerprint: Digest | None = None
    """SHA-256 over the ordered sample digests of the whole split."""
    licence: str
    provenance: str
    """How the data was obtained, file by file."""
    citation: str | None = None
    notes: str | None = None
    labels: dict[str, Label] = {}


def read_card(path: Path) -> SplitCard:
    """Read and check one split card.

    Raises:
        ConfigurationError: The file is missing, is not TOML, or breaks the schema.
    """

    def refusal(why: str) -> ConfigurationError:
        return ConfigurationError(
            f"{path} is not the card of a split: {why}; give the path of one or an id that "
            f"`matalign splits list` tells; its keys are {', '.join(SplitCard.__struct_fields__)}."
        )

    with untrusted(path, most=TEXT_BYTES, refusal=refusal) as content:
        return msgspec.convert(toml(content), SplitCard)
