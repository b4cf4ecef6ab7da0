"""One entry of a reference pack: a model on a split, as a safetensors file that checks itself.

Nothing in a pack is executed or unpickled. Everything a file claims is bounded before memory is
spent on it and compared with what the file holds; the first contradiction refuses the file with
one sentence.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import msgspec
import numpy as np

from pytest_matalign.cache import write_whole
from pytest_matalign.embeddings.tensors import header_of
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.untrusted import untrusted
from pytest_matalign.zoo.card import ModelCard  # noqa: TC001  msgspec resolves it at run time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = 1
LARGEST_FILE = 512 * 2**20
DIGEST_BYTES = 8
"""Of each sample's digest; against accidents, since whoever makes a pack is trusted for it."""

Encoding = Literal["float32", "float16"]
Tensors: TypeAlias = "dict[str, NDArray[Any]]"
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._=@-]*$", max_length=120)]
"""Of a model or split: it becomes part of a file name, so nothing that could leave a folder."""
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What storing fewer bits costs, measured when the entry was made."""

    values: float
    """Largest error of a value, as a share of the spread of all values about their means."""
    metrics: dict[str, float]
    """Largest change of an alignment with any other model of the pack on this split, by metric."""


class Made(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When and with what an entry was made."""

    date: str
    packages: dict[str, str]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of one model on one split, apart from the rows."""

    format: int = FORMAT
    card: ModelCard
    weights: str
    """Digest of the weights, as `zoo.weights.weights_digest` gives it."""
    adapter_version: int
    split: Name
    split_version: int
    fingerprint: Sha256
    """Over the digests of all samples that were asked for."""
    ids: tuple[str, ...]
    """All samples that were asked for, in the order of the split."""
    refused: dict[str, str]
    """Reason by sample id; these have no row."""
    width: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    encoding: Encoding
    scale: float = 1.0
    """What stored values are multiplied with; a power of two, so that nothing is rounded."""
    rank: int | None = None
    """Columns stored instead of `width`, for wide models: rows are `vectors @ axes.T + mean`."""
    loss: Loss | None = None
    made: Made

    @property
    def accepted(self) -> tuple[str, ...]:
        """Samples that have a row, in order."""
        return tuple(name for name in self.ids if name not in self.refused)


def encode(
    vectors: NDArray[np.float32], *, encoding: Encoding, rank: int | None = None
) -> tuple[Tensors, float]:
    """Return the tensors that hold rows [n, width], and the scale of the values in them.

    float16 holds what is left after taking off the mean of each column: of features with a large
    common offset it would otherwise keep little but the offset.
    """
    if encoding == "float32":
        return {"vectors": np.ascontiguousarray(vectors, dtype=np.float32)}, 1.0
    mean = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    rest = vectors.astype(np.float64) - mean
    tensors: Tensors = {"mean": mean}
    if rank is not None:
        _, _, axes = np.linalg.svd(rest, full_matrices=False)
        tensors["axes"] = np.ascontiguousarray(axes[:rank].T).astype(np.float16)
        # Against the rounded axes, so that their rounding is fitted and not added.
        solution = np.linalg.lstsq(tensors["axes"].astype(np.float64), rest.T, rcond=None)[0]
        rest = np.ascontiguousarray(solution.T)
    largest = float(np.abs(rest).max(initial=0.0))
    scale = float(2.0 ** np.ceil(np.log2(largest / 2**15))) if largest > 0 else 1.0
    tensors["vectors"] = (rest / scale).astype(np.float16)
    return tensors, scale


def decode(entry: Entry, tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return the rows [accepted, width] that an entry's tensors stand for."""
    from pytest_matalign.metrics.arrays import product

    if entry.encoding == "float32":
        return np.ascontiguousarray(tensors["vectors"], dtype=np.float32)
    rows = tensors["vectors"].astype(np.float64) * entry.scale
    if "axes" in tensors:
        rows = product(rows, np.ascontiguousarray(tensors["axes"].T, dtype=np.float64))
    with np.errstate(over="ignore"):  # the reader refuses what is not finite
        decoded: NDArray[np.float32] = (rows + tensors["mean"]).astype(np.float32)
    return decoded


def sample_digests(digests: Iterable[str]) -> NDArray[np.uint8]:
    """Return the first bytes of hexadecimal sample digests as an array [samples, 8]."""
    parts = [bytes.fromhex(digest)[:DIGEST_BYTES] for digest in digests]
    return np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(len(parts), DIGEST_BYTES)


