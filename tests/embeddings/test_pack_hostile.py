"""A pack may come from anywhere: whatever is wrong with it is told in one sentence."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from packing import packed
from pytest_matalign.embeddings import pack_format, tensors
from pytest_matalign.embeddings.pack import CONTENTS, Pack
from pytest_matalign.errors import ConfigurationError


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A good pack, to be spoilt."""
    return packed(tmp_path / "pack")


def file_of(pack: Path) -> Path:
    return pack / "qm9" / "composition.safetensors"


def read(pack: Path) -> None:
    """Read the entry as a run does."""
    Pack(pack).entry("qm9", "composition")


def put(pack: Path, content: bytes) -> None:
    """Replace the file, and its digest in the table, as a forger would."""
    file_of(pack).write_bytes(content)
    contents = json.loads((pack / CONTENTS).read_text())
    contents["entries"][0]["sha256"] = hashlib.sha256(content).hexdigest()
    (pack / CONTENTS).write_text(json.dumps(contents))


def untouched(_: dict[str, Any]) -> None:
    """Leave a part of the file as it is."""


def forge(
    pack: Path,
    *,
    tensors: Callable[[dict[str, Any]], None] = untouched,
    description: Callable[[dict[str, Any]], None] = untouched,
) -> None:
    """Change tensors or description and make the file consistent again otherwise."""
    content = file_of(pack).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    arrays, text = load(content), json.loads(header["__metadata__"]["matalign"])
    tensors(arrays)
    description(text)
    put(pack, save(arrays, metadata={"matalign": json.dumps(text)}))


def with_header(header: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + body


def test_the_good_pack_is_read(pack: Path) -> None:
    """So that the refusals below are for the reason given."""
    read(pack)


@pytest.mark.parametrize("position", [0, 9, 200, -1])
def test_a_flipped_byte(pack: Path, position: int) -> None:
    """Anywhere in the file: its digest is in the table of contents."""
    content = bytearray(file_of(pack).read_bytes())
    content[position] ^= 1
    file_of(pack).write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"is refused: its sha256 is not the one"):
        read(pack)


@pytest.mark.parametrize("left", [0, 5, 100, 2000])
def test_truncation(pack: Path, left: int) -> None:
    """Even where the digest was made to fit."""
    put(pack, file_of(pack).read_bytes()[:left])
    with pytest.raises(ConfigurationError, match="is refused: "):
        read(pack)


