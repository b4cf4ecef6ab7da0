"""Transformers over tokens: padding, attention and pooling, the same for SMILES and proteins."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_matalign.zoo.adapters._support.pooling import mean_by_mask
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.adapters._support.texts import NoTextError
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard


class Tokens(NamedTuple):
    """One text as token ids, and which of them are pooled (all but the special ones)."""

    ids: list[int]
    pooled: list[bool]


@dataclass(frozen=True, kw_only=True)
class TokenModel:
    """A transformer ready to embed."""

    network: Any  # A transformers model without a head; its `last_hidden_state` is pooled
    encode: Callable[[str], Tokens]  # Tokenises the text of a sample
    text: Callable[[Sample], str]  # Picks that text from a sample, or raises NoTextError
    reason: Callable[[str], str | None]  # Says why a text cannot be tokenised, or returns None
    pad: int  # Token id that fills short rows; it is masked, so any valid id will do
    batch_size: int = 10  # Samples given at once

    def refuse(self, sample: Sample) -> str | None:
        """Say why the sample's text cannot be tokenised, or return None."""
        try:
            return self.reason(self.text(sample))
        except NoTextError as error:
            return str(error)

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), hidden size]: the mean over tokens, special ones apart."""
        import torch

        rows = [self.encode(self.text(sample)) for sample in samples]
        longest = max(len(row.ids) for row in rows)
        ids = torch.full((len(rows), longest), self.pad)
        present = torch.zeros((len(rows), longest), dtype=torch.long)
        pooled = torch.zeros((len(rows), longest), dtype=torch.bool)
        for index, row in enumerate(rows):
            ids[index, : len(row.ids)] = torch.tensor(row.ids)
            present[index, : len(row.ids)] = 1
            pooled[index, : len(row.ids)] = torch.tensor(row.pooled)
        with torch.no_grad():
            output = self.network(input_ids=ids, attention_mask=present)
        return mean_by_mask(output.last_hidden_state, pooled)


def by_vocabulary(
    card: ModelCard,
    kind: str,
    *,
    words: Path,
    split: Callable[[str], Sequence[str]],
    text: Callable[[Sample], str],
    what: str = "tokens",
    batch_size: int = 25,
) -> TokenModel:
    """Load the transformers model of class `kind`, whose tokens stand one a line in a file.

    Args:
        card: Of the model; its weights lie in one folder.
        kind: Name of the class.
        words: The file of tokens.
        split: Tokens of a text, or raises NoTextError.
        text: Picks the text from a sample.
        what: What tokens stand for, as a refusal names them.
        batch_size: Samples given at once.
    """
    vocab = vocabulary(words)
    network = headless(kind, weight_files(card)[0].parent)
    shuffle_if_asked(network, card)

    def reason(one: str) -> str | None:
        unknown = sorted(set(split(one)) - set(vocab))
        return f"has {what} beyond the vocabulary: {', '.join(unknown)}" if unknown else None

    return TokenModel(
        network=network,
        encode=lambda one: framed(split(one), vocab),
        text=text,
        reason=reason,
        pad=vocab["[PAD]"],
        batch_size=batch_size,
    )


def smiles_of(sample: Sample) -> str:
    """Return the SMILES of a sample that has one, as it is written."""
    assert sample.smiles is not None
    return sample.smiles


def vocabulary(path: Path) -> dict[str, int]:
    """Token to id, from a file with one token a line."""
    return {token: index for index, token in enumerate(path.read_text("utf-8").split("\n"))}


def framed(tokens: Sequence[str], vocab: dict[str, int]) -> Tokens:
    """Known tokens between [CLS] and [SEP], which are not pooled; unknown ones become [UNK]."""
    inner = [vocab.get(token, vocab["[UNK]"]) for token in tokens]
    ids = [vocab["[CLS]"], *inner, vocab["[SEP]"]]
    return Tokens(ids, [False, *[True] * len(inner), False])


def headless(kind: str, folder: Path) -> Any:
    """Load a transformers model of class `kind` from a folder, without pooler and heads."""
    transformers = import_quietly("transformers")
    with quiet(), muted_logging(transformers):
        network = getattr(transformers, kind).from_pretrained(
            folder, add_pooling_layer=False, local_files_only=True
        )
    return network.eval().requires_grad_(requires_grad=False)


@contextmanager
def muted_logging(transformers: Any) -> Iterator[None]:
    """Keep transformers from listing the weights of the heads left out."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)
