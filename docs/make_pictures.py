"""Make the pictures of the docs and the README from a real scorecard and its store.

    python docs/make_pictures.py scorecard.json --store DIR

Needs `rich`, `playwright` and a Chromium (Debian: `apt-get install chromium`).
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from pathlib import Path

from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.store import Store
from pytest_matalign.progress import embedding_line
from pytest_matalign.report.companion import build_companion
from pytest_matalign.report.page import write_html
from pytest_matalign.scorecard.model import Scorecard, read_scorecard
from pytest_matalign.scorecard.terminal import Line, lines

DOCS = Path(__file__).parent
COLUMNS = 88
SHOWN_LINES = 46
PATIENCE_MS = 300_000
"""A page must load on a busy machine too."""


def main() -> int:
    """Write `scorecard.svg` and `images/*.png`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scorecard", type=Path)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--only-terminal", action="store_true")
    options = parser.parse_args()
    scorecard = read_scorecard(options.scorecard)
    (DOCS / "scorecard.svg").write_text(terminal_picture(scorecard), "utf-8")
    if not options.only_terminal:
        page_pictures(scorecard, options.store)
    return 0


def terminal_picture(scorecard: Scorecard) -> str:
    """SVG of the scorecard in a terminal of 88 columns: its first tables and its last lines."""
    from rich.console import Console
    from rich.text import Text

    text = list(lines(scorecard, width=COLUMNS))
    while text and not text[0].text:
        text.pop(0)
    if len(text) > SHOWN_LINES:
        # Whole tables as far as there is room, then what the run ends with.
        table = max(at for at in range(SHOWN_LINES) if not text[at].text)
        names = tuple(f"{suite.name}: " for suite in scorecard.suites)
        end = next(at for at, line in enumerate(text) if line.text.startswith(names))
        text = [*text[:table], *map(Line, ("", "…", "")), *text[end:]]
    console = Console(record=True, width=COLUMNS, file=Path("/dev/null").open("w"))  # noqa: SIM115  written by nobody
    console.print(Text("$ pytest --matalign", style="bold"))
    console.print(Text(" matalign scorecard ".center(COLUMNS, "="), style="bold"))
    for line in text:
        console.print(Text(line.text, style=line.look or ""), no_wrap=True, crop=True)
    svg = console.export_svg(title="pytest --matalign", unique_id="matalign")
    # No font from a network: whoever shows the picture uses a monospaced font of its own.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return svg.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas").replace(
        "<svg ", '<svg role="img" aria-label="The scorecard of a run in a terminal" ', 1
    )


def page_pictures(scorecard: Scorecard, store: Path) -> None:
    """Screenshots of parts of the report."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or sys.exit("no Chromium: apt-get install chromium")
    images = DOCS / "images"
    images.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        page_file = Path(folder) / "report.html"
        door = Door(store=Store(store), progress=embedding_line)
        write_html(scorecard, page_file, companion=build_companion(scorecard, door=door))
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1240, "height": 1000}, color_scheme="light")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(page_file.as_uri())
        page.add_style_tag(content="nav { position: static !important }")
        page.screenshot(path=images / "report.png")
        page.select_option("#heatmap-place", label="molecules / qm9")
        page.locator("#heatmap").screenshot(path=images / "matrix.png")
        page.locator("#maps select").nth(0).select_option("qm9")
        models = page.locator("#maps select").nth(2).locator("option").all_inner_texts()
        if "rxnmapper" in models:
            page.locator("#maps select").nth(2).select_option("rxnmapper")
        page.locator("#map-panes circle.sample").nth(40).hover(force=True)
        page.locator("#maps").screenshot(path=images / "maps.png")
        page.locator("#tree select").select_option(index=page.locator("#tree option").count() - 2)
        page.locator("#tree").screenshot(path=images / "tree.png")
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
