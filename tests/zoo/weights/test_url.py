"""Weights at a URL: cached, resumed, checked, and every failure in one sentence."""

from __future__ import annotations

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.cache import DamagedEntryWarning
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import Weights
from pytest_matalign.zoo.weights.files import check_weights, weight_files, weights_digest
from pytest_matalign.zoo.weights.url import files_at_url, retrieve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_matalign.zoo.card import ModelCard

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """A web server on this machine, and what it was asked for."""

    address: str = ""
    content: bytes = CONTENT
    cut: int | None = None
    """Bytes after which the connection breaks."""
    parts: bool = True
    status: int | None = None
    asked: list[str | None] = field(default_factory=list)
    """The `Range` header of each request."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.status is not None:
            request.send_error(self.status)
            return
        start = 0
        if wanted and self.parts:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(self.content):
            request.send_error(416)
            return
        rest = self.content[start:]
        request.send_response(206 if wanted and self.parts else 200)
        request.send_header("Content-Length", str(len(rest)))
        request.end_headers()
        request.wfile.write(rest if self.cut is None else rest[: self.cut])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server, and a cache of its own."""
    monkeypatch.setenv("MATALIGN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


def card(url: str, sha256: str | None = SHA256) -> ModelCard:
    """A card whose weights lie at a URL."""
    base = catalogue.card("chgnet-0.3.0")
    return msgspec.structs.replace(base, id="toy", weights=Weights(url=url, sha256=sha256))


def file_at_url(card: ModelCard) -> Path:
    """The only file of a card."""
    (path,) = files_at_url(card)
    return path


def test_the_files_of_a_folder_lie_together(site: Site) -> None:
    """A package reads them by the folder; each has its own digest."""
    base = card(f"{site.address}/models/m1/")
    weights = Weights(url=base.weights.url, files={"a.json": SHA256, "b.pt": SHA256})
    one = msgspec.structs.replace(base, weights=weights)
    found = weight_files(one)
    assert [path.name for path in found] == ["a.json", "b.pt"]
    assert found[0].parent == found[1].parent
    assert found[0].parent.name == weights_digest(one)
    assert weight_files(one) == found
    assert len(site.asked) == 2
    other = msgspec.structs.replace(weights, files={"a.json": "0" * 64})
    with pytest.raises(UnavailableError, match="the file has changed"):
        weight_files(msgspec.structs.replace(base, weights=other))


def test_a_file_is_fetched_once(site: Site) -> None:
    """The second time it comes from the cache, also when the hub is to be left alone."""
    one = card(f"{site.address}/models/toy%20v1.ckpt")
    path = file_at_url(one)
    assert path.name == "toy v1.ckpt"
    assert path.read_bytes() == CONTENT
    assert weight_files(one) == (path,)
    assert site.asked == [None]


def test_the_cache_serves_while_offline(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_HUB_OFFLINE forbids the network, not the cache."""
    one = card(f"{site.address}/toy.ckpt")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        UnavailableError, match=r"toy: toy\.ckpt is not in .* HF_HUB_OFFLINE forbids"
    ):
        file_at_url(one)
    assert site.asked == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    path = file_at_url(one)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert file_at_url(one) == path


def test_a_download_that_broke_off_is_resumed(site: Site) -> None:
    """What arrived is kept; the rest is asked for by its range."""
    one = card(f"{site.address}/toy.ckpt")
    site.cut = 1000
    with pytest.raises(UnavailableError, match=rf"broke off after 1000 of {len(CONTENT)} bytes"):
        file_at_url(one)
    with pytest.raises(UnavailableError, match=rf"broke off after 2000 of {len(CONTENT)} bytes"):
        file_at_url(one)
    site.cut = None
    assert file_at_url(one).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=1000-", "bytes=2000-"]


def test_a_server_that_sends_no_parts_is_read_from_the_start(site: Site) -> None:
    """It answers 200 with the whole file; nothing is appended twice."""
    one = card(f"{site.address}/toy.ckpt")
    site.cut = 1000
    with pytest.raises(UnavailableError, match="broke off"):
        file_at_url(one)
    site.cut, site.parts = None, False
    assert file_at_url(one).read_bytes() == CONTENT


def test_a_resumed_file_of_two_halves_is_fetched_whole(site: Site) -> None:
    """The first part was of another release of the file."""
    one = card(f"{site.address}/toy.ckpt")
    site.content, site.cut = b"x" * len(CONTENT), 1000
    with pytest.raises(UnavailableError, match="broke off"):
        file_at_url(one)
    site.content, site.cut = CONTENT, None
    assert file_at_url(one).read_bytes() == CONTENT
    assert site.asked == [None, "bytes=1000-", None]


def test_a_part_as_long_as_the_file_is_judged_by_its_digest(site: Site) -> None:
    """The server has no bytes beyond it (416)."""
    one = card(f"{site.address}/toy.ckpt")
    site.content, site.cut = b"x" * 2 * len(CONTENT), len(CONTENT)
    with pytest.raises(UnavailableError, match="broke off"):
        file_at_url(one)
    site.content, site.cut = CONTENT, None
    assert file_at_url(one).read_bytes() == CONTENT


def test_another_file_than_the_cards_is_refused(site: Site) -> None:
    """And not kept: a file in the cache is one that passed."""
    one = card(f"{site.address}/toy.ckpt", "0" * 64)
    for _ in range(2):
        with pytest.raises(
            UnavailableError, match=rf"sha256 {SHA256[:12]}, the card describes 000000000000"
        ):
            file_at_url(one)
    assert site.asked == [None, None]


def test_a_damaged_file_in_the_cache_is_fetched_again(site: Site) -> None:
    """With a word on it."""
    one = card(f"{site.address}/toy.ckpt")
    file_at_url(one).write_bytes(b"damaged")
    with pytest.warns(DamagedEntryWarning, match=r"toy\.ckpt is damaged"):
        path = file_at_url(one)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, r"toy: there is no file at http.* any more \(status 404\)"),
        (403, r"toy: http.* may not be read without permission \(status 403\)"),
        (503, r"toy: http.* is not in the local cache and its server answered 503"),
    ],
)
def test_each_answer_of_a_server_is_named(site: Site, status: int, sentence: str) -> None:
    """Gone, forbidden, broken."""
    site.status = status
    with pytest.raises(UnavailableError, match=sentence):
        file_at_url(card(f"{site.address}/toy.ckpt"))


@pytest.mark.usefixtures("site")
def test_a_server_out_of_reach_is_named() -> None:
    """Nothing listens on port 9 of this machine."""
    with pytest.raises(UnavailableError, match=r"is out of reach \(.*refused.*\)"):
        file_at_url(card("http://127.0.0.1:9/toy.ckpt"))


def test_a_card_without_a_digest_says_how_to_get_one(site: Site) -> None:
    """A file that may change under its name is not a model one can compare with."""
    one = card(f"{site.address}/toy.ckpt", None)
    with pytest.raises(UnavailableError, match=r"states no sha256 .* `matalign zoo pin toy`"):
        file_at_url(one)
    path = retrieve(f"{site.address}/toy.ckpt", model="toy")
    assert path.parent.name == SHA256
    assert file_at_url(card(f"{site.address}/toy.ckpt")) == path


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://example.org/", "toy.ckpt"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """Files on this machine are named by `path`."""
    with pytest.raises(ConfigurationError, match=re.escape(f"toy: {url} is not the address")):
        file_at_url(card(url))


def test_the_digest_of_a_file_at_a_url_is_told_without_it() -> None:
    """The store is asked before anything is fetched."""
    one = card("https://example.org/toy.ckpt")
    assert weights_digest(one) == SHA256


def test_a_users_card_may_name_a_file_on_this_machine(tmp_path: Path) -> None:
    """Or a folder, digested over its files."""
    (tmp_path / "a.pt").write_bytes(CONTENT)
    base = card("")
    one = msgspec.structs.replace(base, weights=Weights(path=str(tmp_path / "a.pt"), sha256=SHA256))
    check_weights(one)
    assert weight_files(one) == (tmp_path / "a.pt",)
    assert weights_digest(one) == SHA256
    (tmp_path / "b.pt").write_bytes(b"b")
    folder = msgspec.structs.replace(base, weights=Weights(path=str(tmp_path)))
    assert [path.name for path in weight_files(folder)] == ["a.pt", "b.pt"]
    lines = f"{SHA256}  a.pt\n{hashlib.sha256(b'b').hexdigest()}  b.pt\n"
    assert weights_digest(folder) == hashlib.sha256(lines.encode()).hexdigest()


def test_a_file_on_this_machine_is_checked_and_missed(tmp_path: Path) -> None:
    """By digest, by presence, and by being named in full."""
    (tmp_path / "a.pt").write_bytes(b"other")
    base = card("")

    def at(path: str) -> ModelCard:
        return msgspec.structs.replace(base, weights=Weights(path=path, sha256=SHA256))

    with pytest.raises(UnavailableError, match="give the file the card was written for"):
        check_weights(at(str(tmp_path / "a.pt")))
    with pytest.raises(UnavailableError, match=r"there is no weight file at .*gone\.pt"):
        check_weights(at(str(tmp_path / "gone.pt")))
    with pytest.raises(ConfigurationError, match=r"weights\.path is 'a\.pt'; .* an absolute path"):
        check_weights(at("a.pt"))
