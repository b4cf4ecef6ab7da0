"""Reference packs: embeddings of models that need not be installed to be compared with.

A pack is a folder: `pack.json`, a table of contents with the digest of every entry, and one file
`<split>/<model>.safetensors` an entry. Updating one model rewrites its own files and one line a
file of the table. Paths are made from checked ids and never read from the table.
"""

from __future__ import annotations

import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign.cache import write_whole
from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.pack_format import (
    FORMAT,
    Entry,
    Name,
    Sha256,
    decode,
    read_entry,
    refusal,
    sample_digests,
    write_entry,
)
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.untrusted import untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.embeddings.pack_format import Tensors
    from pytest_matalign.splits.split import Split

CONTENTS = "pack.json"
LARGEST_CONTENTS = 16 * 2**20


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry in the table of contents."""

    split: Name
    model: Name
    sha256: Sha256


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of contents of a pack."""

    format: int = FORMAT
    title: str
    entries: tuple[Line, ...]


class Pack:
    """A pack on disk; files are read and checked when their entry is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def exists(self) -> bool:
        """Whether the folder holds a table of contents."""
        return (self.folder / CONTENTS).is_file()

    @cached_property
    def contents(self) -> Contents:
        """The checked table of contents.

        Raises:
            ConfigurationError: If it is missing or not such a table.
        """
        path = self.folder / CONTENTS
        with untrusted(path, most=LARGEST_CONTENTS, refusal=partial(refusal, path)) as content:
            contents = msgspec.json.decode(content, type=Contents)
        if contents.format != FORMAT:
            raise refusal(path, f"it has format {contents.format}, this package reads {FORMAT}")
        names = [(line.split, line.model) for line in contents.entries]
        if len(set(names)) != len(names):
            raise refusal(path, "it lists an entry twice")
        return contents

    @cached_property
    def _lines(self) -> dict[tuple[str, str], Line]:
        return {(line.split, line.model): line for line in self.contents.entries}

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether the pack lists (split, model)."""
        return key in self._lines

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Every (split, model) listed, in the order of the table."""
        yield from self._lines

    def entry(self, split: str, model: str) -> tuple[Entry, Tensors]:
        """Read one entry that is listed.

        Raises:
            ConfigurationError: If its file is not what the table and itself say.
        """
        line = self._lines[split, model]
        path = self.path(split, model)
        inside = os.path.realpath(self.folder)
        if not Path(os.path.realpath(path)).is_relative_to(inside):  # `resolve` raises on a loop
            raise refusal(path, "it is a link to a place outside the pack")
        entry, tensors = read_entry(path, sha256=line.sha256)
        if (entry.split, entry.card.id) != (split, model):
            raise refusal(path, f"it describes {entry.card.id!r} on {entry.split!r}")
        return entry, tensors

    def embedding(
        self,
        model: str,
        split: Split,
        *,
        weights: str | None = None,
        adapter_version: int | None = None,
    ) -> Embedding:
        """The rows of a model for the samples of a run, which may be fewer than the pack holds.

        Args:
            model: Card id.
            split: The split as loaded for this run.
            weights: Digest of the weights this package's card describes; None to take any.
            adapter_version: Version of the adapter this package has; None to take any.

        Raises:
            UnavailableError: If the entry was made from other samples, other weights or by
                another adapter version, or holds fewer samples than the run asks for.
            ConfigurationError: If the file is refused.
        """
        entry, tensors = self.entry(split.card.id, model)
        asked = len(split.samples)
        found = len(entry.ids)
        where = f"{model}: the pack {self.contents.title!r}"
        if asked > found:
            raise UnavailableError(
                f"{where} holds {found} of the {asked} samples of {split.card.id}; "
                f"use --matalign-samples {found}"
            )
        own = sample_digests(sample.digest for sample in split.samples)
        same = (
            entry.split_version == split.card.version
            and entry.ids[:asked] == split.ids
            and (tensors["digests"][:asked] == own).all()
        )
        if not same:
            raise UnavailableError(
                f"{where} was made from other samples of {split.card.id} than this run has"
            )
        if weights is not None and entry.weights != weights:
            raise UnavailableError(
                f"{where} was made with weights {entry.weights[:12]}, its card now describes "
                f"{weights[:12]}"
            )
        if adapter_version is not None and entry.adapter_version != adapter_version:
            raise UnavailableError(
                f"{where} was made by version {entry.adapter_version} of its adapter, this "
                f"package has {adapter_version}"
            )
        wanted = set(split.ids)
        ids = tuple(name for name in entry.accepted if name in wanted)
        return Embedding(
            model=model,
            split=split.card.id,
            ids=ids,
            vectors=decode(entry, tensors)[: len(ids)],
            refused={name: why for name, why in entry.refused.items() if name in wanted},
            origin="pack",
        )

    def path(self, split: str, model: str) -> Path:
        """File of an entry."""
        return self.folder / split / f"{model}.safetensors"


def bundled_pack() -> Pack | None:
    """The pack that ships with the package."""
    pack = Pack(Path(__file__).parents[1] / "packs")
    return pack if pack.exists() else None


def add_entry(folder: Path, entry: Entry, tensors: Tensors, *, title: str) -> None:
    """Write an entry into a pack, making the pack if there is none.

    Args:
        folder: Of the pack.
        entry: What is known of the rows.
        tensors: Of `encode`, and `digests`.
        title: Of a pack that is made; an existing one keeps its own.

    Raises:
        ConfigurationError: If the pack's table is faulty, or an id cannot name a file.
    """
    pack = Pack(folder)
    old = pack.contents if pack.exists() else Contents(title=title, entries=())
    try:
        # Before anything is written: the ids are about to become a path.
        msgspec.convert({"split": entry.split, "model": entry.card.id, "sha256": "0" * 64}, Line)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{entry.card.id!r} on {entry.split!r} cannot be an entry of a pack: {error}; use "
            "letters, digits and . _ = @ - in names."
        ) from None
    digest = write_entry(pack.path(entry.split, entry.card.id), entry, tensors)
    new = Line(split=entry.split, model=entry.card.id, sha256=digest)
    lines = {(line.split, line.model): line for line in old.entries}
    lines[new.split, new.model] = new
    ordered = tuple(lines[key] for key in sorted(lines))
    write_contents(folder, msgspec.structs.replace(old, entries=ordered))


def write_contents(folder: Path, contents: Contents) -> None:
    """Write the table of contents, one entry a line so that changes are easy to review."""
    text = msgspec.json.format(msgspec.json.encode(contents), indent=1)
    write_whole(folder / CONTENTS, text + b"\n")
