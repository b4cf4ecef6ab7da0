"""ESM C and ESM3 through EvolutionaryScale's package, with small random weights from a hub cache.

The package lives in the isolated environment `esm`; elsewhere these tests are skipped.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from promises import need
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters.esm import load
from small_checkpoints import lay_down, pinned_card

if TYPE_CHECKING:
    from pathlib import Path

need("torch", "esm", "httpx", environment="esm")
import torch  # noqa: E402  where it is there

SEQUENCES = ("MKTAYIAK", "GIGAVLKVLTTGLPALISWIK")
PROTEINS = [Sample(id=text, sequence=text) for text in SEQUENCES]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache and pins file; nothing is fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("MATALIGN_PINS", str(tmp_path / "pins.json"))
    return tmp_path / "hub"


def _save(network: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)


def _serve(model_id: str, cache: Path, folder: Path) -> None:
    weights = catalogue.card(model_id).weights
    assert weights is not None
    assert weights.repo is not None
    lay_down(folder, repo=weights.repo, cache=cache)


@pytest.fixture
def esm_c(tmp_path: Path) -> object:
    """An ESM C of two layers."""
    from esm.models.esmc import ESMC
    from esm.tokenization import get_esmc_model_tokenizers

    torch.manual_seed(0)
    network = ESMC(128, 2, 2, get_esmc_model_tokenizers(), use_flash_attn=False).eval()
    for name in ("esmc_300m_2024_12_v0.pth", "esmc_600m_2024_12_v0.pth"):
        _save(network, tmp_path / "esm-c" / "data" / "weights" / name)
    return network


@pytest.fixture
def esm3(cache: Path, tmp_path: Path) -> object:
    """An ESM3 of two layers, its structure encoder, and a decoder that is not wanted."""
    from esm.models.esm3 import ESM3
    from esm.models.vqvae import StructureTokenEncoder
    from esm.tokenization import EsmSequenceTokenizer

    torch.manual_seed(0)
    none = {f"{part}_fn": None for part in ("structure_encoder", "structure_decoder")}
    network = ESM3(
        d_model=128,
        n_heads=2,
        v_heads=8,
        n_layers=2,
        function_decoder_fn=None,
        tokenizers=SimpleNamespace(sequence=EsmSequenceTokenizer()),
        **none,
    ).eval()
    encoder = StructureTokenEncoder(
        d_model=32, n_heads=1, v_heads=4, n_layers=2, d_out=8, n_codes=4096
    )
    folder = tmp_path / "esm3"
    place = folder / "data" / "weights"
    _save(network, place / "esm3_sm_open_v1.pth")
    _save(encoder, place / "esm3_structure_encoder_v0.pth")
    _save(encoder, place / "esm3_structure_decoder_v0.pth")
    _serve("esm3-open-sequence", cache, folder)
    return network


def _checked(model: object, samples: list[Sample]) -> np.ndarray:
    """Embeddings after the promises every adapter makes: the same again, and in any batch."""
    found = model.embed(samples)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(model.embed(samples), found)
    alone = np.concatenate([model.embed([sample]) for sample in samples])
    np.testing.assert_array_equal(found, alone)
    assert len({row.tobytes() for row in found}) == len(samples)
    return found


@pytest.mark.parametrize("model_id", ["esm-c-300m", "esm-c-600m"])
def test_esm_c_is_what_the_package_calls_embeddings(
    esm_c: object, cache: Path, tmp_path: Path, model_id: str
) -> None:
    """The mean over residues of what the package's own client returns."""
    from esm.sdk.api import ESMProtein, LogitsConfig

    _serve(model_id, cache, tmp_path / "esm-c")
    model = load(pinned_card(model_id))
    found = _checked(model, PROTEINS)
    for sample, row in zip(PROTEINS, found, strict=True):
        tokens = esm_c.encode(ESMProtein(sequence=sample.sequence))
        output = esm_c.logits(tokens, LogitsConfig(sequence=True, return_embeddings=True))
        assert output.embeddings.shape == (1, len(sample.sequence or "") + 2, 128)
        expected = output.embeddings[0, 1:-1].mean(0).numpy()
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_unknown_letters_are_refused(esm_c: object, cache: Path, tmp_path: Path) -> None:
    """The vocabulary has 25 residues; J is none of them."""
    assert esm_c is not None
    _serve("esm-c-300m", cache, tmp_path / "esm-c")
    model = load(pinned_card("esm-c-300m"))
    odd = Sample(id="odd", sequence="AJA")
    assert model.refuse(odd) == "has residues beyond the vocabulary: J"
    assert model.refuse(PROTEINS[0]) is None


