"""Workers in every mood: each gives its rows or one sentence, in time, and leaves nobody behind."""

from __future__ import annotations

import os
import time
import warnings
from pathlib import Path

import msgspec
import numpy as np

from faults.tally import Tally
from pytest_matalign.embeddings.extraction import extract
from pytest_matalign.embeddings.store import Store
from pytest_matalign.environments.process import end_workers
from pytest_matalign.environments.remote import RemoteModel
from pytest_matalign.errors import MatalignError
from pytest_matalign.splits.sample import Sample
from small_environment import impostor, mark, moody

SAMPLES = [Sample(id=f"m{n}", smiles="C" * (n + 1)) for n in range(20)]
ROWS = np.array([[len(s.smiles or ""), 7.0] for s in SAMPLES], np.float32)
LIMIT_S = 2
"""What a batch is given; greetings and stalls have limits of their own."""
HANG_S = 30.0

SPEAKER = """
import os, signal, struct, sys, time
import msgspec, numpy as np

MOOD = {mood!r}
inn, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")

def put(content, mark=b"MALN", size=None):
    out.write(struct.pack("<4sQ", mark, len(content) if size is None else size) + content)
    out.flush()

def say(kind, **fields):
    put(msgspec.msgpack.encode(dict(kind=kind, **fields)))

def get():
    head = inn.read(12)
    if len(head) < 12:
        sys.exit(0)
    return msgspec.msgpack.decode(inn.read(struct.unpack("<4sQ", head)[1]))

def is_(name):
    return MOOD == name

if is_("prints before it greets"): print("hello there", flush=True)
if is_("prints one byte and waits"): out.write(b"x"); out.flush(); time.sleep(60)
if is_("prints half a mark and waits"): out.write(b"MA"); out.flush(); time.sleep(60)
if is_("greets in another version"): say("Hello", protocol=99, python="3")
if is_("greets with garbage in a frame"): put(b"\\xc1" * 20)
if is_("greets with nothing in a frame"): put(b"")
if is_("announces exabytes"): put(b"", size=2**62); time.sleep(60)
if is_("announces gigabytes and waits"): put(b"x", size=2**31); time.sleep(60)
if is_("closes its pipe and lives"): out.close(); os.close(1); time.sleep(60)
if is_("ends at once with 0"): os._exit(0)
if is_("ends at once with 7"): os._exit(7)
if is_("is killed at once"): os.kill(os.getpid(), signal.SIGKILL)
if is_("floods the pipe"):
    try:
        while True: out.write(b"y" * 65536)
    except OSError: sys.exit(1)
if is_("floods stderr and ends"): sys.stderr.write("e" * 10**7 + "\\x1b[2J::error::x"); sys.exit(3)
say("Hello", protocol={protocol}, python="3.11")
while True:
    asked = get()
    kind, number = asked["kind"], asked.get("number", 0)
    ids = [one["id"] for one in asked.get("samples", [])]
    head = dict(number=number, ids=ids)
    if kind == "Bye": sys.exit(0)
    if kind == "Load":
        if is_("never loads"): time.sleep(60)
        if is_("says its batches have no size"):
            say("Loaded", **head, batch_size=0, packages={{}}); continue
        if is_("says its batches are negative"):
            say("Loaded", **head, batch_size=-3, packages={{}}); continue
        if is_("answers loading with rows"): say("Refused", **head, reason=None); continue
        say("Loaded", **head, batch_size=8, packages={{}}); continue
    if kind == "Refuse":
        if is_("refuses with a number"): say("Refused", **head, reason=5); continue
        if is_("refuses everything"): say("Refused", **head, reason="no\\n\\x1b[31m"); continue
        say("Refused", **head, reason=None); continue
    rows = np.array([[len(one["smiles"]), 7] for one in asked["samples"]], "<f4")
    array = ["<f4", list(rows.shape), rows.tobytes()]
    send = lambda a=array, **h: say("Embedded", **{{**head, **h}}, vectors=a)
    if is_("falls silent"): time.sleep(60)
    if is_("stops itself"): os.kill(os.getpid(), signal.SIGSTOP)
    if is_("aborts"): os.abort()
    if is_("has a fault of memory"): os.kill(os.getpid(), signal.SIGSEGV)
    if is_("ends in the middle"): out.write(b"MALN\\x10"); out.flush(); os._exit(1)
    if is_("stalls in the middle"): put(b"abc", size=100); time.sleep(60)
    if is_("numbers wrongly"): send(number=number + 1); continue
    if is_("numbers not at all"): say("Embedded", vectors=array); continue
    if is_("names other samples"): send(ids=ids[::-1] + ["x"]); continue
    if is_("answers twice"): send(); send(); continue
    if is_("answers late and early"): send(number=number - 1); send(); continue
    if is_("sends too few rows"): send(["<f4", [1, 2], rows[:1].tobytes()]); continue
    if is_("sends another width each time"):
        wide = np.ones((len(ids), 2 + number % 2), "<f4")
        send(["<f4", list(wide.shape), wide.tobytes()]); continue
    if is_("sends a shape that is too large"): send(["<f4", [2**40, 2**20], b"1234"]); continue
    if is_("sends a negative shape"): send(["<f4", [-1, 2], rows.tobytes()]); continue
    if is_("sends complex numbers"): send(["<c8", [len(ids), 1], rows.tobytes()]); continue
    if is_("sends text"): send(["<U2", [len(ids), 1], rows.tobytes()]); continue
    if is_("sends objects"): send(["|O", [len(ids), 1], rows.tobytes()]); continue
    if is_("sends records"): send(["<f4,<f4", [len(ids), 1], rows.tobytes()]); continue
    if is_("sends nan"): rows[0] = np.nan; send(["<f4", list(rows.shape), rows.tobytes()]); continue
    if is_("sends inf"): rows[0] = np.inf; send(["<f4", list(rows.shape), rows.tobytes()]); continue
    if is_("sends a frame of nested lists"): put(b"\\x91" * 100000 + b"\\xc0"); continue
    if is_("fails with lines and escapes"):
        fault = dict(error="E", sentence="a\\n\\x1b[2J::error::b", traceback="t", memory=False)
        say("Failed", **head, **fault); continue
    if is_("fails of memory for ever"):
        say("Failed", **head, error="M", sentence="no memory", traceback="t", memory=True); continue
    if is_("leaves a child"):
        if os.fork() == 0: time.sleep(5); os._exit(0)
    send()
"""
GOOD = {"is good", "leaves a child", "answers twice"}
"""Which may give rows; they have to be right."""


