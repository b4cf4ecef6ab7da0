"""Where an interrupted all-pairs run goes on: arrays in a folder, tied to one set of inputs."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.cache import write_whole
from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.engine.spaces import Space

_FORMAT = 1


def fingerprint(spaces: Sequence[Space], settings: Mapping[str, object]) -> str:
    """Return a digest of settings, names, shapes and a sample of the rows."""
    digest = hashlib.sha256(json.dumps([_FORMAT, settings], sort_keys=True).encode())
    for space in spaces:
        digest.update(json.dumps([space.name, space.n, space.width]).encode())
        digest.update(space.squares.cpu().numpy().tobytes())
        digest.update(space.bias.cpu().numpy().tobytes())
    return digest.hexdigest()


class Checkpoint:
    """A folder of named sets of arrays; without a folder, remembers nothing."""

    def __init__(self, folder: Path | None, key: str) -> None:
        """Open or create the folder for the run with this fingerprint.

        Raises:
            ConfigurationError: The folder holds a run over other inputs or settings.
        """
        self.folder, self.key = folder, key
        if folder is None:
            return
        marker = folder / "run.json"
        if not marker.exists():
            write_whole(marker, json.dumps({"fingerprint": key}).encode())
        elif json.loads(marker.read_text())["fingerprint"] != key:
            raise ConfigurationError(
                f"{folder} holds the checkpoint of a run over other embeddings or settings; "
                "give another folder or delete this one."
            )

    def load(self, name: str) -> dict[str, NDArray[Any]] | None:
        """Return the arrays saved under a name, or None."""
        if self.folder is None or not (path := self.folder / f"{name}.npz").exists():
            return None
        with np.load(path) as stored:
            return {key: stored[key] for key in stored.files}

    def holds(self, start: str) -> bool:
        """Return whether something was saved under a name that starts so."""
        return self.folder is not None and any(self.folder.glob(f"{start}*.npz"))

    def save(self, name: str, **arrays: object) -> None:
        """Save arrays under a name; a reader sees the old or the new file, never half of one."""
        if self.folder is None:
            return
        plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
        content = io.BytesIO()
        np.savez(content, **plain)
        write_whole(self.folder / f"{name}.npz", content.getbuffer())
