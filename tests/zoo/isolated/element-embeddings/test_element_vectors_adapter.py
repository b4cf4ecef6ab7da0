"""Vectors of elements that a corpus of abstracts gave."""

from __future__ import annotations

import pytest

from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo.energies import structure_of
from real_weights import load_real

MIXTURE = ("NaCl rocksalt 5.69", "Na bcc 4.2", "Cl fcc 5.0")


def test_vectors_of_elements_are_averaged() -> None:
    """A salt lies half way between its elements."""
    model = load_real("mat2vec")
    rows = model.embed([Sample(id=name, atoms=structure_of(name)) for name in MIXTURE])
    assert rows[0] == pytest.approx((rows[1] + rows[2]) / 2, abs=1e-6)
