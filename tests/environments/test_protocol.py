"""Frames arrive as they were sent, and anything else is told from them."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from ase.build import bulk, molecule
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_matalign.environments.protocol import Message, ProtocolError, read, write
from pytest_matalign.environments.transport import packed, unpacked
from pytest_matalign.splits import load_split
from pytest_matalign.splits.sample import Input, Sample

EVERY: tuple[Input, ...] = ("atoms", "smiles", "sequence", "backbone")


def sent(*messages: Message) -> io.BytesIO:
    stream = io.BytesIO()
    for message in messages:
        write(stream, message)
    stream.seek(0)
    return stream


@given(
    arrays=st.lists(
        hnp.arrays(
            st.one_of(
                hnp.floating_dtypes(endianness="="), hnp.integer_dtypes(), hnp.boolean_dtypes()
            ),
            hnp.array_shapes(min_dims=0, min_side=0),
        ),
        max_size=3,
    ),
    text=st.text(),
)
def test_arrays_arrive_bit_by_bit(arrays: list[np.ndarray], text: str) -> None:
    """Of every numeric kind and shape, NaN and empty ones too, and they can be written to."""
    found = read(sent(Message("embed", {"text": text}, tuple(arrays))))
    assert found is not None
    assert found.fields == {"text": text}
    for before, after in zip(arrays, found.arrays, strict=True):
        assert after.shape == before.shape
        assert after.dtype == before.dtype.newbyteorder("=")
        assert after.tobytes() == before.astype(after.dtype).tobytes()
        assert after.flags.writeable


def test_messages_follow_each_other_until_the_pipe_is_closed() -> None:
    """The end between two messages is None, not an error."""
    stream = sent(Message("one"), Message("two", arrays=(np.arange(3),)))
    kinds = [message.kind for message in iter(lambda: read(stream), None)]
    assert kinds == ["one", "two"]


@pytest.mark.parametrize("kept", [5, 20, -1])
def test_a_frame_cut_off_is_an_error(kept: int) -> None:
    """In its prefix, its JSON or its arrays."""
    stream = io.BytesIO(sent(Message("one", arrays=(np.arange(3),))).read()[:kept])
    with pytest.raises(ProtocolError, match="broke off"):
        read(stream)


@pytest.mark.parametrize(
    "content",
    [
        b"a package said hello to stdout",
        struct.pack("<4sIQ", b"MALN", 2**30, 0),
        struct.pack("<4sIQ", b"MALN", 2, 0) + b"{]",
        struct.pack("<4sIQ", b"MALN", 2, 0) + b"[]",
    ],
)
def test_anything_else_is_not_a_frame(content: bytes) -> None:
    """A stream that somebody wrote into is noticed, and never asks for much memory."""
    with pytest.raises(ProtocolError):
        read(io.BytesIO(content))


def test_objects_are_not_sent() -> None:
    """They would have to be pickled."""
    with pytest.raises(ProtocolError, match="dtype object"):
        write(io.BytesIO(), Message("embed", arrays=(np.array([None]),)))


def test_an_array_of_objects_is_not_read_either() -> None:
    """Whoever writes the frame cannot make the reader unpickle."""
    honest = sent(Message("embed", arrays=(np.arange(1),))).read()
    with pytest.raises(ProtocolError, match="not one of numbers"):
        read(io.BytesIO(honest.replace(b'"<i8"', b'"|O8"').replace(b'"|O8"', b'"|O" ', 1)))


@pytest.mark.parametrize("split", ["qm9", "mp-crystals", "pdb-chains", "uniprot"])
def test_samples_arrive_as_they_were(split: str) -> None:
    """The digest, which covers every input a model can see, is the same."""
    samples = load_split(split, samples=10).samples
    heads, arrays = packed(samples, forms=EVERY)
    message = read(sent(Message("embed", {"samples": heads}, arrays)))
    assert message is not None
    found = unpacked(message.fields["samples"], message.arrays)
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
    heads, arrays = packed([Sample(id="a", atoms=ion, labels={"gap": 1.0})], forms=("atoms",))
    [found] = unpacked(heads, arrays)
    assert found.atoms is not None
    assert found.atoms.info == {"charge": -1}
    assert found.labels == {}


def test_only_the_forms_a_model_reads_are_sent() -> None:
    """An environment for models of text need not hold ASE."""
    heads, arrays = packed([Sample(id="a", atoms=bulk("Cu"), smiles="C")], forms=("smiles",))
    assert heads == [{"id": "a", "smiles": "C"}]
    assert arrays == ()
