"""From a split's card to its samples."""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.card import CARDS, SplitCard, read_card
from pytest_matalign.splits.catalogue import split_card
from pytest_matalign.splits.recipe import read_recipe
from pytest_matalign.splits.split import Split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_matalign.splits.sample import Sample


def load_split(split: str | Path, *, samples: int | None = None) -> Split:
    """Load a bundled split by its id, or a split of your own by the path of its TOML file.

    `mp-crystals@rattle=0.2` is the split `mp-crystals` perturbed as `perturb.perturbed` does.

    Args:
        split: Id or path; text that ends in `.toml` or holds a path separator is a path.
        samples: How many of the fixed order to load; all where None or more than there are.

    Raises:
        ConfigurationError: The split is unknown, its file missing, damaged or faulty, or
            `samples` below 1.
    """
    if samples is not None and samples < 1:
        raise ConfigurationError(f"A split must be loaded with at least 1 sample, not {samples}.")
    if isinstance(split, str) and "@" in split:
        from pytest_matalign.splits.perturb import perturbed

        parent, kind, level = read_recipe(split)
        return perturbed(load_split(parent, samples=samples), kind=kind, level=level)
    if isinstance(split, Path) or split.endswith(".toml") or "/" in split or "\\" in split:
        path = Path(split)
        return _load(read_card(path), path.parent, samples, trusted=False)
    return _load(split_card(split), CARDS, samples, trusted=True)


def _load(card: SplitCard, folder: Path, samples: int | None, *, trusted: bool) -> Split:
    file = folder / card.file
    _check_file(card, file)
    found = tuple(islice(_unique(_read(card, file, trusted=trusted), file), samples))
    if not found:
        raise ConfigurationError(f"Split `{card.id}`: {file} holds no sample.")
    whole = samples is None or len(found) < samples
    if whole and card.count is not None and len(found) != card.count:
        raise ConfigurationError(
            f"Split `{card.id}`: {file} holds {len(found)} samples where its card says "
            f"`count = {card.count}`; correct the card or restore the file."
        )
    if whole:
        _check_labels(card, found, file)
    return Split(card, found)


def _check_file(card: SplitCard, file: Path) -> None:
    """Compare the data file with the digest on the card."""
    remedy = "reinstall pytest-matalign, or rebuild the split if it is your own"
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"Split `{card.id}`: data file {file} cannot be read ({error.strerror}); {remedy}."
        ) from error
    if card.sha256 is not None and found != card.sha256:
        raise ConfigurationError(
            f"Split `{card.id}`: data file {file} is damaged or was changed (its sha256 is "
            f"{found[:12]}…, the card says {card.sha256[:12]}…); {remedy}."
        )


def _read(card: SplitCard, file: Path, *, trusted: bool) -> Iterator[tuple[str, Sample]]:
    """Yield where each sample stands in the file, for messages, and the sample."""
    if card.reader == "extxyz":
        from pytest_matalign.splits.extxyz import read_extxyz

        return read_extxyz(file, card, trusted=trusted)
    if card.reader == "backbone-npz":
        from pytest_matalign.splits.backbone import read_backbones

        return read_backbones(file, card)
    from pytest_matalign.splits.strings import read_fasta, read_smiles

    if card.reader == "fasta":
        return read_fasta(file, card)
    return read_smiles(file, card, trusted=trusted)


def _unique(located: Iterable[tuple[str, Sample]], file: Path) -> Iterator[Sample]:
    seen: dict[str, str] = {}
    for where, sample in located:
        if sample.id in seen:
            raise ConfigurationError(
                f"{file}, {where}: the id `{sample.id}` was already given at "
                f"{seen[sample.id]}; give every sample its own id."
            )
        seen[sample.id] = where
        yield sample


def _check_labels(card: SplitCard, samples: tuple[Sample, ...], file: Path) -> None:
    """A label that no sample has is a misspelt one."""
    for name in card.labels:
        if not any(name in sample.labels for sample in samples):
            raise ConfigurationError(
                f"Split `{card.id}`: no sample in {file} has the label `{name}` declared under "
                "[labels]; correct its name or remove it from the card."
            )
