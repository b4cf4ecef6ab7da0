"""Size and answer times of the report of a large run: 60 models, 4 metrics, 5 splits.

    python benchmarks/report_size.py

The values are made up (models near each other in a random plane agree); nothing else about the
page depends on them. Needs `playwright` and a Chromium. Prints megabytes, and for each action the
milliseconds until the browser has painted its result, by the clock and in processor time of the
page's main thread; the limit is held against the second, which a busy machine does not stretch.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np

from pytest_matalign import metric_spec
from pytest_matalign.report.page import write_html
from pytest_matalign.scorecard.model import ModelEntry, Run, Scorecard, SplitEntry, SuiteEntry
from pytest_matalign.statistics.alignment import Alignment
from pytest_matalign.verdicts.records import AlignmentRecord, EmbeddingRecord

METRICS = {
    "cknna": 25,
    "mutual_knn": 10,
    "distance_correlation": None,
    "information_imbalance": 1,
}
MODALITIES = ("3d", "graph", "string", "protein-sequence")
LIMIT_MB, LIMIT_MS = 10, 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        scorecard = made_up(options.models, options.splits)
        write_html(scorecard, page)
        size = page.stat().st_size / 1e6
        print(f"{len(scorecard.alignments)} alignments: {size:.2f} MB (limit {LIMIT_MB})")
        slowest = 0.0
        print(f"{'median of ' + str(options.repeat):<24}{'clock':>10}{'processor':>12}")
        for name, times in answers(page, options.repeat).items():
            clock, processor = (statistics.median(column) for column in zip(*times, strict=True))
            slowest = max(slowest, processor)
            print(f"{name:<24}{clock:>7.0f} ms{processor:>9.0f} ms")
    return int(size > LIMIT_MB or slowest > LIMIT_MS)


def made_up(models: int, splits: int) -> Scorecard:
    rng = np.random.default_rng(0)
    places = rng.normal(size=(splits, models, 2))
    ids = [f"family{i // 5}-model-{i}" for i in range(models)]
    records = []
    for split in range(splits):
        for name, k in METRICS.items():
            spec = metric_spec(name, k=k) if name != "distance_correlation" else metric_spec(name)
            for i, j in combinations(range(models), 2):
                apart = float(np.linalg.norm(places[split, i] - places[split, j]))
                value = float(np.exp(-apart)) if spec.direction == "higher" else 1 - np.exp(-apart)
                records.append(
                    AlignmentRecord(
                        suite="large", split=f"split-{split}", a=ids[i], b=ids[j],
                        pair_class="same-family" if i // 5 == j // 5 else "same-modality",
                        metric=name, higher_is_closer=spec.direction == "higher",
                        verdict="no-baseline",
                        alignment=Alignment(
                            metric=name, estimator=spec.estimator, k=spec.k,
                            preprocess=spec.preprocess, n=1000,
                            value=value, low=value - 0.0213, high=value + 0.0213,
                            confidence=0.95, null_mean=0.0101, null_sd=0.0023, p_value=1.23e-5,
                            calibrated=value * 0.97,
                            directions=(value, value) if name == "information_imbalance" else None,
                        ),
                    )
                )  # fmt: skip
    return Scorecard(
        package_version="0", candidate=None,
        suites=(SuiteEntry(name="large", title="A large run", version=1),),
        splits=tuple(
            SplitEntry(id=f"split-{s}", title=f"Split {s}", version="1", samples=1000,
                       role="in-distribution" if s % 2 else "out-of-distribution",
                       fingerprint=f"{s:064x}")
            for s in range(splits)
        ),
        models=tuple(
            ModelEntry(id=name, name=name, family=f"family{i // 5}", role="pretrained",
                       modality=MODALITIES[i // 15 % 4])
            for i, name in enumerate(ids)
        ),
        embeddings=tuple(
            EmbeddingRecord(suite="large", split=f"split-{s}", model=name, requested=1000, n=1000,
                            width=128, digest="0" * 64, verdict="passed")
            for s in range(splits) for name in ids
        ),
        alignments=tuple(records),
        run=Run(started="2026-01-01T00:00:00+00:00", seconds=1.0, command="made up", python="3",
                packages={}),
    )  # fmt: skip


def answers(report: Path, repeat: int) -> dict[str, list[tuple[float, float]]]:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or sys.exit("no Chromium: apt-get install chromium")
    actions = {
        "sort the table": "document.querySelector('th[data-key=value] button').click()",
        "filter the table": (
            "(() => { const box = document.querySelector('#cases input[type=search]');"
            "box.value = box.value ? '' : 'model-7 cknna';"
            "box.dispatchEvent(new Event('input')) })()"
        ),
        "switch the metric": (
            "(() => { const s = document.querySelector('#heatmap-metric');"
            "s.selectedIndex = (s.selectedIndex + 1) % s.length;"
            "s.dispatchEvent(new Event('change')) })()"
        ),
        "switch the split": (
            "(() => { const s = document.querySelector('#heatmap-place');"
            "s.selectedIndex = (s.selectedIndex + 1) % s.length;"
            "s.dispatchEvent(new Event('change')) })()"
        ),
        "point at a cell": (
            "document.querySelectorAll('#heatmap-figure .cell')[500].dispatchEvent("
            "new MouseEvent('mousemove', { bubbles: true, clientX: 300, clientY: 300 }))"
        ),
        "turn it dark or light": "document.getElementById('theme').click()",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(300_000)
        page.goto(report.as_uri())
        load = page.evaluate("performance.getEntriesByType('navigation')[0].duration")
        print(f"loading, by the clock: {load:.0f} ms")
        monitor = page.context.new_cdp_session(page)
        monitor.send("Performance.enable", {"timeDomain": "threadTicks"})

        def processor() -> float:
            metrics = monitor.send("Performance.getMetrics")["metrics"]
            return 1000 * next(m["value"] for m in metrics if m["name"] == "TaskDuration")

        found: dict[str, list[tuple[float, float]]] = {}
        page.locator("#heatmap-figure").scroll_into_view_if_needed()
        for name, action in actions.items():
            # Two frames after the action its result has been painted.
            timed = (
                "new Promise(done => { const start = performance.now();"
                f"{action}; requestAnimationFrame(() => requestAnimationFrame(() =>"
                "done(performance.now() - start))) })"
            )
            for _ in range(repeat):
                before = processor()
                clock = page.evaluate(timed)
                found.setdefault(name, []).append((clock, processor() - before))
        browser.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
