"""A pack answers for the samples it was made from, and for nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from packing import SPLIT, embedded, packed, stored
from pytest_matalign import load_split, metric_spec
from pytest_matalign.embeddings.pack import Pack, add_entry
from pytest_matalign.embeddings.pack_build import add_all, licence_problem
from pytest_matalign.embeddings.pack_format import decode
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.catalogue import card


def test_float32_comes_back_bit_for_bit(tmp_path: Path) -> None:
    """What a baseline is kept in: equal embeddings must differ by exactly nothing."""
    one = stored(encoding="float32")
    add_entry(tmp_path, one.entry, one.tensors, title="t")
    found = Pack(tmp_path).embedding("composition", SPLIT)
    assert found.vectors.tobytes() == embedded().vectors.tobytes()
    assert found.digest == embedded().digest


def test_float16_keeps_features_with_a_large_common_offset() -> None:
    """Plain float16 would keep the offset and lose what tells samples apart."""
    rng = np.random.default_rng(0)
    rows = (1000 + 1e-3 * rng.normal(size=(30, 8))).astype(np.float32)
    one = stored(vectors=rows)
    assert np.abs(one.decoded - rows).max() < 2e-4  # one unit of float32 at 1000 is 6e-5
    assert np.abs(rows.astype(np.float16).astype(np.float32) - rows).max() > 4e-4


def test_float16_survives_features_beyond_its_range() -> None:
    """Values are scaled by a power of two, so neither 1e20 nor 1e-20 is lost."""
    rng = np.random.default_rng(0)
    for size in (1e20, 1e-20):
        rows = (size * rng.normal(size=(30, 4))).astype(np.float32)
        assert np.abs(stored(vectors=rows).decoded - rows).max() < 2e-3 * size


def test_wide_features_of_low_rank_are_stored_by_their_axes() -> None:
    """Far fewer bytes, and the rows come back in the model's own coordinates."""
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(30, 3)) @ rng.normal(size=(3, 600)) + 5).astype(np.float32)
    one = stored(vectors=rows)
    assert one.entry.rank == 3
    assert one.tensors["vectors"].shape == (30, 3)
    assert one.decoded.shape == rows.shape
    assert np.abs(one.decoded - rows).max() < 1e-2


def test_a_smaller_run_uses_a_prefix(tmp_path: Path) -> None:
    """Splits have a fixed order, so `--matalign-samples 20` needs no other pack."""
    pack = Pack(packed(tmp_path, drop=3))
    small = load_split("qm9", samples=20)
    found = pack.embedding("composition", small)
    assert found.ids == small.ids[3:]
    assert set(found.refused) == set(small.ids[:3])
    assert found.vectors.shape[0] == 17
    assert found.origin == "pack"


def test_a_larger_run_is_told_what_the_pack_holds(tmp_path: Path) -> None:
    """Unavailable, with the number that would work."""
    with pytest.raises(
        UnavailableError, match=r"holds 30 of the 40 samples .*--matalign-samples 30"
    ):
        Pack(packed(tmp_path)).embedding("composition", load_split("qm9", samples=40))


def test_other_samples_are_not_answered_for(tmp_path: Path) -> None:
    """The same ids with other positions are other samples."""
    moved = load_split("qm9@rattle=0.2", samples=30)
    own = msgspec.structs.replace(moved.card, id="qm9")
    with pytest.raises(UnavailableError, match="made from other samples"):
        Pack(packed(tmp_path)).embedding("composition", type(moved)(own, moved.samples))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weights": "f" * 64}, "was made with weights .*, its card now describes f"),
        ({"adapter_version": 99}, "by version 1 of its adapter, this package has 99"),
    ],
)
def test_a_pack_that_has_gone_stale_says_so(
    tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    """New weights or a new adapter version need a new entry."""
    with pytest.raises(UnavailableError, match=message):
        Pack(packed(tmp_path)).embedding("composition", SPLIT, **changed)  # type: ignore[arg-type]  # one of two


def test_updating_one_model_leaves_the_others_files_alone(tmp_path: Path) -> None:
    """One file a model and split, one line of the table each."""
    packed(tmp_path, "composition", "size")
    other = tmp_path / "qm9" / "size.safetensors"
    before = other.read_bytes(), other.stat().st_mtime_ns
    packed(tmp_path, "composition", drop=1)
    assert (other.read_bytes(), other.stat().st_mtime_ns) == before
    assert len(Pack(tmp_path).contents.entries) == 2


def test_the_loss_is_measured_on_the_metrics(tmp_path: Path) -> None:
    """Against every other model of the pack, by every metric asked for."""
    specs = [metric_spec("cknna", k=5), metric_spec("distance_correlation")]
    found = [stored("composition"), stored("size"), stored("random")]
    losses = add_all(tmp_path, found, title="t", specs=specs)
    assert set(losses) == {"composition", "size", "random"}
    for loss in losses.values():
        assert set(loss.metrics) == {"cknna", "distance_correlation"}
        assert all(change < 1e-3 for change in loss.metrics.values())
    entry, tensors = Pack(tmp_path).entry("qm9", "random")
    assert entry.loss == losses["random"]
    assert 0 < losses["random"].values < 1e-2
    assert decode(entry, tensors).shape == (30, 128)


def test_weights_that_may_not_be_passed_on_are_left_out() -> None:
    """A licence that forbids commercial use, or none at all."""
    model = card("chgnet-0.3.0")
    assert licence_problem(model) is None
    forbidden = msgspec.structs.replace(model, licence_weights="CC BY-NC 4.0")
    assert "CC BY-NC" in (licence_problem(forbidden) or "")
    for missing in (None, "not stated"):
        unknown = msgspec.structs.replace(model, licence_weights=missing)
        assert "no licence" in (licence_problem(unknown) or "")


def test_a_name_that_cannot_be_a_file_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    """The id of a model becomes part of a path."""
    one = stored()
    evil = msgspec.structs.replace(
        one.entry, card=msgspec.structs.replace(one.entry.card, id="../evil")
    )
    with pytest.raises(ConfigurationError, match="cannot be an entry of a pack"):
        add_entry(tmp_path / "pack", evil, one.tensors, title="t")
    assert not list(tmp_path.rglob("*.safetensors"))
