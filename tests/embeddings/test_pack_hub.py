"""Packs of the hub: pinned, local first, and copied as plain files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from packing import SPLIT, packed
from pytest_matalign.embeddings.pack import CONTENTS, Pack
from pytest_matalign.embeddings.pack_hub import local_pack, pull, pulled_folder, push
from pytest_matalign.errors import ConfigurationError, UnavailableError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SPEC = f"hf:team/packs@{COMMIT}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local hub cache laid out as the client lays it out, and no network."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return cache


def cached(hub: Path) -> Path:
    """The snapshot of the test pack in the cache: links into `blobs`, as on a real machine."""
    root = hub / "datasets--team--packs"
    snapshot = root / "snapshots" / COMMIT
    made = packed(hub.parent / "made")
    for number, file in enumerate(sorted(made.rglob("*.*"))):
        blob = root / "blobs" / str(number)
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(file.read_bytes())
        link = snapshot / file.relative_to(made)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return snapshot


def test_a_cached_pack_is_pulled_without_the_network(hub: Path) -> None:
    """And then found by its name, with no link left in it."""
    cached(hub)
    folder = pull(SPEC)
    assert folder == pulled_folder(SPEC) == local_pack(SPEC, root=Path())
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    assert len(Pack(folder).embedding("composition", SPLIT)) == len(SPLIT)
    assert pull(SPEC) == folder


def test_only_files_of_the_table_are_copied(hub: Path) -> None:
    """Whatever else a repository holds stays there."""
    snapshot = cached(hub)
    (snapshot / "qm9" / "stranger.safetensors").write_text("not in the table")
    folder = pull(SPEC)
    copied = {path.name for path in folder.rglob("*") if path.is_file()}
    assert copied == {CONTENTS, "composition.safetensors"}


def test_a_damaged_pack_is_not_taken_over(hub: Path) -> None:
    """Every entry is checked before the folder gets its name."""
    snapshot = cached(hub)
    file = snapshot / "qm9" / "composition.safetensors"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[:-1])
    with pytest.raises(ConfigurationError, match="its sha256 is not the one"):
        pull(SPEC)
    assert not pulled_folder(SPEC).exists()


def test_out_of_reach_is_one_sentence(hub: Path) -> None:
    """Neither cached nor fetchable."""
    with pytest.raises(UnavailableError, match="not in the local hub cache and cannot be fetched"):
        pull(SPEC)


@pytest.mark.parametrize("spec", ["hf:team/packs@main", "hf:team/packs", "hf:a/../b@" + COMMIT])
def test_a_branch_is_refused(spec: str) -> None:
    """What it holds could change from run to run."""
    with pytest.raises(ConfigurationError, match="a commit and not a branch"):
        pull(spec)


def test_a_run_never_fetches(tmp_path: Path) -> None:
    """It says which command does."""
    with pytest.raises(ConfigurationError, match=f"run `matalign pack pull {SPEC}`"):
        local_pack(SPEC, root=tmp_path)


def test_push_uploads_what_the_table_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And answers with the pinned name to put into a configuration."""
    calls: dict[str, Any] = {}

    def create(_: object, repo: str, **options: Any) -> None:
        calls["create"] = (repo, options)

    def upload(_: object, **options: Any) -> SimpleNamespace:
        calls["upload"] = options
        return SimpleNamespace(oid=COMMIT)

    monkeypatch.setattr(huggingface_hub.HfApi, "create_repo", create)
    monkeypatch.setattr(huggingface_hub.HfApi, "upload_folder", upload)
    folder = packed(tmp_path / "pack")
    (folder / "notes.txt").write_text("private")
    assert push(folder, repo="team/packs", private=True) == SPEC
    assert calls["upload"]["allow_patterns"] == [CONTENTS, "qm9/composition.safetensors"]
    assert calls["upload"]["repo_type"] == "dataset"
    assert calls["create"][1]["private"] is True
