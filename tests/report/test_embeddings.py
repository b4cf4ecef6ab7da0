"""The embeddings of a scorecard are opened by the keys its records keep."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pytest_matalign import load_split
from pytest_matalign.cache import DamagedEntryWarning
from pytest_matalign.embeddings.files import EmbeddingFile, write_embeddings
from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.store import Store
from pytest_matalign.progress import embedding_line
from pytest_matalign.report.embeddings import embeddings_of
from pytest_matalign.splits.split import Split

pytestmark = pytest.mark.slow


@pytest.fixture
def splits() -> dict[str, Split]:
    return {name: load_split(name, samples=60) for name in ("qm9", "ccd-ligands")}


def door(folder: Path) -> Door:
    return Door(store=Store(folder), progress=embedding_line)


def test_every_embedding_of_the_run_is_found(made: Any, splits: dict[str, Split]) -> None:
    """Five models on two splits, each bit for bit what the scorecard speaks of."""
    found = embeddings_of(made.scorecard, splits, door=made.door)
    wanted = {(r.split, r.model): r.digest for r in made.scorecard.embeddings}
    assert {key: embedding.digest for key, embedding in found.items()} == wanted


def test_nothing_else_in_the_store_is_opened(
    made: Any, splits: dict[str, Split], tmp_path: Path
) -> None:
    """Faulty entries of other runs are none of a report's business; no warning is given."""
    shutil.copytree(made.store, tmp_path / "store")
    other = tmp_path / "store" / "embeddings" / "00" / f"{'0' * 64}.safetensors"
    other.parent.mkdir(exist_ok=True)
    other.write_bytes(b"not an entry")
    assert len(embeddings_of(made.scorecard, splits, door=door(tmp_path / "store"))) == 10


def test_an_embedding_of_another_digest_is_not_taken(made: Any, splits: dict[str, Split]) -> None:
    """The same model and samples with other numbers are not what was measured."""
    other = msgspec.structs.replace(
        made.scorecard,
        embeddings=tuple(
            msgspec.structs.replace(r, digest="0" * 64) for r in made.scorecard.embeddings
        ),
    )
    assert embeddings_of(other, splits, door=made.door) == {}


def test_a_damaged_block_is_left_out(made: Any, splits: dict[str, Split], tmp_path: Path) -> None:
    """One truncated file costs one embedding and no more."""
    shutil.copytree(made.store, tmp_path / "store")
    victim = next((tmp_path / "store").glob("embeddings/*/*.safetensors"))
    victim.write_bytes(victim.read_bytes()[:20])
    with pytest.warns(DamagedEntryWarning):
        found = embeddings_of(made.scorecard, splits, door=door(tmp_path / "store"))
    assert len(found) == 9


def test_an_absent_store_has_nothing(made: Any, splits: dict[str, Split], tmp_path: Path) -> None:
    """A folder that is not there is an empty store."""
    assert embeddings_of(made.scorecard, splits, door=door(tmp_path / "none")) == {}


def test_a_candidates_file_is_read(made: Any, splits: dict[str, Split], tmp_path: Path) -> None:
    """A candidate given as a file of embeddings never enters the store."""
    found = embeddings_of(made.scorecard, splits, door=made.door)
    file = tmp_path / "candidate.npz"
    write_embeddings(file, [found["qm9", "morgan"]])
    run = msgspec.structs.replace(made.scorecard.run, blocks={})
    card = msgspec.structs.replace(made.scorecard, candidate="morgan", run=run)
    own = EmbeddingFile("morgan", file)
    again = embeddings_of(card, splits, door=door(tmp_path / "none"), own=own)
    assert list(again) == [("qm9", "morgan")]
