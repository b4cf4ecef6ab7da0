"""Speed and memory of each metric beside public implementations, as a table.

    python benchmarks/peers.py --peers /path/to/other/env/bin/python --samples 1000 2000 5000

Public packages pin libraries that this one does not want, so they live in an environment of
their own (`pip install torch dadapy dcor scikit-dimension rsatoolbox hyppo
calibrated-similarity`); a package missing there is reported as such. Every call runs in a fresh
process that reads the same float32 embeddings, is timed after its imports and one warm-up on 64
samples, and reports the peak memory of its process. CPU seconds are what to compare on a machine
that is busy with other things. `platonic` rows are the released code's way
of doing it, written here: full kernels, full argsorts, nothing shared between pairs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

# Each entry defines run(x, y) -> value. Names of metrics group rows that can be compared.
OURS = {
    "cknna": "from pytest_matalign import cknna\nrun = lambda x, y: cknna(x, y, k=10)",
    "mutual kNN": (
        "from pytest_matalign import mutual_knn\nrun = lambda x, y: mutual_knn(x, y, k=10)"
    ),
    "distance correlation": (
        "from pytest_matalign import distance_correlation\n"
        "run = lambda x, y: distance_correlation(x, y, preprocess='none')"
    ),
    "distance correlation, unbiased": (
        "from pytest_matalign import distance_correlation\n"
        "run = lambda x, y: distance_correlation(x, y, bias_corrected=True, preprocess='none')"
    ),
    "information imbalance": (
        "from pytest_matalign import information_imbalance\n"
        "run = lambda x, y: information_imbalance(x, y, preprocess='none')[0]"
    ),
    "linear CKA": (
        "from pytest_matalign import linear_cka\n"
        "run = lambda x, y: linear_cka(x, y, preprocess='none')"
    ),
    "RSA, Spearman": (
        "from pytest_matalign import rsa\nrun = lambda x, y: rsa(x, y, preprocess='none')"
    ),
    "TwoNN": (
        "from pytest_matalign import intrinsic_dimension\nrun = lambda x, y: intrinsic_dimension(x)"
    ),
    "calibrated CKA": (
        "from pytest_matalign import assess, metric_spec, prepare\n"
        "spec = metric_spec('linear_cka')\n"
        "run = lambda x, y: assess(prepare(x, specs=[spec]), prepare(y, specs=[spec]), spec)"
        ".calibrated"
    ),
}
_PLATONIC = """
import torch, torch.nn.functional as F
def neighbours(k, kernel):
    return kernel.clone().fill_diagonal_(-1e8).argsort(dim=1, descending=True)[:, :k]
def mask(kernel, k):
    return torch.zeros_like(kernel).scatter_(1, neighbours(k, kernel), 1)
def hsic(a, b):
    m = len(a)
    a, b = a.clone().fill_diagonal_(0), b.clone().fill_diagonal_(0)
    value = (a * b.T).sum() + a.sum() * b.sum() / ((m - 1) * (m - 2))
    return (value - 2 * (a @ b).sum() / (m - 2)) / (m * (m - 3))
def unit(x):
    return F.normalize(torch.as_tensor(x), dim=1)
"""
PEERS = {
    ("cknna", "platonic style"): _PLATONIC
    + """
def run(x, y):
    K, L = (unit(v) @ unit(v).T for v in (x, y))
    a, b = mask(K, 10), mask(L, 10)
    top = hsic(a * b * K, a * b * L)
    return float(top / (hsic(a * K, a * K) * hsic(b * L, b * L)).sqrt())
""",
    ("mutual kNN", "platonic style"): _PLATONIC
    + """
def run(x, y):
    K, L = (unit(v) @ unit(v).T for v in (x, y))
    return float((mask(K, 10) * mask(L, 10)).sum() / (10 * len(x)))
""",
    ("linear CKA", "platonic style"): _PLATONIC
    + """
def centred_product(a, b):
    h = torch.eye(len(a)) - 1 / len(a)
    return torch.trace(a @ h @ b @ h)
def run(x, y):
    K, L = (torch.as_tensor(v) @ torch.as_tensor(v).T for v in (x, y))
    top = centred_product(K, L)
    return float(top / (centred_product(K, K) * centred_product(L, L)).sqrt())
""",
    ("mutual kNN", "dadapy"): """
from dadapy import MetricComparisons
def run(x, y):
    own = MetricComparisons(coordinates=x.astype(float), n_jobs=2, verbose=False)
    return float(own.return_data_overlap(coordinates=y.astype(float), k=10))
""",
    ("information imbalance", "dadapy, exact"): """
from dadapy import MetricComparisons
def run(x, y):
    own = MetricComparisons(coordinates=x.astype(float), n_jobs=2, verbose=False)
    # Spelled so; its default of 2,000-sample subsets ranks neighbours beyond them at random.
    found = own.return_information_imbalace(y.astype(float), k=1, subset_size=len(x))
    return float(found[0][0])
