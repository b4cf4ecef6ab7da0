"""One door: every source, one cache, one policy of errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.embeddings.embedding import Embedding
from pytest_matalign.embeddings.files import EmbeddingFile, write_embeddings
from pytest_matalign.embeddings.obtain import Door, Extracted, FirstOf, Packed, Recorded, Source
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.embeddings.policy import Sources
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ExtractionError, UnavailableError
from pytest_matalign.testing.mocks import mock_card
from pytest_matalign.zoo.catalogue import card, cards


class Told:
    """Progress that remembers what it was told."""

    def __init__(self, *, model: str, split: str) -> None:
        self.label, self.calls, self.closed = f"{model} on {split}", 0, False
        told.append(self)

    def __call__(self, *, done: int, total: int) -> None:
        self.calls += 1
        assert done <= total

    def close(self) -> None:
        self.closed = True


told: list[Told] = []
SPLIT = load_split("qm9", samples=20)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    told.clear()
    return Door(store=Store(tmp_path), progress=Told)


def zoo(model: str) -> Extracted:
    return Extracted(model, lambda: ZooSource(card(model)))


def test_an_embedding_is_obtained_once(door: Door) -> None:
    """The second time it is the same object, and nobody is told of progress again."""
    source = zoo("size")
    assert door.obtain(source, SPLIT) is door.obtain(source, SPLIT)
    assert [(one.label, one.closed) for one in told] == [("size on qm9", True)]


def test_another_number_of_samples_is_another_embedding(door: Door) -> None:
    """A run at two sizes of a split never mixes them."""
    source = zoo("size")
    assert len(door.obtain(source, SPLIT)) == 20
    assert len(door.obtain(source, load_split("qm9", samples=10))) == 10


def test_a_failure_is_remembered_with_its_cause(door: Door) -> None:
    """A broken model is asked once; what its own code raised stays at hand."""
    opened = 0

    def open_() -> ZooSource:
        nonlocal opened
        opened += 1
        return ZooSource(mock_card("failing"))

    source = Extracted("failing", open_)
    assert door.failure(source, SPLIT) is None
    for _ in range(2):
        with pytest.raises(ExtractionError, match="failing"):
            door.obtain(source, SPLIT)
    failure = door.failure(source, SPLIT)
    assert failure is not None
    assert failure.__cause__ is not None
    assert opened == 1
    assert [one.closed for one in told] == [True]


def test_a_split_is_loaded_once(door: Door) -> None:
    """The same samples are the same objects, so that their digests are taken once."""
    assert door.split("qm9", samples=20) is door.split("qm9", samples=20)


def test_every_source_gives_the_same_rows(door: Door, tmp_path: Path) -> None:
    """Run, recorded and from a file: one embedding, bit for bit."""
    made = door.obtain(zoo("composition"), SPLIT)
    write_embeddings(tmp_path / "own.npz", [made])
    sources: list[Source] = [
        Recorded("composition", blocks=made.blocks, digest=made.digest),
        EmbeddingFile("composition", tmp_path / "own.npz"),
    ]
    assert {door.obtain(source, SPLIT).digest for source in sources} == {made.digest}


def test_recorded_rows_must_be_those_of_the_run(door: Door) -> None:
    """Other rows under the same keys are not what a record speaks of."""
    made = door.obtain(zoo("composition"), SPLIT)
    for blocks, digest in ((made.blocks, "0" * 64), (("0" * 64,), made.digest), ((), made.digest)):
        with pytest.raises(UnavailableError, match="as the run had it"):
            door.obtain(Recorded("composition", blocks=blocks, digest=digest), SPLIT)


def test_all_reasons_are_named(door: Door) -> None:
    """Where no source has the rows, each says why."""
    source = FirstOf(Packed("one", []), Recorded("one", blocks=(), digest=""))
    with pytest.raises(
        UnavailableError, match=r"no pack holds one on qm9; the store .* has no one"
    ):
        door.obtain(source, SPLIT)


def test_an_error_of_the_model_is_not_passed_over(door: Door) -> None:
    """Only what is not at hand is looked for elsewhere; a failing model fails."""
    source = FirstOf(Extracted("failing", lambda: ZooSource(mock_card("failing"))), zoo("size"))
    with pytest.raises(ExtractionError):
        door.obtain(source, SPLIT)


def test_packs_take_weights_from_packs_and_compute_controls(door: Door) -> None:
    """The policy `packs` gives the same numbers whatever is installed."""
    pack = bundled_pack()
    assert pack is not None
    sources = Sources(cards(), policy="packs", packs=[pack])
    found = {model: door.obtain(sources[model], SPLIT).origin for model in ("so3lr", "size")}
    assert found == {"so3lr": "pack", "size": "computed"}


def test_installed_never_reads_a_pack(door: Door) -> None:
    """Whatever the packs hold, the policy `installed` does not look."""
    pack = bundled_pack()
    assert pack is not None
    sources = Sources(cards(), policy="installed", packs=[pack])
    assert not sources.held("so3lr", ["qm9"])
    assert isinstance(sources["so3lr"], Extracted)


def test_a_hosts_own_source_is_its_models_source() -> None:
    """A candidate is a source like any other."""
    own = EmbeddingFile("mine", Path("mine.npz"))
    assert Sources(cards(), own=own)["mine"] is own


def test_blocks_are_the_stores_keys(door: Door) -> None:
    """What a record keeps opens the store."""
    made = door.obtain(zoo("size"), load_split("qm9", samples=150))
    rows = [door.store.read_rows(key) for key in made.blocks]
    assert [len(block.ids) for block in rows if block] == [100, 50]
    assert isinstance(made, Embedding)
    assert np.array_equal(np.concatenate([b.vectors for b in rows if b]), made.vectors)