def test_esm3_reads_sequences(esm3: object) -> None:
    """As the package does with everything but the sequence masked."""
    found = _checked(load(pinned_card("esm3-open-sequence")), PROTEINS)
    tokens = torch.tensor([esm3.tokenizers.sequence.encode(SEQUENCES[0])])
    with torch.no_grad():
        expected = esm3(sequence_tokens=tokens).embeddings[0, 1:-1].mean(0).numpy()
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def _helix(residues: int, *, rise: float) -> np.ndarray:
    radii = np.array([1.5, 2.3, 1.7, 2.0])
    turns = np.radians(100.0 * np.arange(residues)[:, None] + [-28.0, 0.0, 27.0, 32.0])
    heights = rise * np.arange(residues)[:, None] + [-0.9, 0.0, 1.1, 2.2]
    points = np.stack([radii * np.cos(turns), radii * np.sin(turns), heights], axis=-1)
    return points.astype(np.float32)


def test_esm3_reads_structures(esm3: object) -> None:
    """Two folds differ; rotating and moving one changes nothing but rounding."""
    from scipy.spatial.transform import Rotation

    assert esm3 is not None
    chains = [Sample(id=str(rise), backbone=_helix(30, rise=rise)) for rise in (1.5, 2.6)]
    model = load(pinned_card("esm3-open-structure"))
    found = _checked(model, chains)
    turn = Rotation.from_euler("xyz", [0.3, 1.1, -0.4]).as_matrix()
    turned = [
        Sample(id=one.id, backbone=(one.backbone @ turn.T + 5).astype(np.float32)) for one in chains
    ]
    difference = np.abs(model.embed(turned) - found).max()
    assert difference < 0.02 * np.abs(found[0] - found[1]).max()


def test_a_structure_shows_the_sequence_to_nobody(esm3: object) -> None:
    """A sample with both is read by its backbone alone."""
    assert esm3 is not None
    backbone = _helix(8, rise=1.5)
    model = load(pinned_card("esm3-open-structure"))
    bare = model.embed([Sample(id="bare", backbone=backbone)])
    both = model.embed([Sample(id="both", backbone=backbone, sequence=SEQUENCES[0])])
    np.testing.assert_array_equal(bare, both)


def test_lost_positions_are_refused(esm3: object) -> None:
    """A residue without its frame has no structure token."""
    assert esm3 is not None
    backbone = _helix(8, rise=1.5)
    backbone[3, 1] = np.nan
    model = load(pinned_card("esm3-open-structure"))
    assert model.refuse(Sample(id="lost", backbone=backbone)) == (
        "has 1 residues without N, CA and C positions"
    )


def test_a_wrong_track_is_named(esm3: object) -> None:
    """With the valid ones."""
    assert esm3 is not None
    with pytest.raises(ConfigurationError, match="no track 'function'; valid: sequence, structure"):
        load(pinned_card("esm3-open-sequence", track="function"))


def test_without_pin_or_weights_it_is_unavailable(cache: Path) -> None:
    """Before anything is built."""
    assert not cache.exists()
    with pytest.raises(UnavailableError, match="run `matalign zoo pin esm-c-300m`"):
        load(catalogue.card("esm-c-300m"))
    with pytest.raises(UnavailableError, match="HF_HUB_OFFLINE forbids"):
        load(pinned_card("esm-c-300m"))
