"""Files of a hub repository at a pinned commit: from the local cache first, then the network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_COMMIT = re.compile(r"[0-9a-f]{40}")


def snapshot(
    repo: str, *, revision: str, patterns: Sequence[str], complete: Callable[[Path], bool]
) -> Path:
    """Folder with the files of a repository at a commit.

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
        raise UnavailableError(_explain(repo, revision, error)) from error


def _explain(repo: str, revision: str, error: Exception) -> str:
    """One sentence for each way a download fails; the hub client wraps some in another."""
    from huggingface_hub import constants, errors

    name = f"{repo}@{revision[:12]}"
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
