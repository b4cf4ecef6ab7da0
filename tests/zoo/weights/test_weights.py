"""Weight files and their digests."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.adapter import missing_packages
from pytest_matalign.zoo.card import ModelCard, Weights
from pytest_matalign.zoo.weights.digest import files_digest, model_digest
from pytest_matalign.zoo.weights.files import (
    check_weights,
    described_digest,
    weight_files,
    weights_digest,
)
from pytest_matalign.zoo.weights.local import is_local, local_digests

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with three weight files."""
    folder = tmp_path / "toy_weights"
    (folder / "members").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    for name in ("one.bin", "members/a.bin", "members/b.bin"):
        (folder / name).write_bytes(name.encode())
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def _card(path: str, sha256: str | None = None) -> ModelCard:
    base = catalogue.card("chgnet-0.3.0")
    weights = msgspec.structs.replace(base.weights, package="toy_weights", path=path, sha256=sha256)
    return msgspec.structs.replace(base, weights=weights)


def test_one_file_is_its_own_sha256(package: Path) -> None:
    """What `sha256sum` prints; the package itself is not imported."""
    expected = hashlib.sha256((package / "one.bin").read_bytes()).hexdigest()
    assert weights_digest(_card("one.bin")) == expected


def test_several_files_are_digested_by_name_and_content(package: Path) -> None:
    """Renaming or changing any member changes the digest."""
    assert [path.name for path in weight_files(_card("members/*.bin"))] == ["a.bin", "b.bin"]
    lines = "".join(
        f"{hashlib.sha256((package / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("members/a.bin", "members/b.bin")
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert weights_digest(_card("members/*.bin")) == expected
    (package / "members" / "b.bin").write_bytes(b"something longer")
    assert weights_digest(_card("members/*.bin")) != expected


def test_other_weights_than_the_cards_are_refused(package: Path) -> None:
    """A release of the package with new weights is another model."""
    assert package.exists()
    with pytest.raises(UnavailableError, match=r"have sha256 .* the card describes 000000000000"):
        check_weights(_card("one.bin", sha256="0" * 64))


def test_a_package_without_its_weights_is_unavailable(package: Path) -> None:
    """Several packages have stopped shipping their weights."""
    assert package.exists()
    with pytest.raises(UnavailableError, match=r"toy_weights is installed without gone\.bin"):
        weight_files(_card("gone.bin"))


def test_a_control_is_its_kind_and_options() -> None:
    """Without weights, what defines the numbers is digested instead."""
    card = catalogue.card("random")
    other = msgspec.structs.replace(card, options={**card.options, "seed": 2})
    assert weights_digest(card) != weights_digest(other)
    assert weights_digest(card) == weights_digest(card)
    assert weights_digest(card) != weights_digest(catalogue.card("composition"))


@pytest.mark.parametrize("card", catalogue.cards().values(), ids=lambda card: card.id)
def test_a_card_says_what_its_files_would(card: ModelCard) -> None:
    """Packs are accepted or refused by the equality of the two."""
    described = described_digest(card)
    if card.weights is None:
        assert described is not None or card.role == "pretrained"
        return
    if described is not None:
        assert weights_digest(card) == described
    if card.weights.sha256 and card.role == "pretrained":
        assert described == card.weights.sha256
    if not is_local(card) or missing_packages(card):
        return
    read = files_digest(local_digests(card))
    assert read == card.weights.sha256
    assert described == model_digest(card, weights=read)


def test_what_a_card_states_comes_before_its_files(package: Path) -> None:
    """Rows of other weights are never taken for the card's; loading refuses those."""
    assert package.exists()
    assert weights_digest(_card("one.bin", sha256="0" * 64)) == "0" * 64


def test_a_repository_is_its_files_or_else_its_commit() -> None:
    """Another commit is another model, wherever the files' digests are not known."""
    base = catalogue.card("chgnet-0.3.0")

    def digest(**weights: object) -> str | None:
        one = Weights(repo="some/model", **weights)  # type: ignore[arg-type]
        return described_digest(msgspec.structs.replace(base, weights=one))

    assert digest() is None
    assert digest(revision="0" * 40) != digest(revision="1" * 40)
    assert digest(revision="0" * 40, files={"a.bin": "f" * 64}) == "f" * 64
    assert digest(revision="0" * 40, files={"a": "1" * 64, "b": "2" * 64}, sha256="3" * 64) == (
        "3" * 64
    )
