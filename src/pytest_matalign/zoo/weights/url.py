"""Weight files at a URL: from the local cache first, resumed where they broke off, checked."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import urllib.error
import urllib.request
import warnings
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from pytest_matalign.cache import DamagedEntryWarning, cache_root
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.weights.digest import file_sha256, files_digest
from pytest_matalign.zoo.weights.pins import pinned, unpinned

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

TIMEOUT_S = 30.0
_CHUNK = 1 << 20
_TRUE = {"1", "on", "yes", "true"}


def files_at_url(card: ModelCard) -> tuple[Path, ...]:
    """Return the weight files of a card with a `url`, downloaded if they are not here yet.

    That is one file with a `sha256`, or the `files` of a folder, whose address ends with a slash.
    They lie in `weights/<digest>/` under the store's folder, those of one card together. A
    download that broke off goes on where it stopped. A file counts as here only with the right
    digest.

    Raises:
        ConfigurationError: If the card names no URL.
        UnavailableError: If the card states no digest, or the file cannot be had, or is another.
    """
    weights = pinned(card).weights
    if weights is None or weights.url is None:
        raise ConfigurationError(f"{card.id}: [model.weights] names no `url`.")
    if weights.files:
        together = files_digest(weights.files)
        return tuple(
            retrieve(f"{weights.url}{name}", sha256=digest, model=card.id, folder=together)
            for name, digest in sorted(weights.files.items())
        )
    if weights.sha256 is None:
        raise UnavailableError(unpinned(card))
    return (retrieve(weights.url, sha256=weights.sha256, model=card.id),)


def retrieve(url: str, *, model: str, sha256: str | None = None, folder: str | None = None) -> Path:
    """Return a file at a URL, from the cache or the network.

    Args:
        url: `https://` or `http://`.
        model: Id the error messages begin with.
        sha256: Digest it must have, in lower-case hex; without one, the file is asked for anew
            and taken as it comes, for its digest to be recorded.
        folder: Name of the folder it is put in; its digest if None.

    Raises:
        ConfigurationError: If the URL is of another scheme or names no file.
        UnavailableError: If it cannot be had, or is another file.
    """
    from filelock import FileLock

    name = _name(url, model=model)
    root = cache_root() / "weights"
    if sha256 is not None and (found := _cached(root / (folder or sha256) / name, sha256)):
        return found
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        raise UnavailableError(
            f"{model}: {name} is not in {root} and HF_HUB_OFFLINE forbids to fetch it."
        )
    partial = root / "partial" / hashlib.sha256(url.encode()).hexdigest()[:16]
    partial.mkdir(parents=True, exist_ok=True)
    with FileLock(partial / "lock"):
        # Another process may have brought it while this one waited.
        if sha256 is not None and (found := _cached(root / (folder or sha256) / name, sha256)):
            return found
        digest = _download(url, partial / name, sha256=sha256, model=model)
        target = root / (folder or digest) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (partial / name).replace(target)
    return target


def _name(url: str, *, model: str) -> str:
    parts = urlsplit(url)
    name = unquote(parts.path).rpartition("/")[2]
    if parts.scheme not in ("http", "https") or not name or name in (".", ".."):
        raise ConfigurationError(
            f"{model}: {url} is not the address of a file; it begins with https:// and ends with "
            f"the file's name."
        )
    return name


def _cached(path: Path, sha256: str) -> Path | None:
    if not path.is_file():
        return None
    if file_sha256(path) == sha256:
        return path
    warnings.warn(
        f"{path} is damaged (its digest differs) and is downloaded again.",
        DamagedEntryWarning,
        stacklevel=2,
    )
    path.unlink()
    return None


def _download(url: str, path: Path, *, sha256: str | None, model: str) -> str:
    """Bring a file to `path`; returns its digest."""
    if sha256 is None:
        # With nothing to check the whole against, a resumed file might be of two halves.
        path.unlink(missing_ok=True)
    resumed = path.is_file() and path.stat().st_size > 0
    _append(url, path, model=model)
    digest = file_sha256(path)
    if resumed and digest != sha256:
        # What lay here was of another file, or the file has changed since: once more, whole.
        path.unlink()
        _append(url, path, model=model)
        digest = file_sha256(path)
    if sha256 is not None and digest != sha256:
        path.unlink()
        raise UnavailableError(
            f"{model}: the file at {url} has sha256 {digest[:12]}, the card describes "
            f"{sha256[:12]}; the file has changed, or something between here and there changes it."
        )
    return digest


def _append(url: str, path: Path, *, model: str) -> None:
    """Write what is missing of a file, or all of it if the server does not send parts."""
    have = path.stat().st_size if path.is_file() else 0
    headers = {"User-Agent": "pytest-matalign", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  `_name` checked the scheme
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  as above
            mode = "ab" if answer.status == HTTPStatus.PARTIAL_CONTENT else "wb"
            expected = answer.headers.get("Content-Length")
            before = have if mode == "ab" else 0
            with path.open(mode) as stream:
                shutil.copyfileobj(answer, stream, _CHUNK)
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                return  # nothing is missing; the digest tells whether it is the right file
            raise UnavailableError(_answered(url, error.code, model)) from error
    except OSError as error:
        raise UnavailableError(
            f"{model}: {url} is not in the local cache and is out of reach ({_cause(error)}); "
            f"what has arrived is kept and the download goes on from there."
        ) from error
    arrived = path.stat().st_size - before
    if expected is not None and arrived < int(expected):
        raise UnavailableError(
            f"{model}: the download of {url} broke off after {before + arrived} of "
            f"{before + int(expected)} bytes; run it again and it goes on from there."
        )


def _answered(url: str, status: int, model: str) -> str:
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return f"{model}: there is no file at {url} any more (status {status})."
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"{model}: {url} may not be read without permission (status {status})."
    return f"{model}: {url} is not in the local cache and its server answered {status}."


def _cause(error: OSError) -> str:
    reason = getattr(error, "reason", error)
    return str(reason) or type(error).__name__
