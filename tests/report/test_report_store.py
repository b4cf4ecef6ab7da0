"""Embeddings are found again by their digests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_matalign.embeddings.files import write_embeddings
from pytest_matalign.report.store import find_embeddings
from pytest_matalign.splits import Split, load_split


@pytest.fixture
def splits() -> dict[str, Split]:
    return {name: load_split(name, samples=60) for name in ("qm9", "ccd-ligands")}


def test_every_embedding_of_the_run_is_found(made: Any, splits: dict[str, Split]) -> None:
    """Five models on two splits, each bit for bit what the scorecard speaks of."""
    found = find_embeddings(made.scorecard, made.store, splits)
    wanted = {(r.split, r.model): r.digest for r in made.scorecard.embeddings}
    assert {key: embedding.digest for key, embedding in found.items()} == wanted


def test_an_embedding_of_another_digest_is_not_taken(made: Any, splits: dict[str, Split]) -> None:
    """The same model and samples with other numbers are not what was measured."""
    other = msgspec.structs.replace(
        made.scorecard,
        embeddings=tuple(
            msgspec.structs.replace(r, digest="0" * 64) for r in made.scorecard.embeddings
        ),
    )
    assert find_embeddings(other, made.store, splits) == {}


def test_a_damaged_block_is_left_out(made: Any, splits: dict[str, Split], tmp_path: Path) -> None:
    """One truncated file costs one embedding and no more."""
    shutil.copytree(made.store, tmp_path / "store")
    victim = next((tmp_path / "store").glob("embeddings/*/*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:20])
    assert len(find_embeddings(made.scorecard, tmp_path / "store", splits)) == 9


def test_an_absent_store_has_nothing(made: Any, splits: dict[str, Split], tmp_path: Path) -> None:
    """A folder that is not there is an empty store."""
    assert find_embeddings(made.scorecard, tmp_path / "none", splits) == {}


def test_a_candidates_file_is_read(made: Any, splits: dict[str, Split], tmp_path: Path) -> None:
    """A candidate given as a file of embeddings never enters the store."""
    found = find_embeddings(made.scorecard, made.store, splits)
    file = tmp_path / "candidate.npz"
    write_embeddings(file, [found["qm9", "morgan"]])
    card = msgspec.structs.replace(made.scorecard, candidate="morgan")
    again = find_embeddings(card, tmp_path / "none", splits, candidate_file=file)
    assert list(again) == [("qm9", "morgan")]
