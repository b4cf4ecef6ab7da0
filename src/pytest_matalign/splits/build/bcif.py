"""Decoding columns of BinaryCIF files (https://github.com/molstar/BinaryCIF, version 0.3)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_TYPES = {
    1: "<i1", 2: "<i2", 3: "<i4", 4: "<u1", 5: "<u2", 6: "<u4", 32: "<f4", 33: "<f8",
}  # fmt: skip  # the table of the specification, on one line


def categories(content: bytes) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the still encoded columns of the only data block, by category and name."""
    (block,) = msgspec.msgpack.decode(content)["dataBlocks"]
    return {
        category["name"].lstrip("_"): {column["name"]: column for column in category["columns"]}
        for category in block["categories"]
    }


def values(column: Mapping[str, Any]) -> NDArray[Any]:
    """Return the values of one column; where the mask says unknown, they mean nothing."""
    return _decode(column["data"]["data"], column["data"]["encoding"])


def known(column: Mapping[str, Any], rows: int) -> NDArray[np.bool_]:
    """Return which rows of a column hold a value (neither `.` nor `?`)."""
    if column["mask"] is None:
        return np.ones(rows, dtype=np.bool_)
    mask = _decode(column["mask"]["data"], column["mask"]["encoding"])
    return np.asarray(mask == 0, dtype=np.bool_)


def _decode(data: Any, encodings: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
    for encoding in reversed(encodings):
        data = _STEPS[encoding["kind"]](data, encoding)
    return np.asarray(data)


def _byte_array(data: bytes, encoding: Mapping[str, Any]) -> NDArray[Any]:
    return np.frombuffer(data, dtype=_TYPES[encoding["type"]])


def _fixed_point(data: NDArray[Any], encoding: Mapping[str, Any]) -> NDArray[Any]:
    return np.asarray(data / encoding["factor"])


def _run_length(data: NDArray[Any], _: Mapping[str, Any]) -> NDArray[Any]:
    return np.repeat(data[::2], data[1::2])


def _delta(data: NDArray[Any], encoding: Mapping[str, Any]) -> NDArray[Any]:
    return np.asarray(np.cumsum(data, dtype=np.int64) + encoding["origin"])


def _integer_packing(data: NDArray[Any], encoding: Mapping[str, Any]) -> NDArray[Any]:
    """Sum runs of extreme values up to and including the value that ends each run."""
    limits = np.iinfo(data.dtype)
    continues = data == limits.max
    if not encoding["isUnsigned"]:
        continues |= data == limits.min
    ends = np.flatnonzero(~continues)
    sums = np.cumsum(data, dtype=np.int64)[ends]
    return np.diff(sums, prepend=0)


def _string_array(data: bytes, encoding: Mapping[str, Any]) -> NDArray[Any]:
    offsets = _decode(encoding["offsets"], encoding["offsetEncoding"])
    text = encoding["stringData"]
    strings = [text[a:b] for a, b in pairwise(offsets)]
    indices = _decode(data, encoding["dataEncoding"])
    return np.asarray(np.array([*strings, ""])[indices])  # index -1 stands for no text


_STEPS: dict[str, Any] = {
    "ByteArray": _byte_array,
    "FixedPoint": _fixed_point,
    "RunLength": _run_length,
    "Delta": _delta,
    "IntegerPacking": _integer_packing,
    "StringArray": _string_array,
}