""",
    ("distance correlation", "dcor"): """
import dcor
run = lambda x, y: float(dcor.distance_correlation(x, y))
""",
    ("distance correlation, unbiased", "hyppo"): """
from hyppo.independence import Dcorr
run = lambda x, y: float(Dcorr().statistic(x.astype(float), y.astype(float)))
""",
    ("RSA, Spearman", "rsatoolbox"): """
import rsatoolbox
from rsatoolbox.data import Dataset
from rsatoolbox.rdm import calc_rdm, compare
def run(x, y):
    a, b = (calc_rdm(Dataset(v.astype(float)), method="euclidean") for v in (x, y))
    return float(compare(a, b, method="spearman")[0, 0])
""",
    ("TwoNN", "scikit-dimension"): """
import skdim
run = lambda x, y: float(skdim.id.TwoNN().fit(x.astype(float)).dimension_)
""",
    ("TwoNN", "dadapy"): """
from dadapy import Data
def run(x, y):
    data = Data(coordinates=x.astype(float), maxk=3, n_jobs=2, verbose=False)
    return float(data.compute_id_2NN()[0])
""",
    ("calibrated CKA", "calibrated-similarity, 20 permutations"): """
import calibrated_similarity
def cka(a, b):
    a, b = a - a.mean(0), b - b.mean(0)
    return float((a.T @ b).square().sum() / ((a.T @ a).norm() * (b.T @ b).norm()))
def run(x, y):
    import torch
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    return float(calibrated_similarity.calibrate(x, y, cka, K=20)[0])
""",
}
_DRIVER = """
import json, resource, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
exec(open(sys.argv[1]).read())
with np.load(sys.argv[2]) as views:
    x, y = views["x"], views["y"]
run(x[:64], y[:64])
start, cpu = time.perf_counter(), time.process_time()
value = run(x, y)
seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"value": float(value), "seconds": seconds, "cpu": cpu, "peak": peak}))
"""


def _measure(python: str, code: str, data: Path, folder: Path, limit: float) -> dict[str, object]:
    script, driver = folder / "metric.py", folder / "driver.py"
    script.write_text(code)
    driver.write_text(_DRIVER)
    try:
        done = subprocess.run(
            [python, driver, script, data],
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"over {limit:.0f} s"}
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["killed"])[-1][:80]}
    return json.loads(done.stdout.splitlines()[-1])


def _views(n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n, 16))
    x, y = (latent @ rng.normal(size=(16, width)) + rng.normal(size=(n, width)) for _ in "xy")
    return x.astype(np.float32), y.astype(np.float32)


def _ratios(n: int, metric: str, ours: dict[str, object], peers: list[dict[str, object]]) -> None:
    """Print how we compare with the best of the public ones, each number by itself."""
    able = [peer for peer in peers if "error" not in peer]
    if "error" in ours or not able:
        return
    parts = []
    for name in ("seconds", "cpu", "peak"):
        best = min(float(peer[name]) for peer in able)
        parts.append(f"{float(ours[name]) / best:.2f}")
    print(f"| {n} | {metric} | **ours / best of the others** | {' | '.join(parts)} | |", flush=True)


def _print(n: int, metric: str, who: str, result: dict[str, object]) -> None:
    if "error" in result:
        print(f"| {n} | {metric} | {who} | {result['error']} | | | |", flush=True)
    else:
        print(
            f"| {n} | {metric} | {who} | {result['seconds']:.3f} | "
            f"{result['cpu']:.3f} | {result['peak']:.0f} | "
            f"{result['value']:.6f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", required=True, help="python with the public packages")
    parser.add_argument("--samples", type=int, nargs="+", default=[1000, 2000])
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=1, help="calls, of which the fastest counts")
    parser.add_argument("--metrics", nargs="+", default=list(OURS))
    parser.add_argument("--limit", type=float, default=600.0, help="seconds a call may take")
    options = parser.parse_args()
    print(
        "| n | metric | implementation | seconds | CPU s | peak MB | value |\n"
        "|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for n in options.samples:
            x, y = _views(n, options.width)
            np.savez(folder / "views.npz", x=x, y=y)
            for metric in options.metrics:
                jobs = [("pytest-matalign", sys.executable, OURS[metric])]
                jobs += [
                    (who, options.peers, text)
                    for (what, who), text in PEERS.items()
                    if what == metric
                ]
                results = []
                for who, python, text in jobs:
                    best: dict[str, object] = {}
                    for _ in range(options.repeats):
                        result = _measure(python, text, folder / "views.npz", folder, options.limit)
                        if "error" in result or not best or result["seconds"] < best["seconds"]:
                            best = result
                        if "error" in result:
                            break
                    _print(n, metric, who, best)
                    results.append(best)
                _ratios(n, metric, results[0], results[1:])


if __name__ == "__main__":
    main()
