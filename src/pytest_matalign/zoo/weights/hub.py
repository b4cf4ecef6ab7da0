"""Files of a hub repository at a pinned commit: from the local cache first, then the network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.weights.digest import file_sha256
from pytest_matalign.zoo.weights.pins import pinned, unpinned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_matalign.zoo.card import ModelCard, Weights

_COMMIT = re.compile(r"[0-9a-f]{40}")


def repository(
    card: ModelCard,
    *,
    also: Sequence[str] = (),
    complete: Callable[[Path], bool] | None = None,
) -> Path:
    """Return the folder with a card's files at its commit, each file checked.

    Args:
        card: Names a hub repository; a card without a commit needs `matalign zoo pin`.
        also: Glob patterns of files wanted beside the weights: tokenisers, configurations.
        complete: Says whether a folder has all that is needed, where the card lists no files.

    Raises:
        ConfigurationError: If the card names no repository.
        UnavailableError: If the card is not pinned, the files cannot be had, or are others.
    """
    card = pinned(card)
    weights = card.weights
    if weights is None or weights.repo is None:
        raise ConfigurationError(f"{card.id}: [model.weights] needs `repo` and `revision`.")
    if weights.revision is None:
        raise UnavailableError(unpinned(card))
    wanted = _weight_patterns(weights)

    def whole(folder: Path) -> bool:
        listed = all((folder / name).is_file() for name in weights.files)
        if complete is not None:
            return listed and complete(folder)
        return listed and all(any(folder.glob(pattern)) for pattern in wanted)

    folder = snapshot(
        weights.repo, revision=weights.revision, patterns=[*wanted, *also], complete=whole
    )
    if not whole(folder):
        raise UnavailableError(
            f"{card.id}: {weights.repo}@{weights.revision[:12]} lacks some of the files "
            f"{', '.join(wanted)}; fetch it again where the hub can be reached."
        )
    _check_digests(folder, weights.files, model=card.id)
    return folder


def files_of_repository(card: ModelCard, *, pattern: str) -> tuple[Path, ...]:
    """Return the files of a card's repository that fit a glob pattern, sorted by path.

    Raises:
        UnavailableError: As `repository`, and if no file fits.
    """
    found = tuple(sorted(one for one in repository(card).glob(pattern) if one.is_file()))
    if not found:
        raise UnavailableError(f"{card.id}: its repository has no file {pattern} at its commit.")
    return found


def _weight_patterns(weights: Weights) -> list[str]:
    """The files listed by name; else the card's pattern; else whatever safetensors there are."""
    return list(weights.files) or [weights.path or "*.safetensors"]


def _check_digests(folder: Path, files: Mapping[str, str], *, model: str) -> None:
    for name, expected in files.items():
        found = file_sha256(folder / name)
        if found != expected:
            raise UnavailableError(
                f"{model}: {name} in the local hub cache has sha256 {found[:12]}, expected is "
                f"{expected[:12]}; delete {folder / name} and fetch it again."
            )


def snapshot(
    repo: str, *, revision: str, patterns: Sequence[str], complete: Callable[[Path], bool]
) -> Path:
    """Return the folder with the files of a repository at a commit.

    The cache is asked first and without the network: with the hub unreachable, asking it costs
    many seconds of retries even for files that are already here.

    Args:
        repo: `organisation/name`.
        revision: Commit, 40 hexadecimal digits; branches and tags move.
        patterns: Glob patterns of the files wanted.
        complete: Says whether a cached folder has all that is needed; an interrupted download
            leaves one that has not, and is resumed.

    Raises:
        ConfigurationError: If the revision is not a commit.
        UnavailableError: If the repository is gated, missing or out of reach.
    """
    from huggingface_hub import errors, snapshot_download

    if not _COMMIT.fullmatch(revision):
        raise ConfigurationError(
            f"{repo}@{revision}: a revision is a commit of 40 hexadecimal digits, so that the "
            f"model cannot change under its name; copy it from the repository's history."
        )
    try:
        local = snapshot_download(
            repo, revision=revision, allow_patterns=list(patterns), local_files_only=True
        )
    except errors.LocalEntryNotFoundError:
        local = None
    if local is not None and complete(Path(local)):
        return Path(local)
    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(patterns)))
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError) as error:
        raise UnavailableError(hubs_reason(f"{repo}@{revision[:12]}", error)) from error


def hubs_reason(name: str, error: Exception) -> str:
    """Return one sentence for each way the hub refuses; its client wraps some errors in others.

    Args:
        name: What was asked for, the subject of the sentence.
        error: What the client raised.
    """
    from huggingface_hub import constants, errors

    cause = error.__cause__ if isinstance(error, errors.LocalEntryNotFoundError) else error
    if isinstance(cause, errors.GatedRepoError):
        return f"{name} is gated: accept its terms on the hub and log in with `hf auth login`."
    if isinstance(cause, errors.RepositoryNotFoundError):
        return f"{name} is not on the hub, or is private and needs `hf auth login`."
    if isinstance(cause, errors.RevisionNotFoundError):
        return f"{name}: the repository has no such commit."
    if constants.HF_HUB_OFFLINE:
        return f"{name} is not in the local hub cache and HF_HUB_OFFLINE forbids to fetch it."
    status = getattr(getattr(cause, "response", None), "status_code", None)
    if status is not None:
        return f"{name} is not in the local hub cache and the hub answered with status {status}."
    return f"{name} is not in the local hub cache and the hub is out of reach."
