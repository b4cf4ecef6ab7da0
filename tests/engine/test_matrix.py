"""The all-pairs engine: the plain metrics' numbers, in blocks, from any source, resumable."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

import pytest_matalign as pm
from pytest_matalign.engine import distances as engine_distances
from pytest_matalign.engine import spaces as engine_sources
from pytest_matalign.engine.matrix import IN_BLOCKS, alignment_matrix
from pytest_matalign.errors import ConfigurationError, MetricInputError
from pytest_matalign.metrics.preprocessing import preprocess

PLAIN = {
    "cknna": pm.cknna,
    "mutual_knn": pm.mutual_knn,
    "distance_correlation": lambda x, y, **s: pm.distance_correlation(
        x, y, bias_corrected=True, **s
    ),
    "distance_correlation_biased": pm.distance_correlation,
    "information_imbalance": lambda x, y, **s: pm.information_imbalance(x, y, **s)[0],
    "linear_cka": lambda x, y, **s: pm.linear_cka(x, y, unbiased=True, **s),
    "linear_cka_biased": pm.linear_cka,
    "procrustes": pm.procrustes,
}


def _models(n=230, *, offset=1.0):
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n, 5))
    return {
        f"m{width}": (
            latent @ rng.normal(size=(5, width)) + 0.4 * rng.normal(size=(n, width)) + offset
        ).astype(np.float32)
        for width in (9, 12, 30)
    }


def _same(a, b, **tolerance):
    for name in IN_BLOCKS:
        np.testing.assert_allclose(a.values[name], b.values[name], **tolerance, err_msg=name)


@pytest.fixture(scope="module")
def whole():
    return alignment_matrix(_models())


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_bit_is_the_same_on_however_many_threads(precision):
    """So that machines of a cluster may have different numbers of cores."""
    rng = np.random.default_rng(0)
    models = {f"m{d}": rng.normal(size=(600, d)).astype(np.float32) for d in (300, 270, 61)}
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            result = alignment_matrix(models, precision=precision)
            found.append({name: values.tobytes() for name, values in result.values.items()})
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("preprocess", ["center-l2", "none", "center", "l2", "max", "prh"])
@pytest.mark.parametrize("name", PLAIN)
def test_values_are_those_of_the_plain_metrics(name, preprocess):
    """Float32 blocks give the float64 numbers to 1e-4, whatever the preprocessing."""
    models = _models(offset=6.0 if preprocess == "max" else 1.0)
    result = alignment_matrix(models, metrics=[name], preprocess=preprocess)
    assert set(result.values) == {name}
    for a in models:
        for b in models:
            expected = PLAIN[name](models[a], models[b], preprocess=preprocess)
            assert result.pair(name, a, b) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_dimensions_are_those_of_the_plain_metric(whole):
    """TwoNN comes from the same lists, on the preprocessed features."""
    for model, value in zip(_models().values(), whole.values["intrinsic_dimension"], strict=True):
        expected = pm.intrinsic_dimension(preprocess(model, "center-l2"))
        assert value == pytest.approx(expected, rel=1e-4)


def test_a_large_offset_costs_no_precision():
    """Features a thousand times their spread from the origin: centred before float32 products."""
    near, far = (
        alignment_matrix({k: v.astype(np.float64) for k, v in _models(offset=offset).items()})
        for offset in (0.0, 1000.0)
    )
    for name in IN_BLOCKS:
        np.testing.assert_allclose(near.values[name], far.values[name], rtol=2e-3)


@pytest.mark.slow
def test_small_blocks_add_up_to_the_same(whole, monkeypatch):
    """Any block size gives the same numbers: nothing is lost at the seams."""
    monkeypatch.setattr(engine_sources, "READ_ROWS", 37)
    monkeypatch.setattr(engine_distances, "_CHUNK", 64)
    _same(alignment_matrix(_models(), memory=1), whole, rtol=1e-5)
    _same(alignment_matrix(_models(), memory=1, keep=False), whole, rtol=1e-5)


def test_sources_on_disk_and_tensors_are_as_good_as_arrays(whole, tmp_path):
    """Memory maps, safetensors slices and tensors stream through the same code."""
    models = _models()
    path = tmp_path / "models.safetensors"
    save_file(models, path)
    mapped = {}
    for name, rows in models.items():
        np.save(tmp_path / f"{name}.npy", rows)
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    with safe_open(path, framework="np") as stored:
        slices = {name: stored.get_slice(name) for name in models}
        _same(alignment_matrix(slices, keep=False), whole, rtol=1e-5)
    _same(alignment_matrix(mapped, keep=False), whole, rtol=1e-5)
    tensors = {name: torch.from_numpy(rows) for name, rows in models.items()}
    _same(alignment_matrix(tensors), whole, rtol=0)


class _InterruptedError(Exception):
    """Stands for a killed process."""


@pytest.mark.parametrize("stop_at", [("neighbours", 2), ("distances", 96), ("products", 1)])
def test_goes_on_where_it_was_killed(whole, tmp_path, monkeypatch, stop_at):
    """A run killed in any pass goes on from its last saved state to the same numbers."""
    monkeypatch.setattr("pytest_matalign.engine.run._SAVE_SECONDS", 0.0)
    seen = []

    def interrupt(stage, done, total):
        seen.append((stage, done))
        if stage == stop_at[0] and done >= stop_at[1]:
            raise _InterruptedError

    settings = {"memory": 32 * 4 * 3 * 230, "checkpoint": tmp_path / "run"}
    with pytest.raises(_InterruptedError):
        alignment_matrix(_models(), progress=interrupt, **settings)
    before = list(seen)
    seen.clear()
    again = alignment_matrix(_models(), progress=lambda *a: seen.append(a[:2]), **settings)
    _same(again, whole, rtol=1e-5)
    if stop_at[0] == "distances":
        resumed = next(done for stage, done in seen if stage == "distances")
        assert 0 < resumed <= before[-1][1]


def test_a_checkpoint_belongs_to_its_inputs(tmp_path):
    """Other settings or other embeddings never go on from a foreign state."""
    alignment_matrix(_models(), metrics=["mutual_knn"], checkpoint=tmp_path)
    for other in ({"k": {"mutual_knn": 5}}, {"preprocess": "l2"}):
        with pytest.raises(ConfigurationError, match="run over other embeddings or settings"):
            alignment_matrix(_models(), metrics=["mutual_knn"], checkpoint=tmp_path, **other)
    with pytest.raises(ConfigurationError, match="run over other embeddings"):
        alignment_matrix(
            _models(offset=2.0),
            metrics=["mutual_knn"],
            checkpoint=tmp_path,
            preprocess="center-l2",
            k={"mutual_knn": 11},
        )


def test_duplicates_share_their_places():
    """Copies of samples: full overlap with itself, mid-ranks, and TwoNN without them."""
    base = _models(60)["m9"]
    copied = np.vstack([base, base])
    result = alignment_matrix(
        {"x": copied, "y": copied + 0.3 * np.tile(_models(60)["m9"][::-1], (2, 1))},
        preprocess="none",
        k={"cknna": 5, "mutual_knn": 4},
    )
    x = copied.astype(np.float64)
    assert result.pair("mutual_knn", "x", "x") == pytest.approx(1.0)
    assert result.pair("information_imbalance", "x", "x") == pytest.approx(
        pm.information_imbalance(x, x, preprocess="none")[0], rel=1e-4
    )
    assert result.values["intrinsic_dimension"][0] == pytest.approx(
        pm.intrinsic_dimension(x), rel=1e-3
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ["cka"]}, "unknown metrics cka; choose from cknna"),
        ({"metrics": []}, r"unknown metrics \(none given\)"),
        ({"preprocess": "unit"}, "unknown preprocess 'unit'"),
        ({"k": {"cknna": 500}}, "k is 500, but 230 samples"),
        ({"preprocess": "max"}, r"row \d+ of m9 has no positive element"),
    ],
)
def test_settings_are_checked_first(change, message):
    """Wrong settings are refused before any pass."""
    models = {name: rows - 5 for name, rows in _models().items()}
    with pytest.raises(MetricInputError, match=message):
        alignment_matrix(models, **change)


def test_embeddings_are_checked_first():
    """Different lengths, non-finite values and collapsed models are refused by name."""
    models = _models()
    with pytest.raises(MetricInputError, match="m9: 100, m12: 230"):
        alignment_matrix(models | {"m9": models["m9"][:100]})
    broken = models["m9"].copy()
    broken[7, 3] = np.inf
    with pytest.raises(MetricInputError, match="m9 holds inf at row 7, column 3"):
        alignment_matrix(models | {"m9": broken})
    with pytest.raises(MetricInputError, match="every row of m9 is the same"):
        alignment_matrix(models | {"m9": np.ones((230, 4))})
    with pytest.raises(MetricInputError, match="an embedding has shape"):
        alignment_matrix({"m9": np.ones(230)})
    with pytest.raises(MetricInputError, match="too few for the engine"):
        alignment_matrix({"m9": np.eye(10)})


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_numbers(whole):
    """The same code on CUDA agrees to 1e-4."""
    _same(alignment_matrix(_models(), device="cuda"), whole, rtol=1e-4, atol=1e-6)
