"""Fetching from the hub, against a small hub on this machine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from small_hub import FILES, SHA, Hub, fresh, sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FETCH = """
import sys
from pytest_matalign.errors import MatalignError
from pytest_matalign.zoo.weights.hub import snapshot

def complete(folder):
    return (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()

try:
    folder = snapshot(
        sys.argv[1], revision=sys.argv[2], patterns=["*.json", "*.safetensors"], complete=complete
    )
    print(",".join(sorted(file.name for file in folder.iterdir())))
except MatalignError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture
def fetch(address: str, tmp_path: Path) -> Callable[..., str]:
    """Ask for a snapshot in a fresh process; returns the files' names or the error."""
    ask = partial(fresh, FETCH, folder=tmp_path)

    def run(repo: str, *, revision: str = SHA, **environment: str) -> str:
        return ask(repo, revision, **{"address": address, **environment})

    return run


def test_a_snapshot_is_fetched_once_and_then_read_from_the_cache(fetch: Callable[..., str]) -> None:
    """The second time the hub is not asked at all; pickles are never fetched."""
    assert fetch("team/tiny") == "config.json,model.safetensors"
    Hub.asked.clear()
    assert fetch("team/tiny") == "config.json,model.safetensors"
    assert Hub.asked == []
    assert fetch("team/tiny", HF_HUB_OFFLINE="1") == "config.json,model.safetensors"


def test_missing_files_of_a_cached_commit_are_fetched(
    fetch: Callable[..., str], tmp_path: Path
) -> None:
    """A cached folder that is not complete sends us back to the hub."""
    fetch("team/tiny")
    folder = tmp_path / "hub" / "models--team--tiny" / "snapshots" / SHA
    (folder / "model.safetensors").unlink()
    assert fetch("team/tiny") == "config.json,model.safetensors"


def test_a_partial_file_is_resumed_where_it_broke_off(
    fetch: Callable[..., str], tmp_path: Path
) -> None:
    """Only the bytes that are not here yet are asked for."""
    content = FILES["model.safetensors"]
    blobs = tmp_path / "hub" / "models--team--tiny" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{sha256(content)}.incomplete").write_bytes(content[:3])
    Hub.ranges.clear()
    assert fetch("team/tiny") == "config.json,model.safetensors"
    assert Hub.ranges == ["bytes=3-"]
    snapshot = tmp_path / "hub" / "models--team--tiny" / "snapshots" / SHA
    assert (snapshot / "model.safetensors").read_bytes() == content


@pytest.mark.parametrize(
    ("repo", "message"),
    [
        ("team/gated", "team/gated@0123456789ab is gated: accept its terms on the hub"),
        ("team/missing", "team/missing@0123456789ab is not on the hub, or is private"),
        ("team/moved", "team/moved@0123456789ab: the repository has no such commit"),
        ("team/broken", "the hub answered with status 418"),
    ],
)
def test_each_refusal_has_its_sentence(fetch: Callable[..., str], repo: str, message: str) -> None:
    """Gated, missing, no such commit and out of order are told apart."""
    answer = fetch(repo)
    assert answer.startswith("UnavailableError")
    assert message in answer


def test_offline_and_out_of_reach_are_told_apart(fetch: Callable[..., str]) -> None:
    """The first is a setting, the second the network."""
    assert "HF_HUB_OFFLINE forbids to fetch it" in fetch("team/tiny", HF_HUB_OFFLINE="1")
    assert "the hub is out of reach" in fetch("team/tiny", address="http://127.0.0.1:9")


@pytest.mark.parametrize("revision", ["main", SHA[:12], SHA.upper()])
def test_a_branch_is_not_a_revision(fetch: Callable[..., str], revision: str) -> None:
    """It would move under the model's name."""
    answer = fetch("team/tiny", revision=revision)
    assert answer.startswith("ConfigurationError team/tiny@")
    assert "commit of 40 hexadecimal digits" in answer
