"""Features of single atoms and of layers are what the pooled embedding is the mean of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pytest_matalign import load_split
from pytest_matalign.environments.loading import load, unavailable
from pytest_matalign.zoo.catalogue import card
from pytest_matalign.zoo.model import AtomModel, LayerModel

pytestmark = pytest.mark.slow

LAYERED = {"chgnet-0.3.0": 4, "chgnet-untrained": 4, "sevennet-0": 5, "diep-fold1": 3}


def _loaded(model):
    reason = unavailable(card(model))
    if reason:
        pytest.skip(reason)
    return load(card(model))


@pytest.mark.parametrize("model", [*LAYERED, "ani-1x", "so3lr"])
def test_mean_of_atom_features_is_the_embedding(model):
    """One row an atom, in their order, and pooling them gives what `embed` gives."""
    loaded = _loaded(model)
    assert isinstance(loaded, AtomModel)
    samples = load_split("qm9" if model in {"ani-1x", "so3lr"} else "mp-crystals").samples[:3]
    atoms = loaded.embed_atoms(samples)
    assert [len(one) for one in atoms] == [len(sample.atoms) for sample in samples]
    pooled = np.stack([one.astype(np.float64).mean(axis=0) for one in atoms])
    assert pooled == pytest.approx(loaded.embed(samples), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("model", "layers"), LAYERED.items())
def test_layers_end_with_the_one_that_is_pooled(model, layers):
    """As many layers as the network has, each of every atom, all different."""
    loaded = _loaded(model)
    assert isinstance(loaded, LayerModel)
    samples = load_split("mp-crystals").samples[:2]
    found = loaded.embed_layers(samples)
    assert len(found) == layers
    last = list(found.values())[-1]
    for one, other in zip(last, loaded.embed_atoms(samples), strict=True):
        assert np.array_equal(one, other)
    first = [features[0] for features in found.values()]
    assert all(len(one) == len(samples[0].atoms) for one in first)
    assert all(not np.allclose(a, b) for a, b in pairwise(first))