def write_entry(path: Path, entry: Entry, tensors: Mapping[str, NDArray[Any]]) -> str:
    """Write one entry and return the SHA-256 of the file.

    Args:
        path: Where; its folder is made.
        entry: What is known of the rows.
        tensors: Of `encode`, and `digests` of `sample_digests`.
    """
    from safetensors.numpy import save

    content = save(dict(tensors), metadata={"matalign": msgspec.json.encode(entry).decode()})
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def read_entry(path: Path, *, sha256: str | None) -> tuple[Entry, Tensors]:
    """Read and check one entry.

    Args:
        path: The file.
        sha256: Digest it must have, from the pack's table of contents; None if there is none.

    Raises:
        ConfigurationError: If the file is missing, not the one described, or contradicts itself.
    """
    with untrusted(path, most=LARGEST_FILE, refusal=partial(refusal, path)) as content:
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise refusal(path, "its sha256 is not the one in the pack's table of contents")
        header = header_of(content)
        metadata = header.pop("__metadata__", None)
        text = metadata.get("matalign") if isinstance(metadata, dict) else None
        if not isinstance(text, str):
            raise refusal(path, "it carries no description of its content")
        entry = msgspec.json.decode(text, type=Entry)
        if entry.format != FORMAT:
            raise refusal(path, f"it has format {entry.format} and this package reads {FORMAT}")
        _check_names(path, entry)
        _check_shapes(path, entry, header)
        return entry, _tensors(path, content, entry)


def refusal(path: Path, why: str) -> ConfigurationError:
    """The error for a file that is not what it should be."""
    return ConfigurationError(
        f"The pack file {path} is refused: {why}; build the pack again or fetch it again."
    )


def _check_names(path: Path, entry: Entry) -> None:
    known = set(entry.ids)
    if len(known) != len(entry.ids):
        raise refusal(path, "it lists a sample twice")
    if any("\n" in name or not name for name in entry.ids):
        raise refusal(path, "a sample id is empty or contains a line break")
    if stray := set(entry.refused) - known:
        raise refusal(path, f"it refuses {min(stray)!r}, which is not among its samples")
    if not entry.accepted:
        raise refusal(path, "it holds no row")
    if not np.isfinite(entry.scale) or entry.scale <= 0:
        raise refusal(path, f"its scale is {entry.scale}")
    if entry.rank is not None and not 1 <= entry.rank <= entry.width:
        raise refusal(path, f"its rank is {entry.rank} at width {entry.width}")
    if (size := 4 * len(entry.accepted) * entry.width) > LARGEST_FILE:
        raise refusal(path, f"its rows would take {size} bytes; {LARGEST_FILE} are allowed")


def _check_shapes(path: Path, entry: Entry, header: Mapping[str, Any]) -> None:
    """Compare dtypes and shapes claimed with those that follow from the description."""
    half = entry.encoding == "float16"
    columns = entry.rank if half and entry.rank is not None else entry.width
    wanted: dict[str, tuple[str, list[int]]] = {
        "vectors": ("F16" if half else "F32", [len(entry.accepted), columns]),
        "digests": ("U8", [len(entry.ids), DIGEST_BYTES]),
    }
    if half:
        wanted["mean"] = ("F32", [entry.width])
        if entry.rank is not None:
            wanted["axes"] = ("F16", [entry.width, columns])
    if set(header) != set(wanted):
        found = ", ".join(sorted(map(str, header))) or "none"
        raise refusal(path, f"it holds the arrays {found} instead of {', '.join(sorted(wanted))}")
    for name, (dtype, shape) in wanted.items():
        claim = header[name] if isinstance(header[name], dict) else {}
        found_dtype, found_shape = claim.get("dtype"), claim.get("shape")
        if (found_dtype, found_shape) != (dtype, shape):
            raise refusal(
                path,
                f"its array {name!r} is {found_dtype} {found_shape} where the description asks "
                f"for {dtype} {shape}",
            )


def _tensors(path: Path, content: bytes, entry: Entry) -> Tensors:
    from safetensors.numpy import load

    tensors: Tensors = load(content)
    for name in ("vectors", "mean", "axes"):
        if name in tensors and not np.isfinite(tensors[name]).all():
            raise refusal(path, f"its array {name!r} holds NaN or infinity")
    if not np.isfinite(decode(entry, tensors)).all():
        raise refusal(path, "its rows overflow")
    return tensors
