"""ESM-IF1 through fair-esm, with small random weights in a file such as the released one.

The package lives in the isolated environment `esm-if`; elsewhere these tests are skipped.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from promises import check_worker, need
from pytest_matalign.errors import UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters import esm_if
from pytest_matalign.zoo.adapters.esm_if import load
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

need("torch_geometric", "biotite", "esm", "esm.inverse_folding", environment="esm-if")
import torch  # noqa: E402  where it is there

SETTINGS = {
    "arch": "vt_medium_with_invariant_gvp",
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "encoder_layers": 2,
    "encoder_embed_dim": 16,
    "encoder_ffn_embed_dim": 32,
    "encoder_attention_heads": 2,
    "decoder_layers": 1,
    "decoder_embed_dim": 16,
    "decoder_ffn_embed_dim": 32,
    "decoder_attention_heads": 2,
    "gvp_top_k_neighbors": 10,
    "gvp_node_hidden_dim_scalar": 16,
    "gvp_node_hidden_dim_vector": 8,
    "gvp_edge_hidden_dim_scalar": 8,
    "gvp_edge_hidden_dim_vector": 1,
    "gvp_num_encoder_layers": 1,
    "gvp_dropout": 0.1,
}


def _helix(residues: int, *, rise: float) -> np.ndarray:
    radii = np.array([1.5, 2.3, 1.7, 2.0])
    turns = np.radians(100.0 * np.arange(residues)[:, None] + [-28.0, 0.0, 27.0, 32.0])
    heights = rise * np.arange(residues)[:, None] + [-0.9, 0.0, 1.1, 2.2]
    points = np.stack([radii * np.cos(turns), radii * np.sin(turns), heights], axis=-1)
    return points.astype(np.float32)


CHAINS = [
    Sample(id="tight", backbone=_helix(30, rise=1.5)),
    Sample(id="loose", backbone=_helix(24, rise=2.6)),
]


def _card(path: Path) -> ModelCard:
    card = catalogue.card("esm-if1")
    return msgspec.structs.replace(card, weights=Weights(path=str(path)))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A file of tensors and settings, as fair-esm's own."""
    esm_if._package("esm-if1")
    import esm
    from esm.inverse_folding.gvp_transformer import GVPTransformerModel

    torch.manual_seed(0)
    settings = argparse.Namespace(**SETTINGS)
    alphabet = esm.Alphabet.from_architecture(settings.arch)
    network = GVPTransformerModel(settings, alphabet)
    path = tmp_path / "small.pt"
    torch.save({"args": settings, "model": network.state_dict()}, path)
    return path


def test_it_is_the_mean_of_the_encoder_over_residues(checkpoint: Path) -> None:
    """As the package's own function takes it; the same again, and in any batch."""
    from esm.inverse_folding.util import get_encoder_output
    from esm.pretrained import load_model_and_alphabet_core

    model = load(_card(checkpoint))
    found = model.embed(CHAINS)
    assert found.shape == (2, 16)
    check_worker(_card(checkpoint), model, CHAINS)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(model.embed(CHAINS), found)
    np.testing.assert_array_equal(model.embed(CHAINS[::-1])[::-1], found)
    with torch.serialization.safe_globals([argparse.Namespace]):
        stored = torch.load(checkpoint, weights_only=True)
    with quiet():
        network, alphabet = load_model_and_alphabet_core(esm_if.NAME, stored, None)
    network.eval()
    for sample, row in zip(CHAINS, found, strict=True):
        assert sample.backbone is not None
        with torch.no_grad():
            centre = sample.backbone[:, 1].mean(0, dtype=np.float64)
            centred = (sample.backbone[:, :3] - centre).astype(np.float32)
            residues = get_encoder_output(network, alphabet, centred)
        assert residues.shape == (len(sample.backbone), 16)
        np.testing.assert_allclose(row, residues.mean(0).numpy(), atol=1e-5)


def test_turning_and_moving_a_chain_changes_nothing(checkpoint: Path) -> None:
    """The features are taken in frames of the residues, once the chain is centred."""
    from scipy.spatial.transform import Rotation

    model = load(_card(checkpoint))
    turn = Rotation.from_euler("xyz", [0.3, 1.1, -0.4]).as_matrix()
    turned = [
        Sample(id=one.id, backbone=(one.backbone @ turn.T + 5).astype(np.float32)) for one in CHAINS
    ]
    np.testing.assert_allclose(model.embed(turned), model.embed(CHAINS), atol=1e-3)


def test_lost_positions_are_refused(checkpoint: Path) -> None:
    """With how many there are."""
    backbone = _helix(8, rise=1.5)
    backbone[3, 1] = np.nan
    model = load(_card(checkpoint))
    assert model.refuse(Sample(id="lost", backbone=backbone)) == (
        "has 1 residues without N, CA and C positions"
    )
    assert model.refuse(CHAINS[0]) is None


def test_a_file_that_could_run_code_is_not_read(tmp_path: Path) -> None:
    """Nothing but tensors, containers and the settings' class is made."""

    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return (open, (str(tmp_path / "harm"), "w"))

    torch.save({"args": Harm(), "model": {}}, tmp_path / "harmful.pt")
    with pytest.raises(UnavailableError, match="more than tensors and settings"):
        load(_card(tmp_path / "harmful.pt"))
    assert not (tmp_path / "harm").exists()
