"""Time and peak memory of the all-pairs engine on embeddings of any number and size.

    python benchmarks/engine_scale.py --models 8 --samples 5000
    python benchmarks/engine_scale.py --models 60 --samples 10000 --statistics
    python benchmarks/engine_scale.py --models 60 --samples 50000 --folder /scratch/run

With --statistics every pair also gets an interval and a null, for the gate metrics. With --folder
the embeddings are memory-mapped files there and progress is saved there: kill the run and start
it again with the same arguments, and it goes on where it was. The time printed at the end adds up
all starts, each counted up to its last saved state.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch

from pytest_matalign.engine.matrix import IN_BLOCKS, alignment_matrix


def _embedding(index: int, n: int, width: int) -> np.ndarray:
    """Return one of many noisy views of a common 16-dimensional latent space."""
    latent = np.random.default_rng(0).normal(size=(n, 16)).astype(np.float32)
    rng = np.random.default_rng([1, index])
    mix = rng.normal(size=(16, width)).astype(np.float32)
    noise = np.float32(0.3 + 0.1 * (index % 8))
    return latent @ mix + noise * rng.standard_normal((n, width), dtype=np.float32) + 1.0


class _OnDisk:
    """Rows of a file, mapped anew for each read: pages once read would count as memory in use."""

    def __init__(self, folder: Path, index: int, n: int, width: int) -> None:
        self.path, self.shape = folder / f"embedding-{index}-{n}x{width}.npy", (n, width)
        if not self.path.exists():
            np.save(self.path.with_suffix(".part.npy"), _embedding(index, n, width))
            self.path.with_suffix(".part.npy").rename(self.path)

    def __getitem__(self, rows: slice) -> np.ndarray:
        return np.array(np.load(self.path, mmap_mode="r")[rows])


class _Clock:
    """Adds up seconds over restarts, in a small file."""

    def __init__(self, folder: Path | None) -> None:
        self.file = folder / "clock.json" if folder else None
        self.past = json.loads(self.file.read_text()) if self.file and self.file.exists() else []
        self.start, self.last = time.monotonic(), 0.0

    def report(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic() - self.start
        if self.file:
            self.file.write_text(json.dumps([*self.past, now]))
        if now - self.last > 20 or done == total:
            self.last = now
            print(f"{now:9.1f} s  {stage} {done} of {total}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--memory", type=int, default=1 << 29, help="bytes for one block of rows")
    parser.add_argument("--stream", action="store_true", help="read rows again when needed")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--statistics", action="store_true", help="errors and nulls of the gate metrics"
    )
    options = parser.parse_args()
    shape = (options.samples, options.width)
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
        embeddings = {f"m{i}": _OnDisk(options.folder, i, *shape) for i in range(options.models)}
    else:
        embeddings = {f"m{i}": _embedding(i, *shape) for i in range(options.models)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    clock = _Clock(options.folder)
    cpu = time.process_time()
    gates = ("cknna", "mutual_knn", "distance_correlation", "information_imbalance", "linear_cka")
    values = alignment_matrix(
        embeddings,
        metrics=gates if options.statistics else IN_BLOCKS,
        statistics=options.statistics,
        device=options.device,
        memory=options.memory,
        keep=False if options.stream else None,
        checkpoint=options.folder / "checkpoint" if options.folder else None,
        progress=clock.report,
    ).values
    wall = time.monotonic() - clock.start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{options.models} models, n = {options.samples}, d = {options.width}, "
        f"{torch.get_num_threads()} threads, {options.device}"
    )
    print(
        f"this start {wall:.1f} s ({time.process_time() - cpu:.1f} s of CPU), all starts "
        f"{wall + sum(clock.past):.1f} s, peak {peak:.2f} GB ({before:.2f} GB before)"
    )
    for name, table in values.items():
        off = table[~np.eye(len(table), dtype=bool)] if table.ndim == 2 else table
        print(f"  {name}: mean {off.mean():.4f}, from {off.min():.4f} to {off.max():.4f}")


if __name__ == "__main__":
    main()
