"""How a tokeniser is given a text, and which of its tokens an embedding pools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_matalign.zoo.adapters._support.tokens import Tokens


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a checkpoint reads a text."""

    prefix: str = ""  # Comes first and is not pooled: a prompt, or a token that names the task
    # `spaces` sets the letters of a text apart by blanks, `letters` gives them to the tokeniser one
    # by one, `none` leaves the text whole
    split: str = "none"
    strict: bool = False  # Whether texts with tokens beyond the vocabulary are refused


def encoded(tokenizer: Any, body: str, reading: Reading) -> Tokens:
    """Tokens of prefix and body; those of the body, special ones apart, are pooled."""
    if reading.split == "letters":
        found = tokenizer(list(body), is_split_into_words=True, return_special_tokens_mask=True)
        return Tokens(found["input_ids"], [not mask for mask in found["special_tokens_mask"]])
    whole = " ".join(body) if reading.split == "spaces" else body
    if not reading.prefix:
        found = tokenizer(whole, return_special_tokens_mask=True)
        return Tokens(found["input_ids"], [not mask for mask in found["special_tokens_mask"]])
    between = " " if reading.split == "spaces" else ""
    found = tokenizer(
        reading.prefix + between + whole,
        return_special_tokens_mask=True,
        return_offsets_mapping=True,
    )
    # A token that reaches into the body belongs to it.
    inside = [end > len(reading.prefix) for _, end in found["offset_mapping"]]
    special = found["special_tokens_mask"]
    pooled = [here and not mask for here, mask in zip(inside, special, strict=True)]
    return Tokens(found["input_ids"], pooled)


def longest(config: Any, tokenizer: Any) -> int | None:
    """Tokens the model reads: a tokenizer without a limit states an astronomical one."""
    stated = (tokenizer.model_max_length, getattr(config, "max_position_embeddings", None))
    limits = [limit for limit in stated if limit is not None and 0 < limit < 1_000_000]
    return min(limits, default=None)
