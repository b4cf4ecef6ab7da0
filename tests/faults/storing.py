"""Stores under kills, under several writers, and with damaged files."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faults.tally import Tally
from pytest_matalign.embeddings.extraction import extract
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Store
from pytest_matalign.embeddings.upkeep import Entry, entries, fault
from pytest_matalign.splits.load import load_split
from pytest_matalign.zoo.catalogue import card

MODELS = ("composition", "size", "random")
SAMPLES = 600
HANG_S = 30.0
PAUSE_S = 0.002
"""After each batch, so that a kill falls between and within blocks and not only before."""


def fill(root: Path, *, order: random.Random | None = None, pause_s: float = 0.0) -> None:
    """Embed with three controls into a store and keep a result of each, as a run does."""
    split = load_split("qm9", samples=SAMPLES)
    models = list(MODELS)
    if order:
        order.shuffle(models)
    for model in models:
        found = extract(
            ZooSource(card(model)),
            split.samples,
            split="qm9",
            store=Store(root),
            progress=lambda **_: time.sleep(pause_s),
        )
        Store(root).write_result(f"{'0' * 60}{len(model):04d}", float(found.vectors.sum()))


def reference(folder: Path) -> Path:
    """A store that was filled in peace."""
    root = folder / "reference"
    if not root.exists():
        fill(root)
    return root


def child(work: Callable[[], object]) -> int:
    """Fork a process that does some work and ends without a word; return its number."""
    number = os.fork()
    if number == 0:
        status = 1
        try:
            warnings.simplefilter("ignore")
            work()
            status = 0
        finally:
            os._exit(status)
    return number


def wait(number: int, *, seconds: float = HANG_S) -> int | None:
    """Exit status of a process, negative for a signal; None, and killed, if it hangs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(number, signal.SIGKILL)
    os.waitpid(number, 0)
    return None


def difference(found: Path, wanted: Path) -> str:
    """How a store differs from the one filled in peace, entry by entry; nothing if it does not."""
    for one in entries(wanted):
        other = found / one.path.relative_to(wanted)
        if not other.is_file():
            return f"{other.name} is not there"
        if why := fault(Entry(other, one.key, one.of)):
            return why
        if one.of == "results" and other.read_bytes() != one.path.read_bytes():
            return f"{other.name} has another value"
        if one.of == "embeddings":
            a, b = (Store(root).read_rows(one.key) for root in (found, wanted))
            assert a is not None
            assert b is not None
            if (a.ids, a.refused) != (b.ids, b.refused) or not np.array_equal(a.vectors, b.vectors):
                return f"{other.name} has other rows"
    return ""


def kills(count: int, folder: Path, *, seed: int = 0) -> Tally:
    """SIGKILL at random moments, until the store is filled between two kills; over and over."""
    tally, rng = Tally("SIGKILL while a store is filled"), random.Random(seed)
    wanted = reference(folder)
    began = time.monotonic()
    fill(folder / "timed", pause_s=PAUSE_S)
    whole = time.monotonic() - began
    while tally.tried < count:
        root = folder / f"killed-{tally.tried}"
        case = f"seed {seed}, kill {tally.tried}"
        while not _killed(root, rng, within=whole, tally=tally, case=case):
            pass
        if why := difference(root, wanted):
            tally.fail("wrong values", f"{case}: {why}")
        shutil.rmtree(root)
    return tally.done()


def _killed(root: Path, rng: random.Random, *, within: float, tally: Tally, case: str) -> bool:
    """Start to fill a store and kill; whether it was filled before."""
    kept = {one.path for one in entries(root) if not fault(one)}
    number = child(lambda: fill(root, order=rng, pause_s=PAUSE_S))
    time.sleep(rng.uniform(0, within))
    os.kill(number, signal.SIGKILL)  # not yet waited for, so it cannot be another's number
    status = wait(number)
    if status == -signal.SIGKILL:
        tally.tried += 1
    elif status != 0:
        tally.fail("hangs" if status is None else "tracebacks", f"{case}: status {status}")
    if lost := kept - {one.path for one in entries(root) if not fault(one)}:
        tally.fail("lost", f"{case}: {min(lost).name}")
    return status != -signal.SIGKILL


