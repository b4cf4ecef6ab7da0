"""A small hub on this machine: the endpoints the hub client uses for listings and downloads."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHA = "0123456789abcdef0123456789abcdef01234567"
FILES = {"config.json": b"{}", "model.safetensors": b"weights", "pytorch_model.bin": b"pickle"}
LARGE = (".safetensors", ".bin", ".pth")
REFUSALS = {
    "gated": (403, "GatedRepo"),
    "missing": (404, "RepoNotFound"),
    "moved": (404, "RevisionNotFound"),
    "broken": (418, ""),
}


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's interface as listings and downloads need."""

    asked: ClassVar[list[str]] = []
    ranges: ClassVar[list[str]] = []
    repositories: ClassVar[dict[str, dict[str, bytes]]] = {}

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        path = urlsplit(self.path).path
        for name, (status, code) in REFUSALS.items():
            if f"/team/{name}" in path:
                self._send(status, b"", {"X-Error-Code": code} if code else {})
                return
        repo = "/".join(path.removeprefix("/api/models/").strip("/").split("/")[:2])
        files = self.repositories.get(repo, FILES)
        if path.startswith("/api/models/"):
            listing = [_sibling(name, content) for name, content in files.items()]
            answer = json.dumps({"id": repo, "sha": SHA, "siblings": listing}).encode()
            self._send(200, answer, {"Content-Type": "application/json"})
            return
        content = files[path.split(f"/resolve/{SHA}/")[1]]
        tags = {"ETag": f'"{sha256(content)}"', "X-Repo-Commit": SHA}
        if body and (start := self.headers.get("Range")):
            self.ranges.append(start)
            first = int(start.removeprefix("bytes=").split("-")[0])
            tags["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            self._send(206, content[first:], tags)
            return
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


def _sibling(name: str, content: bytes) -> dict[str, object]:
    """One file of a listing; large ones carry the digest of their content."""
    entry: dict[str, object] = {"rfilename": name, "size": len(content), "blobId": "0" * 40}
    if name.endswith(LARGE):
        entry["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
    return entry


@contextmanager
def running() -> Iterator[str]:
    """Serve, and yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def fresh(script: str, *arguments: str, address: str, folder: Path, **environment: str) -> str:
    """Run a script in a process of its own and return what it prints.

    The hub client reads its address and cache from the environment once, when it is imported.
    """
    settings = {
        "HF_ENDPOINT": address,
        "HF_HUB_CACHE": str(folder / "hub"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1",
        "MATALIGN_PINS": str(folder / "pins.json"),
    }
    result = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()
