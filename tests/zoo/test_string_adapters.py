"""Cards of string, protein and language models through transformers' own loaders.

Weights are small and random, everything else is real: the hub cache, the tokenisers, the classes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from ase.build import bulk, molecule

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue, domain
from pytest_matalign.zoo.adapter import refuse_foreign_code
from pytest_matalign.zoo.adapters._support.prompts import PROMPTS, listing
from pytest_matalign.zoo.adapters.transformers import load
from small_checkpoints import (
    RESIDUES,
    byte_tokenizer,
    lay_down,
    pinned_card,
    residue_pieces,
    seeded,
    word_tokenizer,
)

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_matalign.zoo.adapters._support.tokens import TokenModel

pytestmark = pytest.mark.zoo

MOLECULES = [
    Sample(id="ethanol", smiles="OCC", atoms=molecule("CH3CH2OH")),
    Sample(id="benzene", smiles="C1=CC=CC=C1", atoms=molecule("C6H6")),
    Sample(id="aspirin", smiles="O=C(C)Oc1ccccc1C(=O)O"),
]
PROTEINS = [Sample(id=text, sequence=text) for text in ("MKTAYIAK", "GIGAVLKVLTTGLPALISWIK")]
SMALL = {"hidden_size": 16, "num_attention_heads": 2}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache and pins file; nothing is fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("MATALIGN_PINS", str(tmp_path / "pins.json"))
    return tmp_path / "hub"


@pytest.fixture
def serve(cache: Path, tmp_path: Path) -> Callable[..., Path]:
    """Save a tokeniser and a network as a team would, and lay them down for a card."""

    def save(model_id: str, *parts: object, safe: bool = True) -> Path:
        folder = tmp_path / f"checkpoint-{model_id}"
        for part in parts:
            if hasattr(part, "config"):
                part.save_pretrained(folder, safe_serialization=safe)
            else:
                part.save_pretrained(folder)
        weights = catalogue.card(model_id).weights
        assert weights is not None
        assert weights.repo is not None
        return lay_down(folder, repo=weights.repo, cache=cache)

    return save


def _checked(model: TokenModel, samples: list[Sample]) -> np.ndarray:
    """Embeddings after the promises every adapter makes: the same again, and in any batch."""
    found = model.embed(samples)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(model.embed(samples), found)
    alone = np.concatenate([model.embed([sample]) for sample in samples])
    np.testing.assert_allclose(found, alone, atol=2e-5)
    backwards = model.embed(samples[::-1])[::-1]
    np.testing.assert_allclose(found, backwards, atol=2e-5)
    assert len({row.tobytes() for row in found}) == len(samples)
    return found


def _hidden(network: object, ids: list[int]) -> np.ndarray:
    with torch.no_grad():
        return network(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy()


@pytest.fixture
def esm2(tmp_path: Path) -> tuple[object, object]:
    """ESM2 with its own vocabulary of 33 tokens."""
    tokens = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO", ".", "-"]
    tokens += ["<null_1>", "<mask>"]
    (tmp_path / "vocab.txt").write_text("\n".join(tokens))
    tokenizer = transformers.EsmTokenizer(str(tmp_path / "vocab.txt"), model_max_length=1024)
    config = transformers.EsmConfig(
        **SMALL,
        vocab_size=len(tokens),
        num_hidden_layers=2,
        intermediate_size=32,
        pad_token_id=1,
        mask_token_id=tokens.index("<mask>"),
        position_embedding_type="rotary",
        token_dropout=True,
        max_position_embeddings=1026,
    )
    return tokenizer, seeded(transformers.EsmForMaskedLM, config)


@pytest.mark.parametrize("model_id", ["esm2-8m", "esm2-35m", "esm2-150m", "esm2-650m", "esm2-3b"])
def test_esm2_is_the_mean_over_residues(
    serve: Callable[..., Path], esm2: tuple[object, object], model_id: str
) -> None:
    """Of the last hidden state, without <cls> and <eos>; the head is left out."""
    tokenizer, network = esm2
    serve(model_id, tokenizer, network)
    found = _checked(load(pinned_card(model_id)), PROTEINS)
    for sample, row in zip(PROTEINS, found, strict=True):
        hidden = _hidden(network.esm, tokenizer(sample.sequence)["input_ids"])
        assert len(hidden) == len(sample.sequence or "") + 2
        np.testing.assert_allclose(row, hidden[1:-1].mean(0), atol=1e-5)


def test_esm2_refuses_what_it_was_not_trained_on(
    serve: Callable[..., Path], esm2: tuple[object, object]
) -> None:
    """Chains beyond 1022 residues by the card, unknown letters by the tokeniser."""
    serve("esm2-8m", *esm2)
    card = pinned_card("esm2-8m")
    model = load(card)
    long = Sample(id="long", sequence="A" * 1023)
    assert domain.refusal(card, long) == "has 1023 residues, the model reads 1022"
    assert model.refuse(long) == "has 1025 tokens, the model reads 1024"
    assert model.refuse(Sample(id="odd", sequence="AJJA")) == "has tokens beyond the vocabulary"
    assert model.refuse(PROTEINS[0]) is None


ROBERTA = ["chemberta-zinc-base-v1", "chemberta-2-77m-mlm", "chemberta-2-77m-mtr"]
ROBERTA += ["chemberta-2-10m-mlm", "chemberta-2-10m-mtr"]


def _roberta(texts: list[str]) -> tuple[object, object]:
    from tokenizers import processors

    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    special |= {"unk_token": "<unk>", "cls_token": "<s>", "sep_token": "</s>"}
    plain = byte_tokenizer(texts, **special)
    backend = plain.backend_tokenizer
    ends = [(token, backend.token_to_id(token)) for token in ("</s>", "<s>")]
    backend.post_processor = processors.RobertaProcessing(*ends)
    tokenizer = transformers.RobertaTokenizerFast(tokenizer_object=backend)
    config = transformers.RobertaConfig(
        **SMALL,
        vocab_size=len(tokenizer),
        num_hidden_layers=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    return tokenizer, seeded(transformers.RobertaForMaskedLM, config)


@pytest.mark.parametrize("model_id", ROBERTA)
def test_chemberta_reads_canonical_smiles(serve: Callable[..., Path], model_id: str) -> None:
    """However a molecule is spelt, the embedding is that of RDKit's spelling.

    The weights are pickled, as some repositories have them, and read without running code.
    """
    tokenizer, network = _roberta(["CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O"])
    serve(model_id, tokenizer, network, safe=False)
    model = load(pinned_card(model_id))
    found = _checked(model, MOLECULES)
    other = Sample(id="ethanol again", smiles="C(O)C")
    np.testing.assert_allclose(model.embed([other])[0], found[0], atol=1e-6)
    hidden = _hidden(network.roberta, tokenizer("CCO")["input_ids"])
    np.testing.assert_allclose(found[0], hidden[1:-1].mean(0), atol=1e-5)
    assert model.refuse(Sample(id="broken", smiles="C((")) == "has a SMILES that RDKit cannot read"


def test_a_pickle_that_runs_code_is_not_run(serve: Callable[..., Path], tmp_path: Path) -> None:
    """torch's weights_only unpickler refuses it before it does anything."""

    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return (open, (str(tmp_path / "harm"), "w"))

    tokenizer, network = _roberta(["CCO"])
    snapshot = serve("chemberta-2-77m-mlm", tokenizer, network, safe=False)
    (snapshot / "pytorch_model.bin").unlink()
    torch.save({"weight": Harm()}, snapshot / "pytorch_model.bin")
    with pytest.raises(OSError, match="Unable to load weights"):
        load(pinned_card("chemberta-2-77m-mlm"))
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("model_id", ["chemgpt-4.7m", "chemgpt-19m", "chemgpt-1.2b"])
def test_chemgpt_reads_selfies(serve: Callable[..., Path], model_id: str) -> None:
    """One token a SELFIES symbol, left to right."""
    selfies = pytest.importorskip("selfies", reason="selfies is not installed")
    texts = [selfies.encoder(text) for text in ("CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O")]
    symbols = sorted({symbol for text in texts for symbol in selfies.split_selfies(text)})
    tokenizer = word_tokenizer(symbols, r"\[[^\]]+\]")
    config = transformers.GPTNeoConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_layers=2,
        num_heads=2,
        attention_types=[[["global", "local"], 1]],
        max_position_embeddings=64,
    )
    network = seeded(transformers.GPTNeoForCausalLM, config)
    serve(model_id, tokenizer, network)
    model = load(pinned_card(model_id))
    found = _checked(model, MOLECULES)
    ids = tokenizer("[C][C][O]")["input_ids"]
    assert len(ids) == 3
    np.testing.assert_allclose(found[0], _hidden(network.transformer, ids).mean(0), atol=1e-5)
    beyond = Sample(id="bromide", smiles="CBr")
    assert model.refuse(beyond) == "has tokens beyond the vocabulary"
    hypervalent = Sample(id="hypervalent", smiles="F[Xe](F)(F)(F)(F)(F)(F)(F)F")
    assert model.refuse(hypervalent) is not None


