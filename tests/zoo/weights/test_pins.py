"""Pinning what a card leaves open, and fetching what a pin says, against a small hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.weights.digest import files_digest
from pytest_matalign.zoo.weights.files import described_digest, weights_digest
from pytest_matalign.zoo.weights.hub import repository
from pytest_matalign.zoo.weights.pinning import pin, weight_names
from pytest_matalign.zoo.weights.pins import Pin, pinned, read_pins
from small_hub import FILES, SHA, Hub, fresh, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

pytestmark = pytest.mark.slow

# Pins the card of a repository, or fetches its files, and prints what came of it.
SCRIPT = """
import json, sys
import msgspec
from pytest_matalign.errors import MatalignError
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.weights.hub import repository
from pytest_matalign.zoo.weights.pinning import pin

action, weights = sys.argv[1], msgspec.json.decode(sys.argv[2], type=Weights)
card = msgspec.structs.replace(catalogue.card("antiberty"), id="tiny", weights=weights)
try:
    if action == "pin":
        print(msgspec.json.encode(pin(card)).decode())
    else:
        folder = repository(card, also=["*.json"])
        names = [file for file in folder.rglob("*") if file.is_file()]
        print(",".join(sorted(file.relative_to(folder).as_posix() for file in names)))
except MatalignError as error:
    print(type(error).__name__, error)
"""


class _Asker:
    def __init__(self, address: str, folder: Path) -> None:
        self._address, self._folder = address, folder

    def __call__(self, action: str, weights: Weights, **environment: str) -> str:
        text = msgspec.json.encode(weights).decode()
        settings = {"address": self._address, "folder": self._folder, **environment}
        return fresh(SCRIPT, action, text, **settings)


@pytest.fixture
def ask(address: str, tmp_path: Path) -> _Asker:
    """Pin or fetch in a fresh process."""
    return _Asker(address, tmp_path)


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the pins file."""
    path = tmp_path / "pins.json"
    monkeypatch.setenv("MATALIGN_PINS", str(path))
    return path


def _card(**weights: object) -> ModelCard:
    base = catalogue.card("antiberty")
    return msgspec.structs.replace(base, id="tiny", weights=Weights(**weights))


def test_a_pin_is_the_newest_commit_and_the_digests_of_the_weights(ask: _Asker, pins: Path) -> None:
    """Safetensors are chosen before pickles; the pin fills the card from then on."""
    found = json.loads(ask("pin", Weights(repo="team/tiny")))
    digest = sha256(FILES["model.safetensors"])
    expected = {"repo": "team/tiny", "revision": SHA, "sha256": digest}
    assert found == {**expected, "files": {"model.safetensors": digest}, "url": None}
    filled = pinned(_card(repo="team/tiny")).weights
    assert filled is not None
    assert (filled.revision, filled.sha256) == (SHA, digest)
    assert weights_digest(_card(repo="team/tiny")) == digest


def test_a_pinned_card_is_fetched_and_its_digests_checked(ask: _Asker, tmp_path: Path) -> None:
    """Only the weights pinned and what else was asked for; a changed file is named."""
    ask("pin", Weights(repo="team/tiny"))
    assert ask("fetch", Weights(repo="team/tiny")) == "config.json,model.safetensors"
    snapshot = tmp_path / "hub" / "models--team--tiny" / "snapshots" / SHA
    (snapshot / "model.safetensors").unlink()
    (snapshot / "model.safetensors").write_bytes(b"others")
    answer = ask("fetch", Weights(repo="team/tiny"))
    assert answer.startswith("UnavailableError tiny: model.safetensors in the local hub cache has")
    assert f"expected is {sha256(FILES['model.safetensors'])[:12]}; delete" in answer


def test_offline_with_files_missing_is_told(ask: _Asker, tmp_path: Path) -> None:
    """A cached commit without its weights is not loaded."""
    ask("pin", Weights(repo="team/tiny"))
    ask("fetch", Weights(repo="team/tiny"))
    snapshot = tmp_path / "hub" / "models--team--tiny" / "snapshots" / SHA
    (snapshot / "model.safetensors").unlink()
    answer = ask("fetch", Weights(repo="team/tiny"), HF_HUB_OFFLINE="1")
    assert answer.startswith("UnavailableError")
    assert "model.safetensors" in answer or "HF_HUB_OFFLINE forbids" in answer


def test_a_card_without_commit_or_pin_names_the_command(pins: Path) -> None:
    """Neither its files nor its digest can be had."""
    assert not pins.exists()
    sentence = r"^tiny: the card names team/tiny but no commit; run `matalign zoo pin tiny` once"
    with pytest.raises(UnavailableError, match=sentence):
        repository(_card(repo="team/tiny"))
    with pytest.raises(UnavailableError, match=sentence):
        weights_digest(_card(repo="team/tiny"))


