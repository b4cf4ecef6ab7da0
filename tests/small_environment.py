"""A real second Python with a handful of packages, made in a second and without a network.

It is a virtual environment without pip whose packages are links to those of this one: another
interpreter process, another `sys.path`, and none of the host's other packages.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec

from pytest_matalign.environments.folders import MARKER, Record, folder_of, interpreter
from pytest_matalign.environments.spec import environment
from pytest_matalign.zoo.card import ModelCard

PACKAGES = ("numpy", "msgspec", "ase", "scipy")
ONLY_THERE = "only_there"
"""Importable in the environment alone, so that a card that requires it runs nowhere else."""

ADAPTER = """
import os
import signal
import sys
import time

import numpy as np

ADAPTER_VERSION = 1


def load(card):
    import only_there  # what stands for a model package

    mood = card.options.get("mood", "good")
    if mood == "dies while loading":
        os.kill(os.getpid(), signal.SIGKILL)
    if mood == "unavailable":
        from pytest_matalign.errors import UnavailableError

        raise UnavailableError("the weights are on holiday.")
    return Model(mood, int(card.options.get("limit", 0)))


class Model:
    batch_size = 8

    def __init__(self, mood, limit):
        self.mood, self.limit = mood, limit

    def refuse(self, sample):
        if self.mood == "dies while refusing":
            os._exit(3)
        return "has an odd name" if sample.id.endswith("!") else None

    def energy(self, atoms):
        return float((atoms.positions**2).sum())

    def embed(self, samples):
        print("a model package talks on stdout")
        os.system("echo so does its subprocess")
        if self.mood == "dies" and any(sample.id == "poison" for sample in samples):
            print("cannot go on", file=sys.stderr)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "needs memory" and len(samples) > self.limit:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "memory error" and len(samples) > self.limit:
            raise MemoryError("17 GiB")
        if self.mood == "raises":
            raise ZeroDivisionError("no such number")
        if self.mood == "exits":
            sys.exit("enough")
        if self.mood == "slow":
            time.sleep(60)
        if self.mood == "forks":
            os.fork()
        if self.mood == "answers twice":
            from pytest_matalign.environments import protocol

            once = protocol.write
            protocol.write = lambda stream, message: (once(stream, message), once(stream, message))
        if self.mood == "answers another":
            from msgspec.structs import replace
            from pytest_matalign.environments import protocol

            once = protocol.write
            protocol.write = lambda stream, message: once(
                stream, replace(message, ids=message.ids[::-1])
            )
        rows = np.array([[len(s.smiles), s.smiles.count("C")] for s in samples], np.float32)
        if self.mood == "nan":
            rows[-1, 0] = np.nan
        if self.mood == "objects":
            return rows.astype(object)
        return rows
"""


def write_spec(folder: Path, name: str, *, spec: str = "", lock: str | None = None) -> None:
    """A spec and its lock, as they lie in `environments/specs`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(spec or f'python = ">=3.11"\nimports = ["{ONLY_THERE}"]\n')
    pins = [f"{one}=={distribution(one).version}\n" for one in sorted(PACKAGES)]
    (folder / f"{name}.lock").write_text("".join(pins) if lock is None else lock)


def link_environment(name: str) -> Path:
    """Make the environment of a spec that can be found, where it belongs; its folder."""
    wanted = environment(name)
    folder = folder_of(wanted)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    inside = next(folder.glob("lib/python*/site-packages"))
    for package in PACKAGES:
        found = distribution(package)
        tops = {Path(file).parts[0] for file in found.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            (inside / top).symlink_to(Path(str(found.locate_file(top))))
    (inside / f"{ONLY_THERE}.py").write_text("")
    mark(folder, name=name, digest=wanted.digest)
    return folder


def mark(folder: Path, *, name: str, digest: str) -> None:
    """Say that an environment is whole."""
    record = Record(
        name=name,
        digest=digest,
        python=".".join(map(str, sys.version_info[:3])),
        installer="links",
        packages={one: distribution(one).version for one in PACKAGES},
        seconds=0.0,
    )
    (folder / MARKER).write_bytes(msgspec.json.encode(record))


def impostor(folder: Path, script: str) -> None:
    """A folder whose `python` is a script of this interpreter."""
    python = interpreter(folder)
    python.parent.mkdir(parents=True)
    python.write_text(f"#!{sys.executable}\n{textwrap.dedent(script)}")
    python.chmod(0o755)


def moody(name: str, mood: str = "good", **options: Any) -> ModelCard:
    """A card whose adapter, in the host's module `moody_adapter`, does as its mood says."""
    return ModelCard(
        id=f"moody-{mood.replace(' ', '-')}",
        name="Moody",
        family="moody",
        modality="string",
        inputs=("smiles",),
        role="control",
        control="size",
        adapter="moody.adapter",
        options={"mood": mood, **options},
        requires=(ONLY_THERE,),
        environment=name,
        layer="none",
        pooling="none",
    )
