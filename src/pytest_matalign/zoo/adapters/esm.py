"""ESM C and ESM3 (EvolutionaryScale) through the package `esm`, weights from the hub."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.hub import repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
HEAD_WIDTH = 64
"""Width of an attention head in every released ESM C and ESM3."""


def load(card: ModelCard) -> EsmModel:
    """Load ESM C, or ESM3 with the option `track`: `sequence` or `structure`.

    Networks are built from the shapes of the weights, which torch's `weights_only` unpickler
    reads: nothing in the files is run.

    Raises:
        ConfigurationError: If there is no such track.
        UnavailableError: If the weights cannot be had, are no ESM C or ESM3, or if the package
            `esm` is another one of that name.
    """
    track = str(card.options.get("track", "sequence"))
    if track not in ("sequence", "structure"):
        raise ConfigurationError(
            f"{card.id}: there is no track {track!r}; valid: sequence, structure."
        )
    _check_package(card.id)
    weights = {path.name: _tensors(path) for path in _files(card)}
    main = _one(weights, lacking="encoder", model=card.id)
    network = _esm3(main) if "encoder.sequence_embed.weight" in main else _esm_c(main)
    encoder = None
    if track == "structure":
        encoder = _structure_encoder(_one(weights, having="encoder", model=card.id))
    shuffle_if_asked(network, card)
    return EsmModel(network=network, structure_encoder=encoder)


def _check_package(name: str) -> None:
    """Two packages are imported as `esm`; only EvolutionaryScale's has `esm.models`."""
    try:
        with quiet():
            import_quietly("esm.models.esmc")
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"{name}: {error.name} is not installed; these models need EvolutionaryScale's "
            f"package esm, which cannot live beside fair-esm."
        ) from error


def _files(card: ModelCard) -> list[Path]:
    folder = repository(card)
    assert card.weights is not None
    return sorted(folder.glob(card.weights.path or "data/weights/*.pth"))


def _tensors(path: Path) -> dict[str, Any]:
    import torch

    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def _one(
    weights: Mapping[str, dict[str, Any]], *, model: str, having: str = "", lacking: str = "\n"
) -> dict[str, Any]:
    found = [one for name, one in weights.items() if having in name and lacking not in name]
    if len(found) != 1:
        raise UnavailableError(
            f"{model}: one file of weights is wanted there, and {len(found)} of "
            f"{', '.join(weights) or 'none'} fit; the card's weights.path picks them."
        )
    return found[0]


def _depth(weights: Mapping[str, Any], prefix: str) -> int:
    """Number of blocks whose weights are there."""
    numbers = [re.match(rf"{re.escape(prefix)}\.(\d+)\.", name) for name in weights]
    return 1 + max(int(number[1]) for number in numbers if number)


def _esm_c(weights: dict[str, Any]) -> Any:
    width = int(weights["embed.weight"].shape[1])
    network = import_quietly("esm.models.esmc").ESMC(
        d_model=width,
        n_heads=width // HEAD_WIDTH,
        n_layers=_depth(weights, "transformer.blocks"),
        tokenizer=import_quietly("esm.tokenization").get_esmc_model_tokenizers(),
        use_flash_attn=False,
    )
    return _filled(network, weights)


def _esm3(weights: dict[str, Any]) -> Any:
    width = int(weights["encoder.sequence_embed.weight"].shape[1])
    network = import_quietly("esm.models.esm3").ESM3(
        d_model=width,
        n_heads=width // HEAD_WIDTH,
        v_heads=_vector_heads(weights),
        n_layers=_depth(weights, "transformer.blocks"),
        structure_encoder_fn=None,
        structure_decoder_fn=None,
        function_decoder_fn=None,
        # The package's own collection fetches the newest commit of the whole repository for its
        # other tracks; the network asks for the sequence's alone.
        tokenizers=SimpleNamespace(
            sequence=import_quietly("esm.tokenization").EsmSequenceTokenizer()
        ),
    )
    return _filled(network, weights)


def _structure_encoder(weights: dict[str, Any]) -> Any:
    codes, out = weights["codebook.embeddings"].shape
    network = import_quietly("esm.models.vqvae").StructureTokenEncoder(
        d_model=int(weights["pre_vq_proj.weight"].shape[1]),
        n_heads=1,
        v_heads=_vector_heads(weights),
        n_layers=_depth(weights, "transformer.blocks"),
        d_out=int(out),
        n_codes=int(codes),
    )
    return _filled(network, weights)


def _vector_heads(weights: Mapping[str, Any]) -> int:
    return int(weights["transformer.blocks.0.geom_attn.distance_scale_per_head"].numel())


def _filled(network: Any, weights: dict[str, Any]) -> Any:
    network.load_state_dict(weights)
    return network.float().eval().requires_grad_(requires_grad=False)


@dataclass(frozen=True, kw_only=True)
class EsmModel:
    """ESM C, or one track of ESM3, ready to embed; chains go through one by one."""

    network: Any  # `ESMC` or `ESM3` of the package
    # Turns backbones into structure tokens; None where sequences are read
    structure_encoder: Any = None
    batch_size: int = 1

    def refuse(self, sample: Sample) -> str | None:
        """Refuse letters beyond the vocabulary and chains with positions that are not numbers."""
        if self.structure_encoder is not None:
            assert sample.backbone is not None
            lost = int((~np.isfinite(sample.backbone[:, :3]).all(axis=(1, 2))).sum())
            return f"has {lost} residues without N, CA and C positions" if lost else None
        assert sample.sequence is not None
        unknown = sorted(set(sample.sequence) - _letters())
        return f"has residues beyond the vocabulary: {', '.join(unknown)}" if unknown else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), width]: the mean over residues, end tokens apart."""
        return np.concatenate([self._embed_one(sample) for sample in samples])

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        import torch

        with torch.no_grad(), quiet():
            if self.structure_encoder is None:
                assert sample.sequence is not None
                output = self.network(sequence_tokens=self._tokens(sample.sequence))
            else:
                assert sample.backbone is not None
                output = self._read_structure(sample.backbone)
        inner = output.embeddings[0, 1:-1]
        return mean_by_sample(inner, [len(inner)])

    def _tokens(self, sequence: str) -> Any:
        """Token ids [1, residues + 2] between the two end tokens."""
        import torch

        tokenizer = getattr(self.network, "tokenizer", None) or self.network.tokenizers.sequence
        return torch.tensor([tokenizer.encode(sequence)])

    def _read_structure(self, backbone: NDArray[np.float32]) -> Any:
        """ESM3 on frames and structure tokens, with every residue of the sequence masked."""
        import torch

        frames = torch.from_numpy(np.ascontiguousarray(backbone[None, :, :3])).float()
        numbers = torch.arange(1, frames.shape[1] + 1)[None]
        _, states = self.structure_encoder.encode(frames, residue_index=numbers)
        codes = import_quietly("esm.utils.constants.esm3")
        ends = torch.full((1, 1, 3, 3), math.inf)
        first, last = (
            torch.tensor([[code]])
            for code in (codes.STRUCTURE_BOS_TOKEN, codes.STRUCTURE_EOS_TOKEN)
        )
        return self.network(
            sequence_tokens=self._tokens("<mask>" * frames.shape[1]),
            structure_tokens=torch.cat([first, states, last], dim=1),
            structure_coords=torch.cat([ends, frames, ends], dim=1),
        )


def _letters() -> set[str]:
    """Residues of the vocabulary: those tokens that are one capital letter."""
    vocabulary = import_quietly("esm.utils.constants.esm3").SEQUENCE_VOCAB
    return {token for token in vocabulary if len(token) == 1 and token.isupper()}
