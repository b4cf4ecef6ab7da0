from .embeddings.embedding import Embedding
from .embeddings.files import read_embedding, write_embeddings
from .embeddings.own import embed
from .engine.matrix import alignment_matrix
from .engine.pairs import (
    cknna,
    distance_correlation,
    information_imbalance,
    intrinsic_dimension,
    linear_cka,
    mutual_knn,
    procrustes,
    rsa,
)
from .environments.loading import load
from .metrics.cca import pwcca, svcca
from .metrics.cka import rbf_cka
from .metrics.dimension import id_correlation
from .metrics.spec import metric_spec
from .scorecard.model import read_scorecard, write_scorecard
from .splits.catalogue import split_cards
from .splits.load import load_split
from .statistics.assess import assess, assess_difference, prepare
from .statistics.dimension import assess_dimension
from .testing.conformance import check_adapter
from .testing.report import assert_conforms
from .zoo.card import ModelCard
from .zoo.catalogue import card, cards

__version__: str
__all__ = [
    "Embedding",
    "ModelCard",
    "alignment_matrix",
    "assert_conforms",
    "assess",
    "assess_difference",
    "assess_dimension",
    "card",
    "cards",
    "check_adapter",
    "cknna",
    "distance_correlation",
    "embed",
    "id_correlation",
    "information_imbalance",
    "intrinsic_dimension",
    "linear_cka",
    "load",
    "load_split",
    "metric_spec",
    "mutual_knn",
    "prepare",
    "procrustes",
    "pwcca",
    "rbf_cka",
    "read_embedding",
    "read_scorecard",
    "rsa",
    "split_cards",
    "svcca",
    "write_embeddings",
    "write_scorecard",
]
