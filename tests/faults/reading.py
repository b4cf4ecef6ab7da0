"""Six readers given bytes that were made to break them, driven by hypothesis."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from faults.storing import HANG_S, reference
from faults.tally import Tally, apart
from packing import stored
from pytest_matalign.embeddings.files import read_embedding
from pytest_matalign.embeddings.pack import CONTENTS, Pack, add_entry
from pytest_matalign.embeddings.store import read_rows
from pytest_matalign.embeddings.upkeep import entries
from pytest_matalign.errors import MatalignError
from pytest_matalign.scorecard import annotations, badge, markdown, terminal
from pytest_matalign.scorecard.compare import compare
from pytest_matalign.scorecard.compare import markdown as compared
from pytest_matalign.scorecard.model import read_scorecard
from pytest_matalign.suites.load import bundled_suites, load_suite
from pytest_matalign.verdicts.baseline import Baseline, read_baseline, row_of, write_baseline

Reader = Callable[[Path], object]
ODD = (
    *(None, True, -1, 0, 2**63, 2**64, 1e308, -0.0, "", "a\nb", "\x00", "../../x", "\ud800"),
    *([], {}, [[]], {"": {}}, "x" * 10_000, [None] * 1000, "passed", "nan", 10**400),
)
"""Values of the wrong kind, or of the right kind and absurd."""


def _pack(folder: Path) -> dict[str, bytes]:
    one = stored()
    root = folder / "a-pack"
    add_entry(root, one.entry, one.tensors, title="p")
    path = Pack(root).path(one.entry.split, one.entry.card.id)
    return {"table": (root / CONTENTS).read_bytes(), "entry": path.read_bytes()}


def _npz() -> bytes:
    stream = io.BytesIO()
    ids, rows = np.array([f"s{n}" for n in range(40)]), np.ones((40, 8), np.float32)
    np.savez_compressed(stream, **{"qm9.ids": ids, "qm9.vectors": rows})
    return stream.getvalue()


def subjects(folder: Path, scorecard: bytes) -> Iterator[tuple[str, str, bytes, Reader]]:
    """Yield each reader: its name, the name its file needs, a whole file, and how it is read."""
    parts = _pack(folder)

    def pack(path: Path) -> object:
        entry = path.parent / "qm9" / "composition.safetensors"
        entry.parent.mkdir(exist_ok=True)
        if not entry.exists():
            entry.write_bytes(parts["entry"])
        found = Pack(path.parent)
        return [found.entry(*key) for key in found]

    def entry(path: Path) -> object:
        root = path.parent
        (root / "qm9").mkdir(exist_ok=True)
        path.replace(root / "qm9" / "composition.safetensors")
        content = (root / "qm9" / "composition.safetensors").read_bytes()
        table = json.loads(parts["table"])
        table["entries"][0]["sha256"] = hashlib.sha256(content).hexdigest()
        (root / CONTENTS).write_text(json.dumps(table))
        return pack(root / CONTENTS)

    def show(path: Path) -> object:
        card = read_scorecard(path)
        return [
            list(terminal.lines(card)),
            markdown.render(card),
            badge.badge(card),
            list(annotations.workflow_commands(card)),
            compared(compare(card, card, tolerance=0.02)),
        ]

    kept = next(one for one in entries(reference(folder)) if one.of == "embeddings")
    card = json.loads(scorecard)
    rows = map(row_of, read_of(folder, scorecard).alignments)
    once = {row.key: row for row in rows if row is not None}
    baseline = Baseline(candidate="c", package_version="0", rows=tuple(once.values())[:20])
    write_baseline(folder / "b.json", baseline)
    suite = (bundled_suites()["molecules"] / "suite.toml").read_bytes()
    assert card
    yield "packs: the table", CONTENTS, parts["table"], pack
    yield "packs: an entry", "composition.safetensors", parts["entry"], entry
    yield "baselines", "b.json", (folder / "b.json").read_bytes(), read_baseline
    yield "suites", "suite.toml", suite, lambda path: load_suite(path.parent)
    yield "scorecards", "card.json", scorecard, show
    yield (
        *("npz candidates", "c.npz", _npz()),
        lambda path: read_embedding(path, model="m", split="qm9", ids=[f"s{n}" for n in range(40)]),
    )
    yield (
        *("stores", "rows.safetensors", kept.path.read_bytes()),
        lambda path: read_rows(path, key=kept.key),
    )


def read_of(folder: Path, content: bytes) -> Any:
    (folder / "whole.json").write_bytes(content)
    return read_scorecard(folder / "whole.json")


@st.composite
def broken(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes near a whole file: damaged, cut, spliced, or with another value somewhere inside."""
    content = bytearray(whole)
    ways = ["flip", "cut", "insert", "delete", "repeat", "garbage"]
    ways += ["value"] * 6 if whole[:1] in b"{" else []
    ways += ["line"] * 4 if whole[:4] == b"name" or b"[[metric]]" in whole else []
    ways += ["header"] * 5 if whole[8:9] == b"{" else []
    ways += ["bomb"] * 2 if whole[:2] == b"PK" else []
    for way in draw(st.lists(st.sampled_from(ways), min_size=1, max_size=3)):
        if way in _WAYS:
            content = bytearray(_WAYS[way](draw, bytes(content)))
        else:
            _damage(draw, content, way)
    return bytes(content)


