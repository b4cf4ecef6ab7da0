"""Any transformers checkpoint on the hub, pooled over tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.hub import snapshot
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.shuffle import shuffle_if_asked
from pytest_matalign.zoo.tokens import TokenModel, Tokens, muted_logging

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
PATTERNS = ("*.json", "*.txt", "*.model", "*.safetensors")
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def load(card: ModelCard) -> TokenModel:
    """Load the checkpoint a card pins with `repo` and `revision` under `[model.weights]`."""
    weights = card.weights
    if weights is None or weights.repo is None or weights.revision is None:
        raise ConfigurationError(f"{card.id}: [model.weights] needs `repo` and `revision`.")
    model = load_checkpoint(weights.repo, revision=weights.revision, input=card.inputs[0])
    shuffle_if_asked(model.network, card)
    return model


def load_checkpoint(
    repo_id: str,
    *,
    revision: str,
    input: Input,  # noqa: A002  the name of the option in [tool.matalign]
) -> TokenModel:
    """Load a checkpoint; an embedding is the mean of its last hidden states over tokens.

    Special tokens are left out of the mean. Of an encoder-decoder, the encoder is taken. Weights
    are read from safetensors files only, and no code of the repository is run.

    Args:
        repo_id: `organisation/name` on the hub.
        revision: Commit, 40 hexadecimal digits.
        input: What the checkpoint reads, `smiles` or `sequence`.

    Raises:
        ConfigurationError: If the revision is not a commit, or `input` is not a text.
        UnavailableError: If transformers is not installed, the repository cannot be had, or it
            has no safetensors weights.
    """
    if input not in ("smiles", "sequence"):
        raise ConfigurationError(
            f"{repo_id}: a transformers checkpoint reads smiles or sequence, not {input}."
        )
    try:
        transformers = import_quietly("transformers")
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"{repo_id}: {error.name} is not installed; pip install transformers."
        ) from error
    folder = snapshot(repo_id, revision=revision, patterns=PATTERNS, complete=_complete)
    _check(folder, repo_id, transformers)
    with quiet(), muted_logging(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    if network.config.is_encoder_decoder:
        network = network.get_encoder()
    network.float().eval().requires_grad_(requires_grad=False)
    return _model(network, tokenizer, form=input)


def _complete(folder: Path) -> bool:
    """A configuration, and every file of weights it speaks of."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        shards = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        weights = all((folder / shard).is_file() for shard in shards)
    else:
        weights = any(folder.glob("*.safetensors"))
    return weights and (folder / "config.json").is_file()


def _check(folder: Path, repo: str, transformers: Any) -> None:
    if not (folder / "config.json").is_file():
        raise UnavailableError(f"{repo} has no config.json and so is no transformers checkpoint.")
    if not _complete(folder):
        raise UnavailableError(
            f"{repo} has no safetensors weights; pickled ones are not read, because reading "
            f"them can run code."
        )
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if config.get("model_type") not in transformers.CONFIG_MAPPING:
        raise UnavailableError(
            f"{repo} is of type {config.get('model_type')!r}, which the installed transformers "
            f"{transformers.__version__} does not know; code from the repository is not run."
        )


def _model(network: Any, tokenizer: Any, *, form: Input) -> TokenModel:
    spaced = form == "sequence" and tokenizer.unk_token in tokenizer.tokenize(RESIDUES)
    limit = _longest(network.config, tokenizer)

    def encode(text: str) -> Tokens:
        # Some protein vocabularies want residues set apart by blanks.
        found = tokenizer(" ".join(text) if spaced else text, return_special_tokens_mask=True)
        return Tokens(found["input_ids"], [not special for special in found["special_tokens_mask"]])

    def reason(text: str) -> str | None:
        tokens = encode(text)
        if not any(tokens.pooled):
            return "has no tokens"
        if limit is not None and len(tokens.ids) > limit:
            return f"has {len(tokens.ids)} tokens, the model reads {limit}"
        return None

    def text(sample: Sample) -> str:
        found = sample.smiles if form == "smiles" else sample.sequence
        assert found is not None
        return found

    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    return TokenModel(network=network, encode=encode, text=text, reason=reason, pad=pad)


def _longest(config: Any, tokenizer: Any) -> int | None:
    """Tokens the model reads: a tokenizer without a limit states an astronomical one."""
    stated = (tokenizer.model_max_length, getattr(config, "max_position_embeddings", None))
    limits = [limit for limit in stated if limit is not None and 0 < limit < 1_000_000]
    return min(limits, default=None)
