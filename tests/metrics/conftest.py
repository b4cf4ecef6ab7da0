"""Every test here is run twice: on the engine's functions of two spaces, and on the definitions."""

from __future__ import annotations

import pytest

from pytest_matalign.metrics import (
    cka,
    cknna,
    dimension,
    distance_correlation,
    information_imbalance,
    neighbours,
    procrustes,
    rsa,
)

DEFINITIONS = {
    "cknna": cknna.cknna,
    "distance_correlation": distance_correlation.distance_correlation,
    "information_imbalance": information_imbalance.information_imbalance,
    "intrinsic_dimension": dimension.intrinsic_dimension,
    "linear_cka": cka.linear_cka,
    "mutual_knn": neighbours.mutual_knn,
    "procrustes": procrustes.procrustes,
    "rsa": rsa.rsa,
}


@pytest.fixture(scope="module", autouse=True, params=["engine", "definitions"])
def implementation(request):
    """Put the definitions in the place of the engine's functions that a test module imports."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "definitions":
            for name in DEFINITIONS.keys() & vars(request.module).keys():
                patch.setattr(request.module, name, DEFINITIONS[name])
        yield
