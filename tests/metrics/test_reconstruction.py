"""Reconstruction errors: scikit-matter's, both ways round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pytest_matalign.errors import MetricInputError
from pytest_matalign.metrics.reconstruction import (
    CUTOFFS,
    global_errors,
    halves,
    local_errors,
    local_reconstruction_error,
    reconstruction_error,
)
from pytest_matalign.metrics.spec import metric_spec
from pytest_matalign.statistics.assess import assess, prepare

Rows = np.ndarray
ERRORS: list[Callable[[Rows, Rows], Rows]] = [
    global_errors,
    lambda x, y: local_errors(x, y, k=12),
]


def pair(n: int, d: int, e: int) -> tuple[Rows, Rows]:
    """y is a bent function of x, and noise."""
    rng = np.random.default_rng(n + d + e)
    x = rng.normal(size=(n, d))
    return x, np.tanh(x @ rng.normal(size=(d, e)) * 0.3) + 0.1 * rng.normal(size=(n, e))


@pytest.mark.parametrize("shape", [(60, 5, 8), (61, 20, 6), (80, 50, 50)])
@pytest.mark.parametrize("local", [False, True])
def test_every_sample_has_the_error_that_scikit_matter_gives_it(
    shape: tuple[int, int, int], *, local: bool
) -> None:
    """With its defaults, but halves and folds that are not drawn at random."""
    skmatter = pytest.importorskip("skmatter.metrics")
    from skmatter.linear_model import Ridge2FoldCV

    x, y = pair(*shape)
    expected = np.empty(len(x))
    for fitted, judged in halves(len(x)):
        model = Ridge2FoldCV(
            alphas=CUTOFFS,
            alpha_type="relative",
            regularization_method="cutoff",
            shuffle=False,
            scoring="neg_root_mean_squared_error",
            n_jobs=1,
        )
        given = {"train_idx": fitted, "test_idx": judged, "estimator": model}
        expected[judged] = (
            skmatter.pointwise_local_reconstruction_error(x, y, 12, **given)
            if local
            else skmatter.pointwise_global_reconstruction_error(x, y, **given)
        )
    np.testing.assert_allclose(ERRORS[local](x, y), expected, rtol=1e-9)


@pytest.mark.parametrize("error", [reconstruction_error, local_reconstruction_error])
def test_a_part_follows_from_the_whole_and_not_the_whole_from_the_part(
    error: Callable[..., tuple[float, float]],
) -> None:
    """Which of two embeddings contains the other is read off the two directions."""
    whole = np.random.default_rng(0).normal(size=(200, 6))
    down, up = error(whole, whole[:, :3], preprocess="none")
    assert down < 1e-6
    assert up > 0.5


def test_rotation_shift_and_common_scale_do_not_matter() -> None:
    """As for the linear maps it asks for."""
    x, y = pair(100, 8, 5)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    expected = reconstruction_error(x, y, preprocess="none")
    found = reconstruction_error(7 * x @ turn + 3, y, preprocess="none")
    assert found == pytest.approx(expected, rel=1e-6)


def test_unrelated_embeddings_say_no_more_than_the_mean() -> None:
    """About 1, and within the permutation null; related ones are far below it."""
    rng = np.random.default_rng(2)
    x, y = pair(200, 4, 4)
    spec = metric_spec("reconstruction_error", preprocess="none")
    mine, related, other = (
        prepare(rows, specs=[spec]) for rows in (x, y, rng.normal(size=(200, 4)))
    )
    close, far = assess(mine, related, spec), assess(mine, other, spec)
    assert close.directions == pytest.approx(reconstruction_error(x, y, preprocess="none"))
    assert close.low < close.value < close.high < far.low
    assert close.p_value < 1e-4
    assert far.value == pytest.approx(1.0, abs=0.1)
    assert far.p_value > 0.01


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda x: reconstruction_error(x[:6], x[:6]), "8"),
        (lambda x: local_reconstruction_error(x, x, k=21), "k must be from 4 to 20"),
        (lambda x: reconstruction_error(np.where(np.arange(40)[:, None] % 2, x, 0), x,
                                        preprocess="none"), "every second row"),
    ],
)  # fmt: skip
def test_what_cannot_be_reconstructed_is_told(call: Callable[[Rows], object], told: str) -> None:
    """One sentence."""
    with pytest.raises(MetricInputError, match=told):
        call(np.random.default_rng(3).normal(size=(40, 3)))