def _damage(draw: st.DrawFn, content: bytearray, way: str) -> None:
    at = draw(st.integers(0, max(0, len(content) - 1)))
    match way:
        case "flip" if content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        case "cut":
            del content[at:]
        case "insert":
            content[at:at] = draw(st.binary(min_size=1, max_size=12))
        case "delete":
            del content[at : at + draw(st.integers(1, 200))]
        case "repeat":
            content[at:at] = content[at : at + 100] * draw(st.integers(1, 50))


GARBAGE = (
    *(b"", b"\x00" * 100, b"\xff\xfe" * 50, b"[" * 200_000, b'{"a":' * 100_000, b"null", b"1e999"),
    *(b"a." * 100_000 + b"b = 1", b"x = " + b"[" * 50_000, b"PK\x05\x06" + bytes(18)),
)


def _with_value(draw: st.DrawFn, content: bytes) -> bytes:
    """Put an odd value somewhere into JSON, or take a key away."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if not isinstance(tree, dict | list):
        return content
    node, depth = tree, draw(st.integers(0, 6))
    for _ in range(depth):
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        deeper = [k for k in keys if isinstance(node[k], dict | list) and node[k]]
        if not deeper:
            break
        node = node[draw(st.sampled_from(deeper[:50]))]
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    if not keys:
        return content
    key = draw(st.sampled_from(keys[:50]))
    what = draw(st.sampled_from(["odd", "drop", "twice"]))
    if what == "drop":
        del node[key]
    elif what == "twice" and isinstance(node, list):
        node.append(copy.deepcopy(node[key]))
    else:
        node[key] = draw(st.sampled_from(ODD))
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def _with_line(draw: st.DrawFn, content: bytes) -> bytes:
    """Another value, or another line, in TOML."""
    lines = content.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    odd = (b"nan", b"-inf", b"1e999", b"[]", b'""', b'"\\u0000"', b"{}", b"9" * 5000, b"true")
    key = lines[at].partition(b"=")[0]
    value = draw(st.sampled_from(odd))
    lines[at] = draw(st.sampled_from([b"", lines[at] * 2, key + b"= " + value, b"[[split]]"]))
    return b"\n".join(lines)


def _with_header(draw: st.DrawFn, content: bytes) -> bytes:
    """Another header of a safetensors file, or another value in it, of the right length."""
    size = int.from_bytes(content[:8], "little")
    if size > len(content):
        return content
    head = content[8 : 8 + size]
    if draw(st.booleans()):
        try:
            tree = json.loads(head)
            tree["__metadata__"]["matalign"] = _with_value(
                draw, tree["__metadata__"]["matalign"].encode()
            ).decode("utf-8", "replace")
            head = json.dumps(tree).encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
    else:
        head = _with_value(draw, head)
    return len(head).to_bytes(8, "little") + head + content[8 + size :]


@cache
def bombs() -> list[bytes]:
    """Archives that claim, or unpack to, far more than they have."""
    found = []
    for shape, kind, zeros in (
        ("(1000000000, 1000)", "<f4", 2**20),
        ("(40, 67108864)", "<f4", 2**24),
        ("(40, 8)", "<c16", 40 * 8 * 16),
        ("(40, 8)", "|O", 100),
        ("(-1, 8)", "<f4", 100),
        ("(40,)", "<U1000000", 160_000_000),
    ):
        head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
        body = b"\x93NUMPY\x01\x00" + (len(head) + 1).to_bytes(2, "little") + head + b"\n"
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("qm9.ids.npy", body + bytes(zeros))
            file.writestr("qm9.vectors.npy", body + bytes(zeros))
        found.append(stream.getvalue())
    return found


_WAYS: dict[str, Callable[[st.DrawFn, bytes], bytes]] = {
    "value": _with_value,
    "line": _with_line,
    "header": _with_header,
    "bomb": lambda draw, _: draw(st.sampled_from(bombs())),
    "garbage": lambda draw, _: draw(st.sampled_from(GARBAGE)),
}


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError("hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def readers(folder: Path, scorecard: bytes) -> dict[str, Callable[[int, int], Tally]]:
    """What gives a reader so many inputs of a seed, in a process of its own, by its name."""
    return {
        name: lambda count, start, rest=(name, *rest): apart(  # type: ignore[misc]
            partial(_fuzz, *rest, count, folder, start), limit_gb=4
        )
        for name, *rest in subjects(folder, scorecard)
    }


def _fuzz(
    name: str, file: str, whole: bytes, read: Reader, count: int, folder: Path, start: int
) -> Tally:
    tally = Tally(name)
    room = folder / f"fuzz-{file}"
    (room / file).parent.mkdir(parents=True, exist_ok=True)
    assert read(_put(room / file, whole)) is not None, "a whole file is read"

    @seed(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=broken(whole))
    def each(content: bytes) -> None:
        tally.tried += 1
        case = f"{name}, seed {start}, input {tally.tried} ({content[:60]!r}…)"
        began = time.monotonic()
        try:
            with _at_most(HANG_S):
                read(_put(room / file, content))
        except TimeoutError:
            tally.fail("hangs", case)
        except MatalignError as error:
            if "\n" in str(error):
                tally.fail("tracebacks", f"{case}: more than a line: {error}")
        except Exception as error:
            tally.fail("tracebacks", f"{case}: {type(error).__name__}: {str(error)[:200]}")
            (room / f"case-{tally.tried}").write_bytes(content)
        if time.monotonic() - began > HANG_S:
            tally.fail("hangs", case)

    each()
    return tally


def _put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