def writers(rounds: int, folder: Path, *, processes: int = 8, seed: int = 0) -> Tally:
    """Eight processes fill one store at once, a third of them killed on the way."""
    tally, rng = Tally(f"{processes} writers at once"), random.Random(seed)
    wanted = reference(folder)
    for turn in range(rounds):
        root = folder / f"shared-{turn}"
        seeds = [rng.random() for _ in range(processes)]
        numbers = [child(lambda s=s, root=root: fill(root, order=random.Random(s))) for s in seeds]
        doomed = set(rng.sample(numbers, processes // 3))
        time.sleep(rng.uniform(0, 0.5))
        for number in doomed:
            os.kill(number, signal.SIGKILL)
        for number in numbers:
            status = wait(number, seconds=4 * HANG_S)
            if status is None:
                tally.fail("hangs", f"round {turn}")
            elif status > 0:
                tally.fail("tracebacks", f"round {turn}: status {status}")
            tally.tried += 1
        if why := difference(root, wanted):
            tally.fail("wrong values", f"round {turn}: {why}")
        shutil.rmtree(root)
    return tally.done()


def damages(count: int, folder: Path, *, seed: int = 0) -> Tally:
    """One file of a store damaged at a time, and read: it is refused, or it is as it was."""
    tally, rng = Tally("damaged files of a store"), random.Random(seed)
    whole = list(entries(reference(folder)))
    root = folder / "damaged"
    for trial in range(count):
        entry, other = rng.choice(whole), rng.choice(whole)
        path = root / entry.path.relative_to(folder / "reference")
        path.parent.mkdir(parents=True, exist_ok=True)
        way = rng.choice(WAYS)
        way(path, entry.path.read_bytes(), rng, other.path)
        case = f"seed {seed}, trial {trial}: {way.__name__}"
        began = time.monotonic()
        try:
            with warnings.catch_warnings(record=True):
                _read(entry, root, tally, case)
        except Exception as error:
            tally.fail("tracebacks", f"{case}: {type(error).__name__}: {error}")
        if time.monotonic() - began > HANG_S:
            tally.fail("hangs", case)
        tally.tried += 1
        shutil.rmtree(root)
    return tally.done()


def swaps(count: int, folder: Path, *, seed: int = 0) -> Tally:
    """A whole and valid file of a store under the name of another entry: it is refused."""
    tally, rng = Tally("whole files of a store under another entry's name"), random.Random(seed)
    whole = list(entries(reference(folder)))
    pairs = [(a, b) for a in whole for b in whole if a.of == b.of and a.key != b.key]
    for one, other in rng.sample(pairs, min(count, len(pairs))):
        root = folder / "swapped"
        path = root / one.path.relative_to(folder / "reference")
        path.parent.mkdir(parents=True)
        shutil.copy(other.path, path)
        case = f"{other.path.name} as {one.path.name}"
        with warnings.catch_warnings(record=True):
            _read(one, root, tally, case)
        if not fault(Entry(path, one.key, one.of)):
            tally.fail("wrong values", f"{case}: verify finds nothing")
        tally.tried += 1
        shutil.rmtree(root)
    return tally.done()


def _read(entry: Entry, root: Path, tally: Tally, case: str) -> None:
    if entry.of == "results":
        value = Store(root).read_result(entry.key, type=float)
        wanted = Store(root.parent / "reference").read_result(entry.key, type=float)
        wrong = value is not None and value != wanted
    else:
        rows = Store(root).read_rows(entry.key)
        right = Store(root.parent / "reference").read_rows(entry.key)
        assert right is not None
        wrong = rows is not None and (
            (rows.ids, rows.refused) != (right.ids, right.refused)
            or not np.array_equal(rows.vectors, right.vectors)
        )
    if wrong:
        tally.fail("wrong values", case)


def flipped(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    broken = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 8])):
        broken[rng.randrange(len(broken))] ^= 1 << rng.randrange(8)
    path.write_bytes(broken)


def cut(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.write_bytes(content[: rng.randrange(len(content))])


def zeroed(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    start = rng.randrange(len(content))
    stop = min(len(content), start + rng.choice([1, 512, 4096]))
    path.write_bytes(content[:start] + bytes(stop - start) + content[stop:])


def grown(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.write_bytes(content + rng.randbytes(rng.choice([1, 8, 4096])))


def replaced(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.write_bytes(other.read_bytes())


def other_header(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.write_bytes(rng.choice([2**63, 2**40, 0, 1, 100]).to_bytes(8, "little") + content[8:])


def garbage(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.write_bytes(rng.choice([b"", b"{}", b"[" * 50_000, b"\xff" * 100, rng.randbytes(1000)]))


def pipe(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    os.mkfifo(path)


def looped(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.symlink_to(path)


def endless(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.symlink_to("/dev/zero")


def sparse(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.write_bytes(content)
    os.truncate(path, 2**33)


def a_folder(path: Path, content: bytes, rng: random.Random, other: Path) -> None:
    path.mkdir()


WAYS = (
    *(flipped, flipped, flipped, cut, cut, zeroed, zeroed, grown, replaced, replaced),
    *(other_header, garbage, pipe, looped, endless, sparse, a_folder),
)
