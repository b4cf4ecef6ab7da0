"""What host and worker say to each other: frames of JSON and raw arrays over a pipe.

A frame is the prefix below, a JSON object, and the bytes of arrays one after the other; nothing
is ever unpickled. The worker speaks first, with `hello`, and then answers each request once:

| request | fields | answer | fields |
|---|---|---|---|
| | | `hello` | `protocol`, `python` |
| `digest` | `card` | `digest` | `digest` |
| `load` | `card`, `allow_pickle` | `loaded` | `batch_size` |
| `refuse` | `samples`, of one | `refused` | `reason` |
| `embed` | `samples` | `embedded` | the array [samples, width] |
| `probe` | `imports` | `probed` | `versions`, `failures` |
| `bye` | | none, the worker ends | |

Any of them may be answered by `error` with `kind` (name of the exception's class), `sentence`,
`traceback`, and `memory`, true where memory ran out. `digest` and `load` also carry `provides`:
where the host keeps the package of an adapter that is not of this distribution.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import MatalignError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import IO

    from numpy.typing import NDArray

PROTOCOL = 1
"""Raised whenever a frame or a message changes."""
_MAGIC = b"MALN"
_PREFIX = struct.Struct("<4sIQ")
"""Magic, bytes of JSON, bytes of arrays."""
_LARGEST_JSON = 2**28


class ProtocolError(MatalignError):
    """What came through the pipe is not a frame."""


@dataclass(frozen=True)
class Message:
    """One frame.

    Attributes:
        kind: What is asked or answered.
        fields: JSON-plain values.
        arrays: Of booleans, integers or floats, of any shape.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    arrays: tuple[NDArray[Any], ...] = ()


def write(stream: IO[bytes], message: Message) -> None:
    """Send one message.

    Raises:
        ProtocolError: If an array is of objects or text.
        OSError: If nobody reads the pipe any more.
    """
    arrays = [_portable(array) for array in message.arrays]
    head = {
        "kind": message.kind,
        "fields": dict(message.fields),
        "arrays": [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays],
    }
    text = json.dumps(head).encode()
    stream.write(_PREFIX.pack(_MAGIC, len(text), sum(array.nbytes for array in arrays)))
    stream.write(text)
    for array in arrays:
        stream.write(array.tobytes())
    stream.flush()


def read(stream: IO[bytes]) -> Message | None:
    """Receive one message, or None where the other side has closed the pipe between two.

    Raises:
        ProtocolError: If the stream breaks off inside a frame or holds something else.
    """
    prefix = stream.read(_PREFIX.size)
    if not prefix:
        return None
    if len(prefix) < _PREFIX.size:
        raise ProtocolError("The pipe broke off inside a frame.")
    magic, text_size, array_size = _PREFIX.unpack(prefix)
    if magic != _MAGIC or text_size > _LARGEST_JSON:
        raise ProtocolError(f"The pipe carries something that is not a frame: {prefix!r}.")
    text, content = stream.read(text_size), stream.read(array_size)
    if len(text) < text_size or len(content) < array_size:
        raise ProtocolError("The pipe broke off inside a frame.")
    try:
        head = json.loads(text)
        arrays = _arrays(head["arrays"], content)
        return Message(head["kind"], head["fields"], arrays)
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"A frame does not hold together: {error}.") from error


def _portable(array: NDArray[Any]) -> NDArray[Any]:
    """Contiguous, little-endian, of numbers."""
    if array.dtype.kind not in "biuf":
        raise ProtocolError(f"An array of dtype {array.dtype} cannot be sent; send numbers.")
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def _arrays(heads: list[Mapping[str, Any]], content: bytes) -> tuple[NDArray[Any], ...]:
    found: list[NDArray[Any]] = []
    start = 0
    for head in heads:
        dtype = np.dtype(head["dtype"])
        if dtype.kind not in "biuf":
            raise ValueError(f"dtype {dtype} is not one of numbers")
        count = int(np.prod(head["shape"], dtype=np.int64))
        # Copied, so that it can be written to: a view of bytes cannot.
        array = np.frombuffer(content, dtype=dtype, count=count, offset=start).copy()
        found.append(array.reshape(head["shape"]).astype(dtype.newbyteorder("="), copy=False))
        start += count * dtype.itemsize
    if start != len(content):
        raise ValueError(f"{len(content) - start} bytes belong to no array")
    return tuple(found)
