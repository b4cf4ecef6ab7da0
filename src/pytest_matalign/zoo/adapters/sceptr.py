"""SCEPTR (Nagano et al. 2025, doi:10.1016/j.cels.2024.12.006): a BERT over T-cell receptors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.zoo.quiet import import_quietly, quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
LOOP = re.compile(r"C[ACDEFGHIKLMNPQRSTVWY]{3,38}[FWC]")
"""A CDR3 loop by the IMGT convention: from the second cysteine to the phenylalanine or tryptophan
of the J region, which a few receptors replace by cysteine."""


def load(card: ModelCard) -> Sceptr:
    """Load the variant named by the option `variant` in the package's words."""
    variants = import_quietly("sceptr.variant")
    with quiet():
        network = getattr(variants, str(card.options["variant"]))()
    return Sceptr(network, frame=import_quietly("pandas").DataFrame)


@dataclass
class Sceptr:
    """A SCEPTR that reads one loop of a receptor, the CDR3 of its beta chain.

    The package reads receptors as V genes and CDR3 loops of both chains. A sample has no genes,
    only a sequence, so the rest is told to be missing, as the package allows.
    """

    network: Any
    frame: Any
    batch_size: int = 50

    def refuse(self, sample: Sample) -> str | None:
        """Refuse whatever is not a CDR3 loop; other proteins would be read without a word."""
        if LOOP.fullmatch(str(sample.sequence)):
            return None
        return "is not the CDR3 loop of a T-cell receptor (C to F or W, 5 to 40 residues)"

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Return float32 [len(samples), 64], the package's own vector of unit length."""
        loops = [sample.sequence for sample in samples]
        table = self.frame({"TRAV": None, "CDR3A": None, "TRBV": None, "CDR3B": loops})
        with quiet():
            vectors = self.network.calc_vector_representations(table)
        found: NDArray[np.float32] = np.asarray(vectors, dtype=np.float32)
        return found