def test_the_card_wins_over_the_pin(pins: Path) -> None:
    """A pin fills only what the card leaves open, and only for the same repository."""
    pins.write_bytes(
        msgspec.json.encode({"pins": {"tiny": Pin(repo="team/tiny", revision="1" * 40)}})
    )
    assert pinned(_card(repo="team/tiny")).weights == Weights(repo="team/tiny", revision="1" * 40)
    own = _card(repo="team/tiny", revision="2" * 40)
    assert pinned(own) is own
    other = _card(repo="team/other")
    assert pinned(other) is other


def test_embeddings_are_identified_by_what_was_pinned(pins: Path) -> None:
    """Pinning a newer commit makes another model, whose rows the store does not mix."""
    from pytest_matalign.embeddings.sources import ZooSource

    for digit in "12":
        pin = Pin(repo="team/tiny", revision=digit * 40, sha256=digit * 64)
        pins.write_bytes(msgspec.json.encode({"pins": {"tiny": pin}}))
        assert ZooSource(_card(repo="team/tiny")).identity["weights"] == digit * 64


def test_a_commit_stands_for_its_files_where_no_digest_is_known() -> None:
    """Two commits are two models."""
    first, second = (_card(repo="team/tiny", revision=digit * 40) for digit in "12")
    assert described_digest(first) != described_digest(second)
    listed = _card(repo="team/tiny", revision="1" * 40, files={"a": "0" * 64})
    assert described_digest(listed) == "0" * 64


def test_weights_in_a_folder_are_pinned_by_the_cards_pattern(ask: _Asker) -> None:
    """`path` picks the files; those elsewhere are not fetched."""
    Hub.repositories["team/folders"] = {
        "config.json": b"{}",
        "data/weights/net.pth": b"net",
        "data/weights/other.pth": b"other",
    }
    weights = Weights(repo="team/folders", path="data/weights/net.pth")
    found = json.loads(ask("pin", weights))
    assert found["files"] == {"data/weights/net.pth": sha256(b"net")}
    assert ask("fetch", weights) == "config.json,data/weights/net.pth"


@pytest.mark.parametrize(
    ("repo", "message"),
    [
        ("team/gated", "tiny: team/gated is gated: accept its terms on the hub"),
        ("team/missing", "tiny: team/missing is not on the hub, or is private"),
        ("team/broken", "the hub answered with status 418"),
        ("team/bare", "tiny: team/bare has no weights (safetensors or pytorch_model.bin)"),
    ],
)
def test_what_cannot_be_pinned_is_told(ask: _Asker, repo: str, message: str) -> None:
    """Each refusal of the hub has its sentence, and no pins file is written."""
    Hub.repositories["team/bare"] = {"README.md": b"soon"}
    answer = ask("pin", Weights(repo=repo))
    assert answer.startswith("UnavailableError")
    assert message in answer


def test_pinning_needs_the_hub(ask: _Asker) -> None:
    """Offline and out of reach are told apart."""
    weights = Weights(repo="team/tiny")
    assert "HF_HUB_OFFLINE forbids" in ask("pin", weights, HF_HUB_OFFLINE="1")
    assert "the hub is out of reach" in ask("pin", weights, address="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"package": "antiberty", "path": "a.bin"}, "has no weights on the hub or at a URL"),
        ({"repo": "team/tiny", "revision": SHA}, "the card itself states its commit"),
    ],
)
def test_what_needs_no_pin_is_told(pins: Path, weights: dict[str, object], message: str) -> None:
    """Weights in a package and cards with a commit are what they are."""
    with pytest.raises(ConfigurationError, match=message):
        pin(_card(**weights))
    assert not pins.exists()


@pytest.mark.parametrize("content", [b"not json", b'{"pins": 3}', b'{"version": 2, "pins": {}}'])
def test_a_faulty_pins_file_is_named(pins: Path, content: bytes) -> None:
    """The file and the way out."""
    pins.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"pins\.json .*delete it and pin again"):
        read_pins(pins)


def test_safetensors_at_the_root_come_first() -> None:
    """Exports for other runtimes in subfolders are not what transformers reads."""
    names = ["model-1.safetensors", "original/model.safetensors", "pytorch_model.bin", "x.onnx"]
    assert weight_names(names, path=None) == ["model-1.safetensors"]
    assert weight_names(names[1:], path=None) == ["pytorch_model.bin"]
    assert weight_names(names, path="original/*") == ["original/model.safetensors"]


def test_the_digest_of_several_files_is_over_names_and_digests() -> None:
    """As for several files in a package; one file is its own digest."""
    assert files_digest({"a": "1" * 64}) == "1" * 64
    lines = f"{'1' * 64}  a\n{'2' * 64}  b\n".encode()
    assert files_digest({"b": "2" * 64, "a": "1" * 64}) == sha256(lines)
