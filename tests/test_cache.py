"""The cache: where it is, keys that mean their content, files that are whole or not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_matalign.cache import cache_root, key_of, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_the_cache_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATALIGN_CACHE", "/somewhere/else")
    assert cache_root() == Path("/somewhere/else")
    monkeypatch.delenv("MATALIGN_CACHE")
    assert cache_root().name == "matalign"


def test_key_depends_on_content_not_on_order() -> None:
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert key_of({"a": 1, "b": 2}) != key_of({"a": 1, "b": 3})


def test_a_key_is_the_digest_of_canonical_json() -> None:
    """Written down, so that no release reads an older store as empty without meaning to."""
    assert key_of({"model": "π", "k": 10}) == (
        "6aa69ff5b96be09a4b7aa0b856bc83ac7a778af2476c8e559ca7f0f6cfd966b2"
    )


def test_a_file_is_replaced_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file.json"
    write_whole(target, b"one")
    write_whole(target, b"two")
    assert target.read_bytes() == b"two"
    assert list(target.parent.iterdir()) == [target]


def test_others_may_read_what_is_written(tmp_path: Path) -> None:
    plain, whole = tmp_path / "plain", tmp_path / "whole"
    plain.write_bytes(b"")
    write_whole(whole, b"")
    assert whole.stat().st_mode == plain.stat().st_mode


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")
    with pytest.raises(TypeError):
        write_whole(target, "text")  # type: ignore[arg-type]
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write_whole(tmp_path / "file", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


WRITER = """
import sys
from pathlib import Path
from pytest_matalign.cache import write_whole

target, letter = Path(sys.argv[1]), sys.argv[2].encode()
for _ in range(200):
    write_whole(target, letter * 100_000)
"""


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Four processes that write the same file with a letter of their own each."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "file")]
    running = [subprocess.Popen([*command, letter]) for letter in "abcd"]
    yield running
    for one in running:
        one.kill()
        one.wait()


def test_a_reader_never_sees_half_of_a_file(
    tmp_path: Path, writers: list[subprocess.Popen[bytes]]
) -> None:
    target = tmp_path / "file"
    seen = 0
    while any(one.poll() is None for one in writers):
        if target.exists():
            content = target.read_bytes()
            assert content == content[:1] * 100_000
            seen += 1
    assert seen
    assert [one.returncode for one in writers] == [0] * 4
    assert list(tmp_path.iterdir()) == [target]