def moods() -> list[str]:
    """Every mood that the script knows, and none."""
    found = {
        line.split('is_("')[1].split('"')[0] for line in SPEAKER.splitlines() if 'is_("' in line
    }
    return [*sorted(found), "is good"]


def workers(count: int, folder: Path) -> Tally:
    """Embed twenty samples with a worker in each of so many moods."""
    from pytest_matalign.environments.folders import folder_of, read_built
    from pytest_matalign.environments.protocol import PROTOCOL
    from pytest_matalign.environments.spec import environment
    from small_environment import write_spec

    tally = Tally("moods of workers")
    for index, mood in enumerate(moods()[:: max(1, round(len(moods()) / count))][:count]):
        name = f"mood-{index}"
        write_spec(folder / "specs", name)
        place = folder_of(environment(name))
        impostor(place, SPEAKER.format(mood=mood, protocol=PROTOCOL))
        mark(place, name=name, digest=environment(name).digest)
        built = read_built(place)
        assert built is not None
        card = msgspec.structs.replace(moody(name), batch_seconds=LIMIT_S)
        began, tried = time.monotonic(), tally.tried
        tally.tried += 1
        try:
            with warnings.catch_warnings(record=True):
                found = extract(
                    _Source(card, built), SAMPLES, split="s", store=Store(folder / "store" / name),
                    progress=lambda **_: None,
                )  # fmt: skip
            if found.ids and not np.array_equal(found.vectors, ROWS):
                tally.fail("wrong values", mood)
            if not found.ids and mood != "refuses everything":
                tally.fail("wrong values", f"{mood}: nothing embedded")
        except MatalignError as error:
            if "\n" in str(error) or mood == "is good":
                tally.fail("tracebacks", f"{mood}: {error}")
        except Exception as error:
            tally.fail("tracebacks", f"{mood}: {type(error).__name__}: {error}")
        end_workers()
        if (seconds := time.monotonic() - began) > HANG_S:
            tally.fail("hangs", f"{mood}: {seconds:.0f} s")
        if left := _processes(place):
            tally.fail("hangs", f"{mood}: left {left} (try {tried})")
    return tally.done()


class _Source:
    def __init__(self, card: object, built: object) -> None:
        self.card, self.built = card, built
        self.id = "moody"
        self.identity = {"model": "moody"}

    def refuse(self, sample: Sample) -> None:  # noqa: ARG002  of the protocol
        return None

    def load(self) -> RemoteModel:
        return RemoteModel(self.card, self.built)  # type: ignore[arg-type]


def _processes(place: Path) -> list[int]:
    """Processes, not children of children that end by themselves, that run what lies there."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            state = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if str(place).encode() in command and state[1] == str(os.getpid()):
            found.append(int(entry.name))
    return found
