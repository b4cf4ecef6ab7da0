"""Fetching from the hub, against a small hub on this machine.

Every download runs in a process of its own: the hub client reads its address and cache from the
environment once, when it is imported.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SHA = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"pickle"}
REFUSALS = {
    "gated": (403, "GatedRepo"),
    "missing": (404, "RepoNotFound"),
    "moved": (404, "RevisionNotFound"),
    "broken": (418, ""),
}
FETCH = """
import sys
from pytest_matalign.errors import MatalignError
from pytest_matalign.zoo.hub import snapshot

def complete(folder):
    return (folder / "config.json").is_file() and (folder / "model.safetensors").is_file()

try:
    folder = snapshot(
        sys.argv[1], revision=sys.argv[2], patterns=["*.json", "*.safetensors"], complete=complete
    )
    print(",".join(sorted(file.name for file in folder.iterdir())))
except MatalignError as error:
    print(type(error).__name__, error)
"""


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as a snapshot download uses."""

    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        for name, (status, code) in REFUSALS.items():
            if f"/team/{name}/" in self.path:
                self._send(status, b"", {"X-Error-Code": code} if code else {})
                return
        if self.path.startswith("/api/models/"):
            listing = [{"rfilename": name} for name in FILES]
            content = json.dumps({"id": "team/tiny", "sha": SHA, "siblings": listing}).encode()
            self._send(200, content, {"Content-Type": "application/json"})
            return
        content = FILES[self.path.rsplit("/", 1)[1]]
        tags = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": SHA}
        self._send(200, content, tags, body=body)

    def _send(
        self, status: int, content: bytes, headers: dict[str, str], *, body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The hub's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(address: str, tmp_path: Path) -> Callable[..., str]:
    """Ask for a snapshot in a fresh process; returns the files' names or the error."""

    def run(repo: str, *, revision: str = SHA, **environment: str) -> str:
        settings = {"HF_ENDPOINT": address, "HF_HUB_CACHE": str(tmp_path / "hub")}
        settings |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        result = subprocess.run(
            [sys.executable, "-c", FETCH, repo, revision],
            env={**os.environ, **settings, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return result.stdout.strip()

    return run


def test_a_snapshot_is_fetched_once_and_then_read_from_the_cache(fetch: Callable[..., str]) -> None:
    """The second time the hub is not asked at all; pickles are never fetched."""
    assert fetch("team/tiny") == "config.json,model.safetensors"
    _Hub.asked.clear()
    assert fetch("team/tiny") == "config.json,model.safetensors"
    assert _Hub.asked == []
    assert fetch("team/tiny", HF_HUB_OFFLINE="1") == "config.json,model.safetensors"


def test_an_interrupted_download_is_resumed(fetch: Callable[..., str], tmp_path: Path) -> None:
    """A cached folder that is not complete sends us back to the hub."""
    fetch("team/tiny")
    folder = tmp_path / "hub" / "models--team--tiny" / "snapshots" / SHA
    (folder / "model.safetensors").unlink()
    assert fetch("team/tiny") == "config.json,model.safetensors"


@pytest.mark.parametrize(
    ("repo", "message"),
    [
        ("team/gated", "team/gated@0123456789ab is gated: accept its terms on the hub"),
        ("team/missing", "team/missing@0123456789ab is not on the hub, or is private"),
        ("team/moved", "team/moved@0123456789ab: the repository has no such commit"),
        ("team/broken", "the hub answered with status 418"),
    ],
)
def test_each_refusal_has_its_sentence(fetch: Callable[..., str], repo: str, message: str) -> None:
    """Gated, missing, no such commit and out of order are told apart."""
    answer = fetch(repo)
    assert answer.startswith("UnavailableError")
    assert message in answer


def test_offline_and_out_of_reach_are_told_apart(fetch: Callable[..., str]) -> None:
    """The first is a setting, the second the network."""
    assert "HF_HUB_OFFLINE forbids to fetch it" in fetch("team/tiny", HF_HUB_OFFLINE="1")
    assert "the hub is out of reach" in fetch("team/tiny", HF_ENDPOINT="http://127.0.0.1:9")


@pytest.mark.parametrize("revision", ["main", SHA[:12], SHA.upper()])
def test_a_branch_is_not_a_revision(fetch: Callable[..., str], revision: str) -> None:
    """It would move under the model's name."""
    answer = fetch("team/tiny", revision=revision)
    assert answer.startswith("ConfigurationError team/tiny@")
    assert "commit of 40 hexadecimal digits" in answer
