"""Frames arrive as they were sent, and anything else is told from them."""

from __future__ import annotations

import io
import struct

import msgspec
import numpy as np
import pytest
from ase.build import bulk, molecule
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_matalign import load_split
from pytest_matalign.environments.protocol import (
    Bye,
    Embed,
    Embedded,
    Probe,
    Refused,
    Reply,
    Request,
    asked_for,
    read_reply,
    read_request,
    write,
)
from pytest_matalign.environments.transport import (
    ProtocolError,
    SentArray,
    SentSample,
    received_array,
    received_samples,
    sent_array,
    sent_samples,
)
from pytest_matalign.splits.sample import Input, Sample

EVERY: tuple[Input, ...] = ("atoms", "smiles", "sequence", "backbone")


def stream_of(*messages: Request | Reply) -> io.BytesIO:
    stream = io.BytesIO()
    for message in messages:
        write(stream, message)
    stream.seek(0)
    return stream


@pytest.mark.slow
@given(
    hnp.arrays(
        st.one_of(hnp.floating_dtypes(endianness="="), hnp.integer_dtypes(), hnp.boolean_dtypes()),
        hnp.array_shapes(min_dims=0, min_side=0),
    ),
    st.integers(0, 2**63 - 1),
    st.lists(st.text()),
)
def test_arrays_arrive_bit_by_bit(before: np.ndarray, number: int, ids: list[str]) -> None:
    """Of every numeric kind and shape, NaN and empty ones too, and they can be written to."""
    reply = Embedded(number=number, ids=tuple(ids), vectors=sent_array(before))
    found = read_reply(stream_of(reply))
    assert isinstance(found, Embedded)
    assert (found.number, found.ids) == (number, tuple(ids))
    after = received_array(found.vectors)
    assert after.shape == before.shape
    assert after.dtype == before.dtype.newbyteorder("=")
    assert after.tobytes() == before.astype(after.dtype).tobytes()
    assert after.flags.writeable


def test_messages_follow_each_other_until_the_pipe_is_closed() -> None:
    """The end between two messages is None, not an error."""
    stream = stream_of(Probe(imports=("ase",), number=1), Bye(number=2))
    found = list(iter(lambda: read_request(stream), None))
    assert found == [Probe(imports=("ase",), number=1), Bye(number=2)]


@pytest.mark.parametrize("kept", [2, 5, 20, -1])
def test_a_frame_cut_off_is_an_error(kept: int) -> None:
    """In its mark, its length or its content."""
    stream = io.BytesIO(stream_of(Refused(reason="has no atoms")).read()[:kept])
    with pytest.raises(ProtocolError, match="broke off"):
        read_reply(stream)


@pytest.mark.parametrize(
    "content",
    [
        b"a package said hello to stdout",
        b"hi",
        struct.pack("<4sQ", b"MALN", 2**40),
        struct.pack("<4sQ", b"MALN", 2) + b"{]",
        struct.pack("<4sQ", b"MALN", 1) + msgspec.msgpack.encode([]),
        stream_of(Probe(imports=())).read(),
    ],
)
def test_anything_else_is_not_a_reply(content: bytes) -> None:
    """A stream that somebody wrote into is noticed, and never asks for much memory."""
    with pytest.raises(ProtocolError):
        read_reply(io.BytesIO(content))


def test_objects_are_not_sent() -> None:
    """They would have to be pickled."""
    with pytest.raises(ProtocolError, match="dtype object"):
        sent_array(np.array([None]))


@pytest.mark.parametrize("dtype", ["|O", "<U4", "|V8", "complex128", "no such"])
def test_an_array_of_objects_is_not_read_either(dtype: str) -> None:
    """Whoever writes the frame cannot make the reader unpickle."""
    with pytest.raises(ProtocolError):
        received_array(SentArray(dtype, (1,), bytes(16)))


@pytest.mark.parametrize("shape", [(3,), (2, -1, -1), (2**62, 4)])
def test_an_array_is_as_large_as_its_content(shape: tuple[int, ...]) -> None:
    """What a frame claims is compared with what it holds before memory is spent."""
    with pytest.raises(ProtocolError, match="does not hold together"):
        received_array(SentArray("<f8", shape, bytes(16)))


@pytest.mark.parametrize("split", ["qm9", "mp-crystals", "pdb-chains", "uniprot"])
def test_samples_arrive_as_they_were(split: str) -> None:
    """The digest, which covers every input a model can see, is the same."""
    samples = load_split(split, samples=10).samples
    message = read_request(stream_of(Embed(samples=sent_samples(samples, forms=EVERY))))
    assert isinstance(message, Embed)
    assert asked_for(message) == tuple(one.id for one in samples)
    found = received_samples(message.samples)
    assert [one.digest for one in found] == [one.digest for one in samples]
    for before, after in zip(samples, found, strict=True):
        if before.atoms is not None:
            assert after.atoms is not None
            np.testing.assert_array_equal(after.atoms.positions, before.atoms.positions)
            np.testing.assert_array_equal(after.atoms.cell.array, before.atoms.cell.array)


def test_charges_travel_and_labels_do_not() -> None:
    """A model must not see what it is measured against."""
    ion = molecule("OH")
    ion.info |= {"charge": np.int64(-1), "note": object()}
    sample = Sample(id="a", atoms=ion, labels={"gap": 1.0})
    [found] = received_samples(sent_samples([sample], forms=("atoms",)))
    assert found.atoms is not None
    assert found.atoms.info == {"charge": -1}
    assert found.labels == {}


def test_only_the_forms_a_model_reads_are_sent() -> None:
    """An environment for models of text need not hold ASE."""
    sample = Sample(id="a", atoms=bulk("Cu"), smiles="C")
    assert sent_samples([sample], forms=("smiles",)) == (SentSample(id="a", smiles="C"),)
