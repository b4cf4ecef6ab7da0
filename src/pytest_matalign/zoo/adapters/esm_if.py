"""ESM-IF1 (Hsu et al. 2022) through fair-esm: the encoder of an inverse-folding transformer."""

from __future__ import annotations

import argparse
import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo.adapters._support.pooling import mean_by_sample
from pytest_matalign.zoo.adapters._support.scatter import provide_scatter
from pytest_matalign.zoo.adapters._support.shuffle import shuffle_if_asked
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
NAME = "esm_if1_gvp4_t16_142M_UR50"
"""What fair-esm calls the checkpoint; it chooses by the name how weights are read."""


def load(card: ModelCard) -> EsmIf:
    """Load the checkpoint and keep its encoder.

    Raises:
        UnavailableError: If the package `esm` is another one of that name, or the file holds
            more than tensors and settings.
    """
    converter = _package(card.id)
    stored = _stored(weight_files(card)[0], name=card.id)
    pretrained = import_quietly("esm.pretrained")
    with quiet():
        network, alphabet = pretrained.load_model_and_alphabet_core(NAME, stored, None)
    encoder = network.encoder.float().eval().requires_grad_(requires_grad=False)
    shuffle_if_asked(encoder, card)
    return EsmIf(encoder=encoder, convert=converter(alphabet))


def _package(name: str) -> Any:
    """fair-esm's converter of backbones, its old imports provided for.

    It imports torch_scatter, of which the encoder uses one sum, and a function of biotite that
    has been renamed, which only its readers of files use.
    """
    import_quietly("torch_geometric")
    provide_scatter()
    structure = import_quietly("biotite.structure")
    if not hasattr(structure, "filter_backbone"):
        structure.filter_backbone = structure.filter_peptide_backbone
    try:
        return import_quietly("esm.inverse_folding.util").CoordBatchConverter
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"{name}: {error.name} is not installed; ESM-IF1 needs fair-esm, which cannot live "
            f"beside EvolutionaryScale's package esm."
        ) from error


def _stored(path: Path, *, name: str) -> dict[str, Any]:
    """Weights and settings, read by torch's `weights_only` unpickler: no code of the file runs."""
    import torch

    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UnavailableError(
            f"{name}: {path} holds more than tensors and settings and is not read, because that "
            f"could run code."
        ) from error
    return found


@dataclass(frozen=True, kw_only=True)
class EsmIf:
    """The encoder of ESM-IF1, ready to embed; chains go through one by one."""

    encoder: Any  # fair-esm's GVP transformer encoder
    convert: Any  # Its converter from backbones to padded tensors
    batch_size: int = 1

    def refuse(self, sample: Sample) -> str | None:
        """Refuse chains with residues that lack positions."""
        assert sample.backbone is not None
        lost = int((~np.isfinite(sample.backbone[:, :3]).all(axis=(1, 2))).sum())
        return f"has {lost} residues without N, CA and C positions" if lost else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 512]: the mean over residues, the padded ends apart."""
        return np.concatenate([self._embed_one(sample) for sample in samples])

    def _embed_one(self, sample: Sample) -> NDArray[np.float32]:
        import torch

        assert sample.backbone is not None
        # fair-esm puts padding at the origin, and the end residues see where it lies from them:
        # without a common centre, moving a chain would change its embedding.
        frames = sample.backbone[:, :3] - sample.backbone[:, 1].mean(axis=0, dtype=np.float64)
        frames = np.ascontiguousarray(frames, dtype=np.float32)
        with torch.no_grad(), quiet():
            coordinates, confidence, _, _, padding = self.convert([(frames, None, None)])
            output = self.encoder(coordinates, padding, confidence)["encoder_out"][0]
        inner = output[1:-1, 0]
        return mean_by_sample(inner, [len(inner)])
