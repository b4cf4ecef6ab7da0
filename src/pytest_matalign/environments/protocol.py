"""What host and worker say to each other: structs in MessagePack, framed, over a pipe.

The worker speaks first, with `Hello`, and then answers each request once, with the struct named
beside it or with `Failed`. Every request has a number, and its answer repeats the number and the
ids of the samples that were asked for: an answer given twice, or to another question, is told
from the right one. Nothing is ever unpickled.

The frame is a mark and a length, and not that of `multiprocessing.connection`, which has no mark:
there, what a package prints into the pipe is taken for the length of a message to wait for.
"""

from __future__ import annotations

import struct
from typing import Protocol, TypeVar

import msgspec

from pytest_matalign.environments.transport import (
    BrokenOffError,
    ProtocolError,
    SentArray,
    SentSample,
)
from pytest_matalign.zoo.card import ModelCard  # noqa: TC001  msgspec resolves it at run time


class Stream(Protocol):
    """What frames are read from and written to."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, or fewer at the end."""
        ...

    def write(self, content: bytes, /) -> int:
        """Send all bytes."""
        ...

    def flush(self) -> None:
        """Hold nothing back."""
        ...


PROTOCOL = 3
"""Raised whenever a frame or a message changes."""
_MARK = b"MALN"
_PREFIX = struct.Struct("<4sQ")
"""Mark, bytes of the message."""
LARGEST = 2**32
"""Bytes of a message."""


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True):
    """What the host asks; `number` is given by whoever sends it."""

    number: int = 0


class OfCard(Request, frozen=True, kw_only=True):
    """A request about a model."""

    card: ModelCard
    provides: dict[str, str] = {}
    """Where the host keeps the package of an adapter that is not of this distribution, by name."""


class Digest(OfCard, frozen=True, kw_only=True):
    """What identifies the weights? `Digested`."""


class Load(OfCard, frozen=True, kw_only=True):
    """Load this model in the place of any other: `Loaded`."""

    allow_pickle: bool = False


class OfSamples(Request, frozen=True, kw_only=True):
    """A request to the model that is loaded."""

    samples: tuple[SentSample, ...]


class Refuse(OfSamples, frozen=True, kw_only=True):
    """Does the model refuse this one sample? `Refused`."""


class Embed(OfSamples, frozen=True, kw_only=True):
    """The rows of these samples: `Embedded`."""


class Energy(OfSamples, frozen=True, kw_only=True):
    """The total energy of this one sample? `Energised`."""


class Probe(Request, frozen=True, kw_only=True):
    """What is installed, and which of these modules cannot be imported? `Probed`."""

    imports: tuple[str, ...]


class Bye(Request, frozen=True, kw_only=True):
    """End; there is no answer."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag=True):
    """What the worker answers."""

    number: int = 0
    """Of the request."""
    ids: tuple[str, ...] = ()
    """Of the samples in the request."""


class Hello(Reply, frozen=True, kw_only=True):
    """The worker is there."""

    protocol: int
    python: str = ""


class Digested(Reply, frozen=True, kw_only=True):
    """`zoo.weights.files.weights_digest` of the card, by the files there."""

    digest: str


class Loaded(Reply, frozen=True, kw_only=True):
    """The model is in memory, run by these versions of its packages."""

    batch_size: int
    packages: dict[str, str]


class Refused(Reply, frozen=True, kw_only=True):
    """Why the model refuses the sample; None if it does not."""

    reason: str | None


class Embedded(Reply, frozen=True, kw_only=True):
    """The rows [samples, width]."""

    vectors: SentArray


class Energised(Reply, frozen=True, kw_only=True):
    """The energy in eV."""

    energy: float


class Probed(Reply, frozen=True, kw_only=True):
    """Version by distribution, and why a module cannot be imported, for those that cannot."""

    versions: dict[str, str]
    failures: dict[str, str]


class Failed(Reply, frozen=True, kw_only=True):
    """An exception instead of an answer."""

    error: str
    """Name of its class."""
    sentence: str
    traceback: str
    memory: bool
    """Whether memory ran out."""


AnyRequest = Digest | Load | Refuse | Embed | Energy | Probe | Bye
AnyReply = Hello | Digested | Loaded | Refused | Embedded | Energised | Probed | Failed


_Message = TypeVar("_Message")


def asked_for(request: Request) -> tuple[str, ...]:
    """Return the ids of the samples in a request, which its answer has to repeat."""
    return tuple(one.id for one in request.samples) if isinstance(request, OfSamples) else ()


def write(stream: Stream, message: Request | Reply) -> None:
    """Send one message.

    Raises:
        ProtocolError: If it is larger than a frame may be.
        OSError: If nobody reads the pipe any more.
    """
    try:
        content = msgspec.msgpack.encode(message)
    except (ValueError, OverflowError) as error:  # MessagePack has lengths of 32 bits
        raise ProtocolError(f"A message cannot be sent: {error}.") from error
    stream.write(_PREFIX.pack(_MARK, len(content)))
    stream.write(content)
    stream.flush()


def read_request(stream: Stream) -> AnyRequest | None:
    """Receive one request, or None where the host has closed the pipe.

    Raises:
        ProtocolError: If the stream breaks off inside a frame or holds something else.
    """
    content = _content(stream)
    return None if content is None else _decoded(_REQUESTS, content)


def read_reply(stream: Stream) -> AnyReply | None:
    """Receive one reply, or None where the worker has closed the pipe.

    Raises:
        ProtocolError: As `read_request`.
    """
    content = _content(stream)
    return None if content is None else _decoded(_REPLIES, content)


def _content(stream: Stream) -> bytes | None:
    prefix = b""
    while len(prefix) < len(_MARK):  # byte by byte: garbage may be short, and no more may follow
        one = stream.read(1)
        if not one:
            break
        prefix += one
        if not _MARK.startswith(prefix):
            raise ProtocolError(f"The pipe carries something that is not a frame: {prefix!r}.")
    if not prefix:
        return None
    prefix += stream.read(_PREFIX.size - len(prefix))
    if len(prefix) < _PREFIX.size:
        raise BrokenOffError("The pipe broke off inside a frame.")
    _, size = _PREFIX.unpack(prefix)
    if size > LARGEST:
        raise ProtocolError(f"The pipe announces a message of {size} bytes.")
    content = stream.read(size)
    if len(content) < size:
        raise BrokenOffError("The pipe broke off inside a frame.")
    return content


def _decoded(decoder: msgspec.msgpack.Decoder[_Message], content: bytes) -> _Message:
    try:
        return decoder.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError(f"A frame does not hold together: {error}.") from error


_REQUESTS = msgspec.msgpack.Decoder(AnyRequest)
_REPLIES = msgspec.msgpack.Decoder(AnyReply)
