"""Weight files and their digests."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo import registry
from pytest_matalign.zoo.weights import check_weights, file_digest, weight_files

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard


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
    base = registry.card("chgnet-0.3.0")
    weights = msgspec.structs.replace(base.weights, package="toy_weights", path=path, sha256=sha256)
    return msgspec.structs.replace(base, weights=weights)


def test_one_file_is_its_own_sha256(package: Path) -> None:
    """What `sha256sum` prints; the package itself is not imported."""
    expected = hashlib.sha256((package / "one.bin").read_bytes()).hexdigest()
    assert registry.weights_digest(_card("one.bin")) == expected


def test_several_files_are_digested_by_name_and_content(package: Path) -> None:
    """Renaming or changing any member changes the digest."""
    assert [path.name for path in weight_files(_card("members/*.bin"))] == ["a.bin", "b.bin"]
    lines = "".join(
        f"{hashlib.sha256((package / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("members/a.bin", "members/b.bin")
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert file_digest(_card("members/*.bin")) == expected
    (package / "members" / "b.bin").write_bytes(b"something longer")
    assert file_digest(_card("members/*.bin")) != expected


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
    card = registry.card("random")
    other = msgspec.structs.replace(card, options={**card.options, "seed": 2})
    assert registry.weights_digest(card) != registry.weights_digest(other)
    assert registry.weights_digest(card) == registry.weights_digest(card)
    assert registry.weights_digest(card) != registry.weights_digest(registry.card("composition"))


@pytest.mark.zoo
@pytest.mark.parametrize(
    "model_id",
    [card.id for card in registry.cards().values() if card.weights and card.weights.package],
)
def test_the_installed_weights_are_those_of_the_card(model_id: str) -> None:
    """The digest on the card is that of the file inside the package."""
    card = registry.card(model_id)
    if reason := registry.unavailable(card):
        pytest.skip(reason)
    assert card.weights is not None
    assert file_digest(card) == card.weights.sha256
    if card.role == "pretrained":
        assert registry.weights_digest(card) == card.weights.sha256
    else:
        assert registry.weights_digest(card) != card.weights.sha256
