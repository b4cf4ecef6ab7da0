"""Alignment metrics: pure functions of two embeddings (or one), each a named estimator.

`alignment_matrix` computes them for all pairs of many embeddings at once.
"""

from typing import TYPE_CHECKING, Any

from pytest_matalign.metrics.cca import pwcca, svcca
from pytest_matalign.metrics.cka import linear_cka, rbf_cka
from pytest_matalign.metrics.cknna import cknna
from pytest_matalign.metrics.dimension import id_correlation, intrinsic_dimension
from pytest_matalign.metrics.distance_correlation import distance_correlation
from pytest_matalign.metrics.information_imbalance import information_imbalance
from pytest_matalign.metrics.neighbours import mutual_knn
from pytest_matalign.metrics.preprocessing import PREPROCESSES, preprocess
from pytest_matalign.metrics.procrustes import procrustes
from pytest_matalign.metrics.rsa import rsa

if TYPE_CHECKING:
    from pytest_matalign.engine.matrix import AlignmentMatrix, alignment_matrix

__all__ = [
    "PREPROCESSES",
    "AlignmentMatrix",
    "alignment_matrix",
    "cknna",
    "distance_correlation",
    "id_correlation",
    "information_imbalance",
    "intrinsic_dimension",
    "linear_cka",
    "mutual_knn",
    "preprocess",
    "procrustes",
    "pwcca",
    "rbf_cka",
    "rsa",
    "svcca",
]


def __getattr__(name: str) -> Any:
    """Import the engine, and torch with it, only when asked for."""
    if name in {"AlignmentMatrix", "alignment_matrix"}:
        from pytest_matalign.engine import matrix as engine

        return getattr(engine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
