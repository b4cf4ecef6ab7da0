"""Any transformers checkpoint on the hub, pooled over tokens: SMILES, SELFIES, proteins, text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.adapters._support.prompts import PROMPTS
from pytest_matalign.zoo.adapters._support.reading import Reading, encoded, longest
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.adapters._support.texts import text_of
from pytest_matalign.zoo.adapters._support.tokens import TokenModel, Tokens, muted_logging
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.hub import repository, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
BESIDE = ("*.json", "*.txt", "*.model")
"""Configuration and tokeniser, fetched beside the weights."""
PATTERNS = (*BESIDE, "*.safetensors")
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def load(card: ModelCard) -> TokenModel:
    """Load a checkpoint as its card says.

    Options of the card: `text`, `stereo`, `rare_as_x` (see `zoo.texts`); `prompt`, a name from
    `zoo.prompts`, or `prefix`, a token that names the task; `split` (see `zoo.reading`); `dtype`,
    the precision of the weights, float32 if not given; `batch`, samples given at once;
    `deterministic_eval`, which MoLFormer needs to give the same numbers twice; `remote_code`,
    for architectures whose Python code lies in the repository: whoever loads the model asks for the
    user's consent, and it runs from the commit of the card only.

    Pickled weights (`pytorch_model.bin`) are read by torch's `weights_only` unpickler, which
    makes tensors and plain containers and calls nothing else; that runs no code of the file.

    Raises:
        ConfigurationError: If the card names no repository or an option is wrong.
        UnavailableError: If the files cannot be had.
    """
    transformers = _package(card.id)
    remote = bool(card.options.get("remote_code"))
    folder = repository(card, also=(*BESIDE, "*.py") if remote else BESIDE, complete=_readable)
    if remote:
        _check_own_code(folder, card.id)
    else:
        _check_known(folder, card.id, transformers)
    tokenizer, network = _open(folder, transformers, card=card)
    shuffle_if_asked(network, card)
    return _model(
        network,
        tokenizer,
        text=text_of(card),
        reading=_reading(card, tokenizer),
        batch_size=int(card.options.get("batch", 1)),
    )


def _package(name: str) -> Any:
    try:
        return import_quietly("transformers")
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"{name}: {error.name} is not installed; pip install transformers."
        ) from error


def _check_own_code(folder: Path, name: str) -> None:
    """Code must come from the pinned commit; a reference to another repository would not."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    for reference in config.get("auto_map", {}).values():
        if "--" in str(reference):
            raise UnavailableError(
                f"{name}: its config.json takes code from {reference}, another repository at no "
                f"stated commit; that is not run."
            )


