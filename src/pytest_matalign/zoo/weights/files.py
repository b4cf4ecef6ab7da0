"""The weight files of a card, wherever they lie, and their digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.weights.digest import files_digest, model_digest, stated_digest
from pytest_matalign.zoo.weights.hub import files_of_repository
from pytest_matalign.zoo.weights.local import is_local, local_digests, local_files
from pytest_matalign.zoo.weights.pins import pinned, unpinned
from pytest_matalign.zoo.weights.url import files_at_url

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard


def weight_files(card: ModelCard) -> tuple[Path, ...]:
    """Return the weight files of a card on this machine, sorted by path.

    They lie in an installed package, at an absolute path of a user's own card (one file, or a
    folder with all its files), on the hub or at a URL (a file's, or a folder's), from where they
    are fetched.

    Raises:
        ConfigurationError: If the card names none of these.
        UnavailableError: If the package or the files are not there or cannot be fetched.
    """
    weights = card.weights
    if weights is not None and weights.url is not None:
        return files_at_url(card)
    if weights is not None and weights.repo is not None:
        return files_of_repository(card, pattern=weights.path or "*.safetensors")
    return local_files(card)


def described_digest(card: ModelCard) -> str | None:
    """Return `weights_digest` as far as card and pins file say it, without the files, or None."""
    card = pinned(card)
    return model_digest(card, weights=stated_digest(card.weights))


def weights_digest(card: ModelCard) -> str:
    """Return the SHA-256 (hex) of what makes this model's numbers, apart from the adapter's code.

    What the card or its pin states is taken at its word, since `check_weights` and those who
    fetch files refuse any other; where they state nothing, the files here are read.

    Raises:
        ConfigurationError: If a pretrained model's card has no weights, or names no file.
        UnavailableError: If the files are not there, or a repository or URL is not pinned.
    """
    if (described := described_digest(card)) is not None:
        return described
    if card.weights is None:
        raise ConfigurationError(f"{card.id}: a pretrained model's card needs [weights].")
    if not is_local(card):
        raise UnavailableError(unpinned(card))
    found = model_digest(card, weights=files_digest(local_digests(card)))
    assert found is not None, "the digest of files identifies any model"
    return found


def check_weights(card: ModelCard) -> None:
    """Refuse weight files other than those the card describes.

    Files of the hub and downloads are checked where they are fetched.

    Raises:
        UnavailableError: If they are missing or differ from the card's `sha256`.
    """
    if card.weights is None or card.weights.sha256 is None or not is_local(card):
        return
    found = files_digest(local_digests(card))
    if found == card.weights.sha256:
        return
    place = card.weights.package or card.weights.path
    cure = "install the version" if card.weights.package else "give the file"
    raise UnavailableError(
        f"{card.id}: the weights in {place} have sha256 {found[:12]}, the card "
        f"describes {card.weights.sha256[:12]}; {cure} the card was written for."
    )
