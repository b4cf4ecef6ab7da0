"""What a value owes to its samples through the preparation: derivatives against finite steps."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_matalign.analysis.partial import CrossFit
from pytest_matalign.analysis.shared import JUDGED, residual, shared
from pytest_matalign.engine.prepare import prepare_parts
from pytest_matalign.engine.slopes import slopes
from pytest_matalign.engine.spaces import Space
from pytest_matalign.metrics.arrays import squared_distances
from pytest_matalign.metrics.spec import metric_spec

N = 80
SPECS = tuple(metric_spec(name, k=10 if name == "cknna" else None) for name in JUDGED)


def views(rng, n=N):
    """Covariates and two models that see them and a latent of their own."""
    seen = rng.normal(size=(n, 7))
    return seen[:, :3], [seen @ rng.normal(size=(7, 9)) + rng.normal(size=(n, 9)) for _ in range(2)]


@pytest.mark.parametrize("spec", [*SPECS[1:], metric_spec("linear_cka")], ids=lambda s: s.name)
def test_slopes_are_the_change_of_the_metric_when_rows_move(spec):
    """A small step of all rows, in any direction, changes a smooth metric as its slope says."""
    rng = np.random.default_rng(0)
    _, (x, y) = views(rng)
    as_is = metric_spec(spec.name, k=spec.k, preprocess="none")
    parts = [prepare_parts(Space(v, name="x", how="none"), [as_is])[as_is] for v in (x, y)]
    found = slopes(*parts, parts[0].compare(parts[1]).value)
    for side in range(2):
        step = 1e-5 * rng.normal(size=x.shape)
        moved = [[x, y], [x, y]]
        moved[0][side], moved[1][side] = moved[0][side] + step, moved[1][side] - step
        change = (as_is.define(*moved[0])[0] - as_is.define(*moved[1])[0]) / 2
        assert float((found[side] * step).sum()) == pytest.approx(change, rel=1e-3)


def test_slopes_of_neighbours_follow_who_enters_a_neighbourhood():
    """CKNNA is not smooth: over many larger steps its changes go with what the slope says."""
    spec = metric_spec("cknna", k=25, preprocess="none")
    rng = np.random.default_rng(1)
    _, (x, y) = views(rng, n=200)
    parts = [prepare_parts(Space(v, name="x", how="none"), [spec])[spec] for v in (x, y)]
    slope, _ = slopes(*parts, parts[0].compare(parts[1]).value)
    said, seen = [], []
    for _ in range(60):
        # Smooth movements of the whole space, as those of means and regressions are.
        step = 0.02 * x @ rng.normal(size=(9, 9))
        said.append(float((slope * step).sum()))
        seen.append((spec.define(x + step, y)[0] - spec.define(x - step, y)[0]) / 2)
    assert np.corrcoef(said, seen)[0, 1] > 0.95
    assert np.polyfit(said, seen, 1)[0] == pytest.approx(1, abs=0.15)


def weighted_value(w, covariates, spaces, fits_of):
    """Unbiased distance correlation of residuals, all preparation made with weights (n,).

    Worked out from textbook formulas: weighted means, weighted kernel ridge regression with an
    intercept (solved as one linear system), the penalties of the unweighted fit.
    """
    left = []
    for x, fits in zip(spaces, fits_of, strict=True):
        mean = w @ x / w.sum()
        unit = (x - mean) / np.sqrt(w @ (x - mean) ** 2 / w.sum())
        unit /= np.linalg.norm(unit, axis=1, keepdims=True)
        rows = unit.copy()
        for fit in fits:
            train, test, m = fit.part.train, fit.part.test, len(fit.part.train)
            kernel = covariates[np.ix_(train, train)]
            # min over f, b of sum w (y - f - b)^2 + penalty |f|^2, f centred over training rows.
            centre = np.eye(m) - 1 / m
            system = np.zeros((m + 1, m + 1))
            system[:m, :m] = centre @ kernel @ centre + fit.penalty * np.diag(1 / w[train])
            system[:m, m], system[m, :m] = 1, 1
            solved = np.linalg.solve(system, np.vstack([unit[train], np.zeros((1, 9))]))
            cross = covariates[np.ix_(test, train)] - kernel.mean(axis=0)
            rows[test] -= cross @ centre @ solved[:m] + solved[m]
        rows -= w @ rows / w.sum()
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        left.append(np.sqrt(squared_distances(rows)))
    n = len(w)
    centred = []
    for d in left:
        sums = d.sum(axis=0)
        u = d - sums / (n - 2) - sums[:, None] / (n - 2) + sums.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(u, 0)
        centred.append(u / np.linalg.norm(u))
    return float((centred[0] * centred[1]).sum())


def test_what_is_owed_is_the_derivative_by_weights_of_the_whole_preparation():
    """Means, deviations, regression and second centring, of both spaces, at once."""
    rng = np.random.default_rng(2)
    covariates, spaces = views(rng)
    crossfit, spec = CrossFit(covariates), SPECS[1]
    left = [residual(x, crossfit, SPECS) for x in spaces]
    comparison = left[0].parts[spec].compare(left[1].parts[spec])
    by_own, by_other = slopes(left[0].parts[spec], left[1].parts[spec], comparison.value)
    owed = left[0].chain.owed(by_own)[0] + left[1].chain.owed(by_other)[0]
    fits_of = [model.chain.fits for model in left]
    kernel = crossfit._kernel
    assert weighted_value(np.ones(N), kernel, spaces, fits_of) == pytest.approx(comparison.value)
    seen = []
    for i in range(N):
        step = 1e-4 * (np.arange(N) == i)
        high, low = (
            weighted_value(np.ones(N) + s * step, kernel, spaces, fits_of) for s in (1, -1)
        )
        seen.append((high - low) / 2e-4)
    assert owed == pytest.approx(np.array(seen) - np.mean(seen), abs=1e-4 * np.abs(owed).max())


def test_error_on_clusters_is_that_seen_over_draws():
    """Where few groups of samples decide all means and fits, the error is not too narrow.

    Over 60 draws of 8 clusters; without what the preparation owes it is .6 of the deviation seen.
    """
    rng = np.random.default_rng(3)
    centres = 3 * rng.normal(size=(8, 10))
    turns = [rng.normal(size=(10, 12)) for _ in range(2)]
    values, errors = [], []
    for _ in range(60):
        seen = rng.normal(size=(100, 10)) + centres[rng.integers(8, size=100)]
        crossfit = CrossFit(seen[:, :4])
        left = [residual(seen @ t + 2 * rng.normal(size=(100, 12)), crossfit, SPECS) for t in turns]
        found = [shared(left[0], left[1:], np.ones(1), spec) for spec in SPECS]
        values.append([one.value for one in found])
        errors.append([one.error for one in found])
    ratio = np.sqrt(np.mean(np.square(errors), axis=0)) / np.std(values, axis=0, ddof=1)
    assert (ratio > 0.85).all()
    assert (ratio < 1.5).all()