def _open(folder: Path, transformers: Any, *, card: ModelCard) -> tuple[Any, Any]:
    """Tokeniser and network without its heads, from files on this machine alone."""
    import torch

    options: dict[str, Any] = {"local_files_only": True}
    if card.options.get("remote_code"):
        options["trust_remote_code"] = True
    dtype = getattr(torch, str(card.options.get("dtype", "float32")))
    settings = {**options, "torch_dtype": dtype, "use_safetensors": _has_safetensors(folder)}
    if card.options.get("deterministic_eval"):
        settings["deterministic_eval"] = True
    with quiet(), muted_logging(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        network = _class(folder, transformers).from_pretrained(folder, **settings)
    return tokenizer, _frozen(network)


def _class(folder: Path, transformers: Any) -> Any:
    """T5 without its decoder, which an embedding does not need; else whatever the type says."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return transformers.T5EncoderModel if config["model_type"] == "t5" else transformers.AutoModel


def _frozen(network: Any) -> Any:
    if network.config.is_encoder_decoder and hasattr(network, "decoder"):
        network = network.get_encoder()
    return network.eval().requires_grad_(requires_grad=False)


def _reading(card: ModelCard, tokenizer: Any) -> Reading:
    prompt = card.options.get("prompt")
    if prompt is not None and prompt not in PROMPTS:
        raise ConfigurationError(
            f"{card.id}: there is no prompt {prompt!r}; valid: {', '.join(PROMPTS)}."
        )
    prefix = PROMPTS[str(prompt)] if prompt else str(card.options.get("prefix", ""))
    if prefix and not tokenizer.is_fast:
        raise UnavailableError(
            f"{card.id}: its tokeniser does not tell where tokens lie, so that its prefix cannot "
            f"be left out of the mean; install sentencepiece and protobuf."
        )
    split = str(card.options.get("split", "none"))
    if split not in ("none", "spaces", "letters"):
        raise ConfigurationError(
            f"{card.id}: there is no split {split!r}; valid: none, spaces, letters."
        )
    return Reading(prefix=prefix, split=split, strict=True)


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
    transformers = _package(repo_id)
    folder = snapshot(repo_id, revision=revision, patterns=PATTERNS, complete=_complete)
    _check(folder, repo_id, transformers)
    with quiet(), muted_logging(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        network = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    # Some protein vocabularies want residues set apart by blanks.
    spaced = input == "sequence" and tokenizer.unk_token in tokenizer.tokenize(RESIDUES)

    def text(sample: Sample) -> str:
        found = sample.smiles if input == "smiles" else sample.sequence
        assert found is not None
        return found

    return _model(
        _frozen(network).float(),
        tokenizer,
        text=text,
        reading=Reading(split="spaces" if spaced else "none"),
        batch_size=10,
    )


def _complete(folder: Path) -> bool:
    """A configuration, and every safetensors file of weights it speaks of."""
    return _weights_complete(folder, "model.safetensors.index.json", "*.safetensors")


def _readable(folder: Path) -> bool:
    """As `_complete`, for cards, which may also name pickled weights."""
    return _complete(folder) or _weights_complete(
        folder, "pytorch_model.bin.index.json", "pytorch_model*.bin"
    )


def _weights_complete(folder: Path, index: str, pattern: str) -> bool:
    if (folder / index).is_file():
        shards = set(json.loads((folder / index).read_text("utf-8"))["weight_map"].values())
        weights = all((folder / shard).is_file() for shard in shards)
    else:
        weights = any(folder.glob(pattern))
    return weights and (folder / "config.json").is_file()


def _has_safetensors(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def _check(folder: Path, repo: str, transformers: Any) -> None:
    if not (folder / "config.json").is_file():
        raise UnavailableError(f"{repo} has no config.json and so is no transformers checkpoint.")
    if not _complete(folder):
        raise UnavailableError(
            f"{repo} has no safetensors weights; pickled ones are not read, because reading "
            f"them can run code."
        )
    _check_known(folder, repo, transformers)


def _check_known(folder: Path, name: str, transformers: Any) -> None:
    config = json.loads((folder / "config.json").read_text("utf-8"))
    if config.get("model_type") not in transformers.CONFIG_MAPPING:
        raise UnavailableError(
            f"{name} is of type {config.get('model_type')!r}, which the installed transformers "
            f"{transformers.__version__} does not know; code from the repository is not run."
        )


def _model(
    network: Any,
    tokenizer: Any,
    *,
    text: Callable[[Sample], str],
    reading: Reading,
    batch_size: int,
) -> TokenModel:
    limit = longest(network.config, tokenizer)

    def encode(body: str) -> Tokens:
        return encoded(tokenizer, body, reading)

    def reason(body: str) -> str | None:
        tokens = encode(body)
        if not any(tokens.pooled):
            return "has no tokens"
        if limit is not None and len(tokens.ids) > limit:
            return f"has {len(tokens.ids)} tokens, the model reads {limit}"
        if reading.strict and tokenizer.unk_token_id in tokens.ids:
            return "has tokens beyond the vocabulary"
        return None

    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    return TokenModel(
        network=network, encode=encode, text=text, reason=reason, pad=pad, batch_size=batch_size
    )
