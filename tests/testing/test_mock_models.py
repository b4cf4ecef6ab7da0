"""Mock models do what their names say, over real geometry."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pytest_matalign import cknna, load_split
from pytest_matalign.embeddings.extraction import extract
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ConfigurationError, ExtractionError
from pytest_matalign.testing import mock_card, mock_model
from pytest_matalign.testing.mocks import load
from pytest_matalign.zoo.adapter import adapter_version

SAMPLES = load_split("qm9", samples=120).samples


def _alignment(one: np.ndarray, other: np.ndarray) -> float:
    return float(cknna(one, other, k=10))


def test_good_models_agree_and_the_different_one_does_not() -> None:
    """The good ones see one geometry through unlike maps; chance is near zero."""
    first, second = (mock_model("good", seed=seed).embed(SAMPLES) for seed in (1, 2))
    different = mock_model("different", seed=3).embed(SAMPLES)
    assert np.abs(first - second).max() > 0.1
    assert _alignment(first, second) > 0.5
    assert abs(_alignment(first, different)) < 0.15


def test_a_model_is_the_same_in_every_process() -> None:
    """Its map is drawn with the seed on its card, and with nothing else."""
    again = load(mock_card("good", seed=1)).embed(SAMPLES[:3])
    np.testing.assert_array_equal(again, mock_model("good", seed=1).embed(SAMPLES[:3]))
    assert again.shape == (3, 64)
    assert mock_model("good", width=5).embed(SAMPLES[:3]).shape == (3, 5)


def test_the_slow_model_is_slow_and_otherwise_good() -> None:
    """Twentieths of a second a sample, for tests of timeouts and progress."""
    start = time.perf_counter()
    rows = mock_model("slow").embed(SAMPLES[:4])
    assert time.perf_counter() - start > 0.19
    np.testing.assert_array_equal(rows, mock_model("good").embed(SAMPLES[:4]))


def test_the_failing_and_the_nan_model_spoil_the_same_samples() -> None:
    """About one in five; the others are embedded as the good model does."""
    good, bad = (mock_model(kind).embed(SAMPLES) for kind in ("good", "nan"))
    spoilt = np.isnan(bad).any(axis=1)
    assert 0.1 < spoilt.mean() < 0.4
    np.testing.assert_array_equal(bad[~spoilt], good[~spoilt])
    fine = [one for one, wrong in zip(SAMPLES, spoilt, strict=True) if not wrong]
    np.testing.assert_array_equal(mock_model("failing").embed(fine), good[~spoilt])
    with pytest.raises(RuntimeError, match="mock failure on"):
        mock_model("failing").embed(SAMPLES)


def test_a_mock_card_runs_through_extraction_and_store(tmp_path) -> None:
    """It is a card like any other."""
    card = mock_card("good", seed=4)
    assert adapter_version(card) == 1
    store = Store(tmp_path)
    for origin in ("computed", "store"):
        found = extract(
            ZooSource(card), SAMPLES[:20], split="qm9", store=store, progress=lambda **_: None
        )
        assert found.origin == origin
        np.testing.assert_array_equal(found.vectors, mock_model("good", seed=4).embed(SAMPLES[:20]))


def test_extraction_names_a_failing_mock(tmp_path) -> None:
    """What the package does with a model that raises."""
    with pytest.raises(ExtractionError, match=r"'mock-failing-0' failed .*RuntimeError: mock"):
        extract(
            ZooSource(mock_card("failing")),
            SAMPLES,
            split="qm9",
            store=Store(tmp_path),
            progress=lambda **_: None,
        )


def test_an_unknown_behaviour_is_named() -> None:
    """With those there are."""
    with pytest.raises(ConfigurationError, match=r"one of good, different, slow, failing, nan, no"):
        load(mock_card("bad"))


def test_a_sample_in_no_form_the_model_reads_is_named() -> None:
    """A mock model asked past its card says so."""
    with pytest.raises(ConfigurationError, match=r"offers no sequence"):
        load(mock_card("good", inputs=("sequence",))).embed(SAMPLES[:1])
