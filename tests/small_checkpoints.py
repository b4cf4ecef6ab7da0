"""Small checkpoints with random weights and real tokenisers, laid down as the hub client would."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING, Any

import msgspec

from pytest_matalign.zoo import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

SHA = "0123456789abcdef0123456789abcdef01234567"
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def lay_down(checkpoint: Path, *, repo: str, cache: Path) -> Path:
    """Copy a folder into a hub cache: refs, blobs, and links from a snapshot to them."""
    place = cache / f"models--{repo.replace('/', '--')}"
    snapshot = place / "snapshots" / SHA
    for part in (place / "refs", place / "blobs", snapshot):
        part.mkdir(parents=True)
    (place / "refs" / "main").write_text(SHA)
    for file in (one for one in checkpoint.rglob("*") if one.is_file()):
        blob = place / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        link = snapshot / file.relative_to(checkpoint)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    return snapshot


def pinned_card(model_id: str, **options: str | int | bool) -> ModelCard:
    """A card of the zoo at the commit the small checkpoints are laid down at."""
    card = catalogue.card(model_id)
    weights = msgspec.structs.replace(card.weights, revision=SHA, files={}, sha256=None)
    return msgspec.structs.replace(card, weights=weights, options={**card.options, **options})


def seeded(kind: Any, config: Any) -> Any:
    """A network with random weights, the same every time."""
    import torch

    torch.manual_seed(0)
    return kind(config).eval()


def byte_tokenizer(texts: Iterable[str], **special: str) -> Any:
    """A byte-level BPE trained on a few texts, as language models have."""
    import transformers
    from tokenizers import ByteLevelBPETokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        texts, vocab_size=400, min_frequency=1, special_tokens=list(special.values())
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, model_max_length=2000, **special
    )


def word_tokenizer(words: Iterable[str], pattern: str) -> Any:
    """One token a word of a fixed vocabulary; words are what matches a pattern."""
    import transformers
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    vocabulary = ["[PAD]", "[UNK]", *words]
    trained = Tokenizer(models.WordLevel({w: i for i, w in enumerate(vocabulary)}, "[UNK]"))
    trained.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=trained, **special)


def residue_pieces(folder: Path, *, extra: Iterable[str] = ()) -> Path:
    """A SentencePiece model whose pieces are single residues and 3Di states."""
    import sentencepiece

    letters = [*RESIDUES, "X", *RESIDUES.lower()]
    text = folder / "letters.txt"
    text.write_text("\n".join(" ".join(letters[i:] + letters[:i]) for i in range(len(letters))))
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "spiece"),
        model_type="unigram",
        vocab_size=3 + 1 + 2 * len(letters) + len(list(extra)),
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        add_dummy_prefix=True,
        minloglevel=2,
    )
    text.unlink()
    return folder / "spiece.model"
