"""Every row of Table 1 of arXiv 2512.03750 has a card, and cards claim no more than was done."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapter import adapter_version
from pytest_matalign.zoo.weights.files import described_digest

ROWS = (
    "Orb V2",
    *(f"Orb V3 Direct {size} {data}" for size, data in product(("Inf", "20"), ("OMat", "MPA"))),
    "Orb V3 Direct 20 OMat Randomized",
    *(
        f"Orb V3 Conservative {size} {data}"
        for size, data in product(("Inf", "20"), ("OMat", "MPA"))
    ),
    *("UMA Medium", "UMA Small"),
    *("eSEN MP", "eSEN OMPA", "eSEN OMat"),
    *(f"EquiformerV2 {data} {size}" for data, size in product(("OMPA", "OMat"), "LMS")),
    "EquiformerV2 MP S",
    *(f"EquiformerV2 DeNS MP {size}" for size in "LMS"),
    *("MACE-MP-0 L Equivariant", "MACE-MP-0 L", "MACE-MP-0 M Equivariant", "MACE-MP-0 M"),
    "MACE-MP-0 S",
    *(f"MACE-OFF23 {size}" for size in "LMS"),
    *("PET-MAD", "Geom2Vec"),
    *("MoLFormer", "ChemBERTa-2", "ChemGPT 1.2B"),
    *(
        f"{network}{prompt}"
        for network in ("DeepSeek-R1", "Qwen3-30B-A3B", "GPT-OSS-20B")
        for prompt in ("", " Blank", " Blank Atomistic")
    ),
    *("ESM2 L", "ESM2 M", "ESM2 S", "ESM C M", "ESM C S", "ESM3 Sequence", "ProstT5 Sequence"),
    *("ESM3 Structure", "ProstT5 Structure", "ESM-IF1", "ProteinMPNN"),
    "Random Baseline",
)
"""The 59 rows, in words of our own that say size, corpus and read-out."""

TESTS = Path(__file__).parent


def test_there_are_as_many_rows_as_the_paper_counts() -> None:
    """Fifty-nine, two random controls among them."""
    assert len(ROWS) == len(set(ROWS)) == 59


def test_every_row_has_exactly_one_card() -> None:
    """None is missing, none is claimed twice, and no card claims a row that is not there."""
    claimed = Counter(card.paper for card in catalogue.cards().values() if card.paper is not None)
    assert {row: claimed.pop(row, 0) for row in ROWS} == dict.fromkeys(ROWS, 1)
    assert not claimed


def test_only_random_rows_are_controls() -> None:
    """All other rows are pretrained models."""
    for card in catalogue.cards().values():
        if card.paper is not None:
            assert (card.role == "control") == ("Random" in card.paper), card.id


def test_the_zoo_has_ninety_cards_and_twenty_eight_verified_models() -> None:
    """Across all five modalities; controls not counted."""
    found = catalogue.cards().values()
    verified = [one for one in found if one.state == "verified" and one.role == "pretrained"]
    assert len(found) >= 90
    assert len(verified) >= 28
    assert {one.modality for one in verified} == {
        "3d", "graph", "string", "protein-sequence", "protein-structure",
    }  # fmt: skip


@pytest.mark.parametrize(
    "model_id",
    [
        one.id
        for one in catalogue.cards().values()
        if one.state == "verified" and one.role == "pretrained"
    ],
)
def test_a_verified_model_says_which_weights_were_run(model_id: str) -> None:
    """The digest of the files in a package or at a URL, and the width that came out."""
    card = catalogue.card(model_id)
    assert card.weights is not None
    assert re.fullmatch(r"[0-9a-f]{64}", described_digest(card) or "")
    assert card.weights.package or card.weights.url
    assert card.width
    assert card.requires


@pytest.mark.parametrize(
    "adapter",
    sorted({one.adapter for one in catalogue.cards().values() if one.state == "loader-verified"}),
)
def test_a_loader_verified_adapter_has_a_test(adapter: str) -> None:
    """A test file of the adapter's own, named after it."""
    adapter_version(next(one for one in catalogue.cards().values() if one.adapter == adapter))
    named = [path for path in TESTS.rglob("test_*.py") if adapter in path.stem]
    assert named, f"no tests/zoo/test_*{adapter}*.py"


def test_a_declared_model_shows_no_digest_it_cannot_have() -> None:
    """What was never fetched here has no digest measured here."""
    for card in catalogue.cards().values():
        if card.state == "declared" and card.weights is not None:
            assert card.weights.package is None or card.weights.sha256 is None, card.id
