"""Files of others are looked at before they are read; each case was once a hang or gigabytes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.untrusted import toml, untrusted


def refusal(why: str) -> ConfigurationError:
    return ConfigurationError(f"no: {why}.")


def read(path: Path, *, most: int = 100) -> bytes:
    with untrusted(path, most=most, refusal=refusal) as content:
        return content


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    """Also through a link."""
    (tmp_path / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").symlink_to("a")
    assert read(tmp_path / "b") == b"x" * 100


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices")
@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "folder", "nothing", "large", "sparse"])
def test_anything_else_is_refused(tmp_path: Path, kind: str) -> None:
    """At once, in one sentence."""
    path = tmp_path / kind
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "folder":
            path.mkdir()
        case "large":
            path.write_bytes(b"x" * 101)
        case "sparse":
            path.touch()
            os.truncate(path, 2**40)
    with pytest.raises(ConfigurationError, match=r"^no: it cannot be read \(.*\)\.$"):
        read(path)


@pytest.mark.parametrize(
    "raised", [RecursionError(), MemoryError(), EOFError(), KeyError("a"), ValueError("a\nb")]
)
def test_whatever_a_parser_raises_is_one_sentence(tmp_path: Path, raised: Exception) -> None:
    """Bytes made to break it can make it raise anything."""
    (tmp_path / "a").write_bytes(b"x")
    with (
        pytest.raises(ConfigurationError, match=r"^no: [^\n]+\.$"),
        untrusted(tmp_path / "a", most=100, refusal=refusal),
    ):
        raise raised


@pytest.mark.parametrize(
    "content",
    [
        b"a." * 100_000 + b"b = 1",
        b"x = {" + b"a . " * 100 + b"b = 1}",
        b"[" + b'"a".' * 100 + b"b]",
    ],
)
def test_a_key_of_very_many_parts_is_refused(content: bytes) -> None:
    """tomllib takes memory by the square of them: 200 kB took 20 GB."""
    with pytest.raises(ValueError, match="more than 64 parts"):
        toml(content)


def test_ordinary_toml_is_read() -> None:
    """With as many dots as anybody needs."""
    assert toml(b'a.b."c.d" = "1.2.3.4"') == {"a": {"b": {"c.d": "1.2.3.4"}}}
