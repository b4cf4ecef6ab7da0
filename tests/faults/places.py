"""Places that cannot be read or written, and Ctrl-C: whole commands in processes of their own."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pytest_matalign
from faults.tally import Tally
from made_scorecard import SUITE
from pytest_matalign.embeddings.store import Store
from pytest_matalign.embeddings.upkeep import entries, fault

Command = Callable[[], tuple[int | None, str]]
HANG_S = 120.0
"""For a whole command on a busy machine; a hang is one that has not ended by then."""
START = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "from pytest_matalign.cli.main import main\nsys.exit(main())"
)
PYTEST = "import sys, pytest; sys.exit(pytest.main())"


def host(folder: Path) -> Path:
    """A project with a small suite and a candidate."""
    (folder / "s").mkdir(parents=True)
    (folder / "s" / "suite.toml").write_text(SUITE.replace("samples = 60", "samples = 20"))
    (folder / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\n[tool.matalign]\nsuites = ["s"]\ncandidate = "size"\n'
    )
    return folder


def run(folder: Path, code: str, *arguments: str, largest: int | None = None,
        **variables: str) -> tuple[int | None, str]:  # fmt: skip
    """Status and output of a command; None where it hangs."""

    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    kept = {k: v for k, v in os.environ.items() if k not in ("HOME", "MATALIGN_CACHE", "CI")}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={
            **kept,
            "PYTHONPATH": str(Path(pytest_matalign.__file__).parents[1]),
            "HOME": str(folder / "home"),
            **variables,
        },
        preexec_fn=limit,  # noqa: PLW1509  one thread here
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        out, _ = process.communicate(timeout=HANG_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, ""
    return process.returncode, out


def faulty(folder: Path) -> dict[str, Command]:
    """Commands that each have to end otherwise than by 0, by what is wrong."""
    (folder / "a-file").write_text("x")
    (folder / "a-folder").mkdir()
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "dangling").symlink_to("/nonexistent/there")
    os.mkfifo(folder / "pipe")
    (folder / "binary").write_bytes(b"\xff\xfe" * 50)
    stores = {
        "a store that is a file": "a-file",
        "a store in a file": "a-file/store",
        "a store that is a loop": "loop/store",
        "a store without a place": "/proc/nothing/here",
        "a store on a full device": "/dev/full/store",
        "a store of too long a name": "n" * 300,
    }
    outputs = {
        "an output that is a folder": "a-folder",
        "an output in a file": "a-file/out",
        "an output on a full device": "/dev/full",
        "an output that is a loop": "loop",
        "an output of too long a name": "n" * 300,
        "an output in a place that is none": "/proc/nothing/out",
    }
    inputs = {
        "an input that is a folder": "a-folder",
        "an input that is none": "nothing",
        "an input that is a pipe": "pipe",
        "an input without end": "/dev/zero",
        "an input that is a loop": "loop",
        "an input that leads nowhere": "dangling",
        "an input of other bytes": "binary",
    }
    found: dict[str, Command] = {}

    def command(*arguments: str, **options: object) -> Command:
        return lambda: run(folder, START, *arguments, **options)  # type: ignore[arg-type]

    def checks(*arguments: str, **options: object) -> Command:
        given = ("--matalign", "-q", "-p", "no:cacheprovider", *arguments)
        return lambda: run(folder, PYTEST, *given, **options)  # type: ignore[arg-type]

    embed = ("embed", "size", "--split", "qm9", "--samples", "20", "--store")
    for name, place in stores.items():
        found[f"{name}, embed"] = command(*embed, place)
        found[f"{name}, gate"] = command("gate", "--store", place)
        found[f"{name}, pytest"] = checks("--matalign-store", place)
    for name, place in outputs.items():
        for form in ("json", "markdown", "html", "badge"):
            found[f"{name}, {form}"] = command("gate", "-q", f"--{form}", place)
        found[f"{name}, pytest"] = checks("--matalign-json", place)
        found[f"{name}, step summary"] = checks(GITHUB_STEP_SUMMARY=str(folder / place))
    for name, place in inputs.items():
        found[f"{name}, scorecard"] = command("scorecard", "show", place)
        found[f"{name}, suite"] = command("gate", "--suite", place)
        found[f"{name}, baseline"] = command("gate", "--baseline", place)
        found[f"{name}, policy"] = command("gate", "--policy", place)
        found[f"{name}, pack"] = command("gate", "--pack", place)
        found[f"{name}, candidate"] = command("gate", "--candidate", f"{place}.npz")
        found[f"{name}, split"] = command("embed", "size", "--split", place)
    found["no space, embed"] = command(*embed, "tight", largest=512)
    found["no space, gate"] = command("gate", "--store", "tight", largest=512)
    found["no space, pytest"] = checks("--matalign-store", "tight", largest=512)
    for name, home in (
        ("no home", "/nonexistent/home"),
        ("a home that is a file", str(folder / "a-file")),
    ):
        found[f"{name}, embed"] = command(*embed[:-1], HOME=home, XDG_CACHE_HOME=f"{home}/c")
    return {name: one for name, one in found.items() if name != "a full stdout"}


MAY_PASS = (
    "an input that is none, baseline",  # none yet: the first release
    "no home, embed",  # who may write everywhere makes the folder
    "a store without a place",
)


def places(count: int, folder: Path, *, seed: int = 0) -> Tally:
    """Run so many commands with a place that is wrong."""
    tally = Tally("whole commands with a place that is wrong")
    everything = list(faulty(host(folder / "host")).items())
    random.Random(seed).shuffle(everything)
    for name, command in everything[:count]:
        status, out = command()
        tally.tried += 1
        if status is None:
            tally.fail("hangs", name)
        elif "Traceback" in out or "INTERNALERROR" in out:
            tally.fail("tracebacks", f"{name}: {out[-500:]}")
        elif status == 0 and not name.startswith(MAY_PASS):
            tally.fail("wrong values", f"{name}: exit 0: {out[-300:]}")
    return tally.done()


def interrupts(count: int, folder: Path, *, seed: int = 0, samples: int = 600) -> Tally:
    """Ctrl-C at random moments of an extraction of RDKit's descriptors; each has to arrive."""
    tally, rng = Tally("Ctrl-C while RDKit's descriptors are embedded"), random.Random(seed)
    arguments = ("embed", "rdkit-descriptors", "--split", "ccd-ligands", "--samples", str(samples))
    whole = folder / "whole"
    status, out = run(folder, START, *arguments, "--store", str(whole))
    assert status == 0, out
    for trial in range(count):
        root = folder / f"store-{trial}"
        process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments, "--store", str(root)],
            env={**os.environ, "PYTHONPATH": str(Path(pytest_matalign.__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _wait_for(root, "embeddings/*/*" if trial % 2 else "locks/*.holder", process)
        time.sleep(rng.uniform(0, 1.0))
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            tally.tried += 1
            try:
                out, _ = process.communicate(timeout=HANG_S)
            except subprocess.TimeoutExpired:
                tally.fail("hangs", f"trial {trial}")
                process.kill()
            # Where all is done and Python is leaving, the signal ends the process by itself.
            if process.wait() not in {130, -signal.SIGINT}:
                tally.fail("lost", f"trial {trial}: exit {process.returncode}: {out[-200:]}")
            if "Traceback" in out:
                tally.fail("tracebacks", f"trial {trial}: {out[-500:]}")
        process.communicate()
        for one in entries(root):
            rows, right = (Store(place).read_rows(one.key) for place in (root, whole))
            assert right is not None
            if fault(one) or rows is None or not np.array_equal(rows.vectors, right.vectors):
                tally.fail("wrong values", f"trial {trial}: {one.path.name}")
        shutil.rmtree(root, ignore_errors=True)
    return tally.done()


def _wait_for(root: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    """Wait until the process has begun, or has stored its first block."""
    while not list(root.glob(pattern)) and process.poll() is None:
        time.sleep(0.005)