def test_a_huge_header_is_not_read(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that claims more than the file holds nor one that is really there."""
    put(pack, struct.pack("<Q", 2**62) + b"{}")
    with pytest.raises(ConfigurationError, match="truncated"):
        read(pack)
    monkeypatch.setattr(tensors, "LARGEST_HEADER", 1000)
    put(pack, with_header(b" " * 2000))
    with pytest.raises(ConfigurationError, match="header claims 2000 bytes; 1000 are allowed"):
        read(pack)


def test_a_huge_file_is_not_read(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is looked at first."""
    monkeypatch.setattr(pack_format, "LARGEST_FILE", 100)
    with pytest.raises(ConfigurationError, match="more than the 100 bytes allowed"):
        read(pack)


@pytest.mark.parametrize(
    "header", [b"\x80\x04pickle", b"[1]", b"[" * 100_000, b"{}", b'{"__metadata__": 3}', b"\xff"]
)
def test_a_header_that_is_none(pack: Path, header: bytes) -> None:
    """Garbage, the wrong JSON, JSON too deep, and a pickle are all refused alike."""
    put(pack, with_header(header))
    with pytest.raises(ConfigurationError, match=r"is refused: (it|Expected)"):
        read(pack)


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        (
            "tensors",
            lambda t: t.update(vectors=t["vectors"][:-1]),
            r"'vectors' is F16 \[29, 139\] where",
        ),
        ("tensors", lambda t: t.update(vectors=t["vectors"][:, :5]), r"'vectors' is F16 \[30, 5\]"),
        ("tensors", lambda t: t.update(vectors=t["vectors"].astype("f8")), "'vectors' is F64"),
        ("tensors", lambda t: t.update(extra=t["mean"]), "it holds the arrays digests, extra"),
        ("tensors", lambda t: t.pop("digests"), "instead of digests, mean, vectors"),
        ("tensors", lambda t: t["vectors"].__setitem__((3, 1), np.nan), "'vectors' holds NaN"),
        ("tensors", lambda t: t["mean"].__setitem__(0, np.inf), "'mean' holds NaN or infinity"),
        ("description", lambda d: d.update(width=10**9), "at `..width`"),
        ("description", lambda d: d.update(scale=float("1e300")), "its rows overflow"),
        ("description", lambda d: d.update(scale=-1.0), "its scale is -1"),
        ("description", lambda d: d.update(rank=1000), "its rank is 1000 at width 139"),
        ("description", lambda d: d.update(format=2), "has format 2 and this package reads 1"),
        ("description", lambda d: d.update(surprise=1), "unknown field `surprise`"),
        ("description", lambda d: d.update(split="../../etc"), "at `..split`"),
        (
            "description",
            lambda d: d.update(split="mp-crystals"),
            "describes 'composition' on 'mp-crystals'",
        ),
        ("description", lambda d: d["card"].update(id="size"), "describes 'size' on 'qm9'"),
        ("description", lambda d: d["ids"].__setitem__(0, d["ids"][1]), "lists a sample twice"),
        ("description", lambda d: d["ids"].__setitem__(0, "a\nb"), "contains a line break"),
        ("description", lambda d: d["refused"].update(stranger="no"), "refuses 'stranger'"),
        (
            "description",
            lambda d: d["refused"].update(dict.fromkeys(d["ids"], "no")),
            "holds no row",
        ),
    ],
)
def test_contradictions(
    pack: Path, part: str, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    """A file whose digest is right and whose content is not."""
    forge(pack, **{part: change})
    with pytest.raises(ConfigurationError, match=message) as error:
        read(pack)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "a/b", "..", "", "a\\b", "a\0b"])
def test_path_tricks_in_the_table(pack: Path, name: str) -> None:
    """Paths are made of ids, and an id with a separator is no id."""
    contents = json.loads((pack / CONTENTS).read_text())
    contents["entries"][0]["model"] = name
    (pack / CONTENTS).write_text(json.dumps(contents))
    with pytest.raises(ConfigurationError, match=r"at `..entries.0..(model|split)`"):
        list(Pack(pack))


def test_a_link_out_of_the_pack(pack: Path, tmp_path: Path) -> None:
    """A link to a file elsewhere is not followed, whatever that file holds."""
    elsewhere = tmp_path / "elsewhere.safetensors"
    file_of(pack).rename(elsewhere)
    file_of(pack).symlink_to(elsewhere)
    with pytest.raises(ConfigurationError, match="a link to a place outside the pack"):
        read(pack)


@pytest.mark.parametrize(
    "text", ["", "{}", "[" * 100_000, '{"format": 1, "title": 3, "entries": []}']
)
def test_a_table_that_is_none(pack: Path, text: str) -> None:
    """Empty, incomplete, too deep, of wrong types."""
    (pack / CONTENTS).write_text(text)
    with pytest.raises(
        ConfigurationError, match=r"refused: (it is not valid JSON|Object|Expected)"
    ):
        list(Pack(pack))


def test_a_table_that_repeats_an_entry(pack: Path) -> None:
    """Which of the two would be meant?"""
    contents = json.loads((pack / CONTENTS).read_text())
    contents["entries"] *= 2
    (pack / CONTENTS).write_text(json.dumps(contents))
    with pytest.raises(ConfigurationError, match="lists an entry twice"):
        list(Pack(pack))


def test_a_missing_file(pack: Path) -> None:
    """Listed and not there."""
    file_of(pack).unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read(pack)
