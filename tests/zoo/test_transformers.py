"""Transformers checkpoints by way of a real hub cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapters.transformers import load, load_checkpoint
from pytest_matalign.zoo.card import Weights

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.zoo

SHA = "0123456789abcdef0123456789abcdef01234567"
SAMPLES = [Sample(id=text, sequence=text) for text in ("MKTAYIAK", "GIGAVLKVLTTGLPALISWIK", "ACDX")]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT with random weights and a real vocabulary of residues, saved as a team would."""
    import torch

    folder = tmp_path_factory.mktemp("checkpoint")
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"ACDEFGHIKLMNPQRSTVWY"]
    (folder / "vocab.txt").write_text("\n".join(tokens))
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"), do_lower_case=False)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(tokens),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    transformers.BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache; nothing is fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def _fill(cache: Path, checkpoint: Path, *, without: str = "nothing") -> Path:
    """Lay the checkpoint down as the hub client would: refs, blobs, and links between."""
    repo = cache / "models--team--tiny"
    for part in ("refs", "blobs", f"snapshots/{SHA}"):
        (repo / part).mkdir(parents=True)
    (repo / "refs" / "main").write_text(SHA)
    for file in checkpoint.iterdir():
        if file.name == without:
            continue
        blob = repo / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        (repo / "snapshots" / SHA / file.name).symlink_to(blob)
    return repo / "snapshots" / SHA


def test_a_cached_checkpoint_is_loaded_without_the_network(cache: Path, checkpoint: Path) -> None:
    """The embedding is the mean over residues of the last hidden state, [CLS] and [SEP] apart."""
    import torch

    _fill(cache, checkpoint)
    model = load_checkpoint("team/tiny", revision=SHA, input="sequence")
    found = model.embed(SAMPLES)
    network = transformers.BertModel.from_pretrained(checkpoint).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoint)
    for sample, row in zip(SAMPLES, found, strict=True):
        ids = tokenizer(" ".join(sample.sequence or ""), return_tensors="pt")["input_ids"]
        with torch.no_grad():
            expected = network(input_ids=ids).last_hidden_state[0, 1:-1].mean(0).numpy()
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_padding_does_not_change_an_embedding(cache: Path, checkpoint: Path) -> None:
    """A short text beside a long one embeds as it does alone."""
    _fill(cache, checkpoint)
    model = load_checkpoint("team/tiny", revision=SHA, input="sequence")
    single = np.concatenate([model.embed([sample]) for sample in SAMPLES])
    np.testing.assert_allclose(model.embed(SAMPLES), single, atol=1e-5)


def test_a_text_longer_than_the_model_reads_is_refused(cache: Path, checkpoint: Path) -> None:
    """38 residues and two special tokens fill the 40 positions."""
    _fill(cache, checkpoint)
    model = load_checkpoint("team/tiny", revision=SHA, input="sequence")
    assert model.refuse(Sample(id="fits", sequence="A" * 38)) is None
    assert model.refuse(Sample(id="long", sequence="A" * 39)) == (
        "has 41 tokens, the model reads 40"
    )


def test_a_card_may_pin_a_checkpoint(cache: Path, checkpoint: Path) -> None:
    """The adapter serves cards as well as candidates; `shuffle_seed` makes the control."""
    _fill(cache, checkpoint)
    card = msgspec.structs.replace(
        catalogue.card("antiberty"),
        adapter="transformers",
        weights=Weights(repo="team/tiny", revision=SHA),
    )
    control = msgspec.structs.replace(card, options={"shuffle_seed": 1})
    trained, shuffled = load(card).embed(SAMPLES), load(control).embed(SAMPLES)
    assert np.abs(trained - shuffled).max() > 0.01
    np.testing.assert_array_equal(load(control).embed(SAMPLES), shuffled)


@pytest.mark.parametrize("revision", ["main", "v1.0", SHA[:12], SHA.upper()])
def test_only_a_commit_pins_a_model(cache: Path, revision: str) -> None:
    """Branches, tags and short hashes are refused."""
    assert not cache.exists()
    with pytest.raises(ConfigurationError, match=r"a revision is a commit of 40 hexadecimal"):
        load_checkpoint("team/tiny", revision=revision, input="sequence")


def test_only_texts_are_read(cache: Path) -> None:
    """Coordinates cannot be tokenised."""
    assert not cache.exists()
    with pytest.raises(ConfigurationError, match="reads smiles or sequence, not atoms"):
        load_checkpoint("team/tiny", revision=SHA, input="atoms")


def test_offline_and_not_cached_is_unavailable(cache: Path) -> None:
    """The reason names the variable that forbids the download."""
    assert not cache.exists()
    with pytest.raises(UnavailableError, match="not in the local hub cache and HF_HUB_OFFLINE"):
        load_checkpoint("team/tiny", revision=SHA, input="sequence")


def test_pickled_weights_are_refused(cache: Path, checkpoint: Path) -> None:
    """A checkpoint with `pytorch_model.bin` alone is not read: unpickling can run code."""
    folder = _fill(cache, checkpoint, without="model.safetensors")
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    with pytest.raises(UnavailableError, match="no safetensors weights; pickled ones are not read"):
        load_checkpoint("team/tiny", revision=SHA, input="sequence")


def test_weights_in_several_files_must_all_be_there(cache: Path, checkpoint: Path) -> None:
    """An index that speaks of a missing shard is not a checkpoint."""
    folder = _fill(cache, checkpoint)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnavailableError, match="no safetensors weights"):
        load_checkpoint("team/tiny", revision=SHA, input="sequence")


def test_an_unknown_architecture_is_named(cache: Path, checkpoint: Path) -> None:
    """Code that lies in the repository is not run."""
    folder = _fill(cache, checkpoint, without="config.json")
    config = json.loads((checkpoint / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "own-thing"}))
    with pytest.raises(UnavailableError, match=r"of type 'own-thing'.*is not run"):
        load_checkpoint("team/tiny", revision=SHA, input="sequence")
