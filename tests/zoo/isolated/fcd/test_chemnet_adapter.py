"""ChemNet reads molecules."""

from __future__ import annotations

from promises import TOLERANCE, check_promises
from pytest_matalign.splits.sample import Sample
from real_weights import load_real


def test_chemnet_reads_a_molecule_and_not_its_spelling() -> None:
    """Two SMILES of one molecule have one row; a string that is none is refused."""
    model = load_real("chemnet")
    spelt = [Sample(id=text, smiles=text) for text in ("CCO", "OCC", "c1ccccc1")]
    rows = check_promises(model, [spelt[0], spelt[2]], width=512)
    scale = abs(rows).max()
    assert abs(model.embed([spelt[1]]) - rows[0]).max() <= TOLERANCE * scale
    assert model.refuse(Sample(id="bad", smiles="C1CC")) is not None
