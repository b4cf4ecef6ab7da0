"""Packs in a dataset repository of the Hugging Face hub, at a pinned commit, local first."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.cache import cache_root
from pytest_matalign.embeddings.pack import CONTENTS, Pack, bundled_pack
from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SPEC = re.compile(r"hf:(?P<repo>[\w.-]+/[\w.-]+)@(?P<revision>[0-9a-f]{40})")


def local_pack(spec: str, *, root: Path) -> Path:
    """Folder of a pack named in a configuration; never goes to the network.

    A run must not depend on the hub, so a pack of the hub is fetched beforehand by
    `matalign pack pull` and found where that put it.

    Args:
        spec: A folder, relative to `root`, or `hf:org/name@<40-hex commit>`.
        root: The host project's folder.

    Raises:
        ConfigurationError: If there is no pack, or it was not pulled.
    """
    folder = pulled_folder(spec) if spec.startswith("hf:") else root / spec
    if not Pack(folder).exists():
        cure = f"run `matalign pack pull {spec}`" if spec.startswith("hf:") else "correct the path"
        raise ConfigurationError(f"There is no reference pack {spec!r} in {folder}; {cure}.")
    return folder


def packs_at_hand(specs: Iterable[str], *, root: Path) -> tuple[Pack, ...]:
    """Return the packs named, then the one that ships with the package.

    Raises:
        ConfigurationError: As `local_pack`.
    """
    bundled = bundled_pack()
    named = (Pack(local_pack(spec, root=root)) for spec in specs)
    return (*named, *([bundled] if bundled else []))


def pulled_folder(spec: str) -> Path:
    """Where a pack of the hub is kept on this machine.

    Raises:
        ConfigurationError: If the specification names no commit.
    """
    repo, revision = _parsed(spec)
    return cache_root() / "packs" / repo.replace("/", "--") / revision


def pull(spec: str) -> Path:
    """Fetch a pack and check every entry; the local hub cache is asked before the network.

    Returns:
        The folder it was copied to: only the files its table of contents lists.

    Raises:
        ConfigurationError: If the specification or the pack is faulty.
        UnavailableError: If the repository is gated, missing or out of reach.
    """
    repo, revision = _parsed(spec)
    target = pulled_folder(spec)
    if Pack(target).exists():
        return target
    source = Pack(_snapshot(repo, revision))
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    for relative in _files(source):
        copy = part / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        # The hub cache holds links into its own folders; a pack holds plain files.
        shutil.copyfile(source.folder / relative, copy)
    fetched = Pack(part)
    for split, model in fetched:
        fetched.entry(split, model)
    part.replace(target)
    return target


def push(folder: Path, *, repo: str, private: bool) -> str:
    """Upload a pack and return its `hf:org/name@commit`; needs `hf auth login`.

    Raises:
        ConfigurationError: If the pack is faulty.
        UnavailableError: If the hub refuses or is out of reach.
    """
    from huggingface_hub import HfApi, errors

    pack = Pack(folder)
    for split, model in pack:
        pack.entry(split, model)
    files = [path.as_posix() for path in _files(pack)]
    api = HfApi()
    try:
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=files,
            commit_message=f"Reference pack: {pack.contents.title}",
        )
    except (errors.HfHubHTTPError, errors.LocalTokenNotFoundError, OSError) as error:
        raise UnavailableError(
            f"The pack could not be pushed to {repo}: {str(error).splitlines()[0]}; "
            "log in with `hf auth login` and check the name."
        ) from error
    return f"hf:{repo}@{commit.oid}"


def _files(pack: Pack) -> Iterator[Path]:
    """Files of a pack relative to its folder, made from the checked ids of its table."""
    yield Path(CONTENTS)
    for split, model in pack:
        yield pack.path(split, model).relative_to(pack.folder)


def _parsed(spec: str) -> tuple[str, str]:
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise ConfigurationError(
            f"{spec!r} is not a pack of the hub: write hf:org/name@<40-hex commit>, a commit and "
            "not a branch, so that what it holds cannot change."
        )
    return match["repo"], match["revision"]


def _snapshot(repo: str, revision: str) -> Path:
    from huggingface_hub import errors, snapshot_download

    patterns = [CONTENTS, "*/*.safetensors"]
    try:
        local = snapshot_download(
            repo,
            repo_type="dataset",
            revision=revision,
            allow_patterns=patterns,
            local_files_only=True,
        )
        if _complete(Path(local)):
            return Path(local)
    except errors.LocalEntryNotFoundError:
        pass
    try:
        return Path(
            snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=patterns)
        )
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError) as error:
        raise UnavailableError(
            f"The pack {repo}@{revision[:12]} is not in the local hub cache and cannot be "
            f"fetched: {str(error).splitlines()[0]}"
        ) from error


def _complete(folder: Path) -> bool:
    pack = Pack(folder)
    return pack.exists() and all(pack.path(split, model).is_file() for split, model in pack)