def test_selformer_reads_selfies(serve: Callable[..., Path]) -> None:
    """A RoBERTa like ChemBERTa, with another language."""
    selfies = pytest.importorskip("selfies", reason="selfies is not installed")
    texts = [selfies.encoder(text) for text in ("CCO", "c1ccccc1")]
    tokenizer, network = _roberta(texts)
    serve("selformer", tokenizer, network, safe=False)
    found = _checked(load(pinned_card("selformer")), MOLECULES)
    hidden = _hidden(network.roberta, tokenizer("[C][C][O]")["input_ids"])
    np.testing.assert_allclose(found[0], hidden[1:-1].mean(0), atol=1e-5)


def _t5(vocabulary: int) -> object:
    config = transformers.T5Config(
        vocab_size=vocabulary,
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    return seeded(transformers.T5ForConditionalGeneration, config)


def _pieces(folder: Path, **extra: object) -> object:
    pytest.importorskip("sentencepiece", reason="sentencepiece is not installed")
    pytest.importorskip("google.protobuf", reason="protobuf is not installed")
    return transformers.T5Tokenizer(
        str(residue_pieces(folder)), extra_ids=0, legacy=True, do_lower_case=False, **extra
    )


def test_prott5_reads_residues_set_apart(serve: Callable[..., Path], tmp_path: Path) -> None:
    """One token a residue, U as X, the end token not pooled, and no decoder in memory."""
    tokenizer = _pieces(tmp_path)
    network = _t5(len(tokenizer))
    serve("prott5-xl-uniref50", tokenizer, network)
    model = load(pinned_card("prott5-xl-uniref50"))
    assert type(model.network).__name__ == "T5EncoderModel"
    samples = [*PROTEINS, Sample(id="rare", sequence="MKUAYIAK")]
    found = _checked(model, samples)
    ids = tokenizer(" ".join(PROTEINS[0].sequence or ""))["input_ids"]
    assert len(ids) == 8 + 1
    hidden = _hidden(network.get_encoder(), ids)
    np.testing.assert_allclose(found[0], hidden[:-1].mean(0), atol=1e-5)
    written = Sample(id="x", sequence="MKXAYIAK")
    np.testing.assert_allclose(model.embed([written])[0], found[2], atol=1e-6)


def _helix(residues: int, *, rise: float) -> np.ndarray:
    radii = np.array([1.5, 2.3, 1.7, 2.0])
    turns = np.radians(100.0 * np.arange(residues)[:, None] + [-28.0, 0.0, 27.0, 32.0])
    heights = rise * np.arange(residues)[:, None] + [-0.9, 0.0, 1.1, 2.2]
    points = np.stack([radii * np.cos(turns), radii * np.sin(turns), heights], axis=-1)
    return points.astype(np.float32)


@pytest.fixture
def prostt5(serve: Callable[..., Path], tmp_path: Path) -> tuple[object, object]:
    """ProstT5: residues in upper case, 3Di states in lower case, a token for the direction."""
    tokenizer = _pieces(tmp_path)
    tokenizer.add_tokens(["<fold2AA>", "<AA2fold>"])
    network = _t5(len(tokenizer))
    serve("prostt5-sequence", tokenizer, network)
    return tokenizer, network


def test_prostt5_reads_sequences_after_its_token(prostt5: tuple[object, object]) -> None:
    """The token that names the direction is seen and not pooled."""
    tokenizer, network = prostt5
    found = _checked(load(pinned_card("prostt5-sequence")), PROTEINS)
    spaced = " ".join(PROTEINS[0].sequence or "")
    fast = transformers.T5TokenizerFast(tokenizer.vocab_file, extra_ids=0)
    fast.add_tokens(["<fold2AA>", "<AA2fold>"])
    ids = fast(f"<AA2fold> {spaced}")["input_ids"]
    assert ids[0] == fast.convert_tokens_to_ids("<AA2fold>")
    assert len(ids) == 1 + 8 + 1
    hidden = _hidden(network.get_encoder(), ids)
    np.testing.assert_allclose(found[0], hidden[1:-1].mean(0), atol=1e-5)


def test_prostt5_reads_structures_as_states(prostt5: tuple[object, object]) -> None:
    """Rotating and moving a chain changes nothing; its sequence is not looked at."""
    pytest.importorskip("mini3di", reason="mini3di is not installed")
    from scipy.spatial.transform import Rotation

    from pytest_matalign.zoo.adapters._support.texts import three_di

    tokenizer, _ = prostt5
    assert len(tokenizer) > 40
    chains = {"tight": _helix(30, rise=1.5), "loose": _helix(40, rise=2.6)}
    samples = [Sample(id=name, backbone=chain) for name, chain in chains.items()]
    model = load(pinned_card("prostt5-structure"))
    states = three_di(chains["tight"])
    assert len(states) == 30
    assert set(states) <= set(RESIDUES)
    assert states != three_di(chains["loose"])[:30]
    found = _checked(model, samples)
    turn = Rotation.from_euler("xyz", [0.3, 1.1, -0.4]).as_matrix()
    turned = [
        Sample(id=one.id, sequence="A" * 30, backbone=(one.backbone @ turn.T + 5).astype("f4"))
        for one in samples
    ]
    np.testing.assert_allclose(model.embed(turned), found, atol=1e-5)
    short = Sample(id="short", backbone=_helix(2, rise=1.5))
    assert model.refuse(short) == "has fewer than three residues, too few for 3Di states"


@pytest.mark.parametrize("model_id", ["ankh-base", "ankh-large"])
def test_ankh_is_given_letters_one_by_one(serve: Callable[..., Path], model_id: str) -> None:
    """As its authors do; the end token is not pooled."""
    from tokenizers import Tokenizer, models, processors

    pieces = ["<pad>", "</s>", "<unk>", *RESIDUES, "X"]
    trained = Tokenizer(models.Unigram([(piece, 0.0) for piece in pieces], unk_id=2))
    trained.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    tokenizer = transformers.T5TokenizerFast(tokenizer_object=trained, extra_ids=0)
    network = _t5(len(tokenizer))
    serve(model_id, tokenizer, network)
    model = load(pinned_card(model_id))
    found = _checked(model, PROTEINS)
    ids = [pieces.index(letter) for letter in PROTEINS[0].sequence or ""]
    hidden = _hidden(network.get_encoder(), [*ids, 1])
    np.testing.assert_allclose(found[0], hidden[:-1].mean(0), atol=1e-5)


def _language_model(kind: str, tokenizer: object) -> object:
    common = {
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 8,
        "max_position_embeddings": 2000,
    }
    if kind.startswith("deepseek"):
        return seeded(transformers.LlamaForCausalLM, transformers.LlamaConfig(**common))
    if kind.startswith("qwen3"):
        config = transformers.Qwen3MoeConfig(
            **common, num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16
        )
        return seeded(transformers.Qwen3MoeForCausalLM, config)
    config = transformers.GptOssConfig(**common, num_local_experts=4, num_experts_per_tok=2)
    return seeded(transformers.GptOssForCausalLM, config)


LANGUAGE_TOKENS = {"pad_token": "<pad>", "eos_token": "<eos>"}
LANGUAGE = ["deepseek-r1-distill-llama-8b", "qwen3-30b-a3b-thinking-2507", "gpt-oss-20b"]


@pytest.fixture
def language(serve: Callable[..., Path]) -> Callable[[str], tuple[object, object]]:
    """A small language model of the same architecture, saved for a card."""

    def build(model_id: str) -> tuple[object, object]:
        texts = [*PROMPTS.values(), "CCO", listing(molecule("C6H6"))]
        tokenizer = byte_tokenizer(texts, **LANGUAGE_TOKENS)
        network = _language_model(model_id, tokenizer)
        serve(model_id, tokenizer, network)
        return tokenizer, network

    return build


@pytest.mark.parametrize("model_id", LANGUAGE)
def test_language_models_pool_the_sample_and_not_the_prompt(
    language: Callable[[str], tuple[object, object]], model_id: str
) -> None:
    """The prompt is read first, so that it shapes the sample's tokens, which alone are pooled."""
    tokenizer, network = language(model_id)
    card = pinned_card(model_id, dtype="float32")
    found = _checked(load(card), MOLECULES)
    prompt = PROMPTS["default"]
    text = tokenizer(prompt + "CCO", return_offsets_mapping=True)
    first = next(i for i, (_, end) in enumerate(text["offset_mapping"]) if end > len(prompt))
    hidden = _hidden(network.model, text["input_ids"])
    np.testing.assert_allclose(found[0], hidden[first:].mean(0), atol=1e-5)


@pytest.mark.parametrize("model_id", LANGUAGE)
def test_the_prompts_make_three_models_of_one(
    language: Callable[[str], tuple[object, object]], model_id: str
) -> None:
    """Default, blank, and blank with coordinates differ, in the precision of the card."""
    language(model_id)
    ethanol = [MOLECULES[0]]
    cards = [pinned_card(f"{model_id}{end}") for end in ("", "-blank", "-blank-atomistic")]
    models = [load(card) for card in cards]
    assert {str(model.network.dtype) for model in models} == {"torch.bfloat16"}
    rows = [model.embed(ethanol) for model in models]
    assert len({row.tobytes() for row in rows}) == 3
    for model, row in zip(models, rows, strict=True):
        np.testing.assert_array_equal(model.embed(ethanol), row)


def test_a_listing_shows_symbols_coordinates_and_cell() -> None:
    """Every atom on a line, in Å with four decimals; a zero has no sign."""
    water = molecule("H2O")
    water.positions[:, 0] = -0.0
    assert listing(water).splitlines() == [
        "Atoms(symbols='H2O', pbc=[False, False, False])",
        "O      0.0000     0.0000     0.1193",
        "H      0.0000     0.7632    -0.4770",
        "H      0.0000    -0.7632    -0.4770",
    ]
    salt = listing(bulk("NaCl", "rocksalt", a=5.64)).splitlines()
    assert salt[0] == (
        "Atoms(symbols='ClNa', pbc=[True, True, True], "
        "cell=[[0.0000, 2.8200, 2.8200], [2.8200, 0.0000, 2.8200], [2.8200, 2.8200, 0.0000]])"
    )


def test_prompts_end_with_a_line_break() -> None:
    """So that no token spans prompt and sample; the blank one is the default's first sentence."""
    assert all(prompt.endswith("\n") for prompt in PROMPTS.values())
    assert PROMPTS["default"].startswith(PROMPTS["blank"].strip())


CONFIGURATION = """
from transformers import PretrainedConfig

class TinyConfig(PretrainedConfig):
    model_type = "tiny-thing"

    def __init__(self, width=8, vocab_size=30, deterministic_eval=False, **others):
        self.width, self.vocab_size = width, vocab_size
        self.deterministic_eval = deterministic_eval
        super().__init__(**others)
"""
MODELING = """
import torch
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput
from .configuration_tiny import TinyConfig

class TinyModel(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.table = torch.nn.Embedding(config.vocab_size, config.width)
        self.post_init()

    def _init_weights(self, module):
        pass

    def forward(self, input_ids=None, attention_mask=None):
        hidden = self.table(input_ids)
        if not self.config.deterministic_eval:
            hidden = hidden + torch.randn_like(hidden)
        return BaseModelOutput(last_hidden_state=hidden)
"""


@pytest.fixture
def own_code(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A repository that brings its own architecture, as MoLFormer's does."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))

    def build(reference: str) -> None:
        folder = tmp_path / "own"
        tokenizer = word_tokenizer(["C", "O", "c", "1", "(", ")", "="], r".")
        tokenizer.save_pretrained(folder)
        (folder / "configuration_tiny.py").write_text(CONFIGURATION)
        (folder / "modeling_tiny.py").write_text(MODELING)
        config = {
            "model_type": "tiny-thing",
            "vocab_size": len(tokenizer),
            "auto_map": {
                "AutoConfig": "configuration_tiny.TinyConfig",
                "AutoModel": reference,
            },
        }
        (folder / "config.json").write_text(json.dumps(config))
        from safetensors.torch import save_file

        torch.manual_seed(0)
        table = {"table.weight": torch.randn(len(tokenizer), 8)}
        save_file(table, folder / "model.safetensors", metadata={"format": "pt"})
        lay_down(folder, repo="ibm/MoLFormer-XL-both-10pct", cache=cache)

    return build


def test_code_from_the_hub_comes_from_the_pinned_commit(own_code: Callable[[str], None]) -> None:
    """And is deterministic; that it needs the user's consent is asked before it is loaded."""
    own_code("modeling_tiny.TinyModel")
    card = pinned_card("molformer-xl-both-10pct")
    with pytest.raises(UnavailableError, match=r"brings its own Python code.*allow-pickle"):
        refuse_foreign_code(card)
    _checked(load(card), MOLECULES)


def test_code_of_another_repository_is_never_run(own_code: Callable[[str], None]) -> None:
    """Its commit would not be pinned."""
    own_code("someone/else--modeling_tiny.TinyModel")
    with pytest.raises(UnavailableError, match="another repository at no stated commit"):
        load(pinned_card("molformer-xl-both-10pct"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prompt": "poem"}, "there is no prompt 'poem'; valid: blank, default"),
        ({"split": "words"}, "there is no split 'words'; valid: none, spaces, letters"),
        ({"text": "inchi"}, "there is no form of text 'inchi'; valid: smiles, selfies"),
    ],
)
def test_wrong_options_are_named(
    serve: Callable[..., Path], options: dict[str, str], message: str
) -> None:
    """Each with its valid values."""
    serve("chemberta-2-77m-mlm", *_roberta(["CCO"]))
    with pytest.raises(ConfigurationError, match=message):
        load(pinned_card("chemberta-2-77m-mlm", **options))


def test_digests_on_a_card_are_checked(
    serve: Callable[..., Path], esm2: tuple[object, object]
) -> None:
    """Other weights under the same name are not loaded."""
    serve("esm2-8m", *esm2)
    card = pinned_card("esm2-8m")
    wrong = msgspec.structs.replace(card.weights, files={"model.safetensors": "0" * 64})
    with pytest.raises(UnavailableError, match=r"esm2-8m: model\.safetensors .*expected is 0000"):
        load(msgspec.structs.replace(card, weights=wrong))


def test_shuffled_weights_make_the_untrained_control(
    serve: Callable[..., Path], esm2: tuple[object, object]
) -> None:
    """As for every other family."""
    serve("esm2-8m", *esm2)
    trained = load(pinned_card("esm2-8m")).embed(PROTEINS)
    shuffled = load(pinned_card("esm2-8m", shuffle_seed=1)).embed(PROTEINS)
    assert np.abs(trained - shuffled).max() > 1e-3
