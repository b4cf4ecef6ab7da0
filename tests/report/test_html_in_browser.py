"""The report in a real browser: Debian's Chromium, skipped with a reason where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pytest_matalign.report.companion import build_companion
from pytest_matalign.report.maps import packed
from pytest_matalign.report.page import write_html
from pytest_matalign.scorecard.model import Run, Scorecard, SuiteEntry
from pytest_matalign.verdicts.gate.finding import Finding, judgement
from pytest_matalign.verdicts.gate.standing import Standing
from pytest_matalign.verdicts.records import EmbeddingRecord, measured

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MS = 120_000
"""A page takes well under a second on an idle machine; nothing here is a test of speed."""
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(made: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(made.scorecard, path, companion=build_companion(made.scorecard, door=made.door))
    return path


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The report opened from disk; what it logs or asks for makes the test fail."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    trouble: list[str] = []
    opened.on("console", lambda message: trouble.append(message.text))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("request", lambda request: trouble.append(request.url))
    opened.set_default_timeout(PATIENCE_MS)
    opened.goto(report.as_uri())
    yield opened
    opened.close()
    assert set(trouble) == {report.as_uri()}


def cells(page: Page, column: int) -> list[str]:
    return page.locator(f"#case-table tbody tr td:nth-child({column})").all_inner_texts()


def test_every_part_is_there(page: Page) -> None:
    """Nothing is missing and nothing is empty."""
    parts = page.locator("section[data-title]").evaluate_all("found => found.map(one => one.id)")
    assert parts == [
        "summary", "heatmap", "maps", "regimes", "imbalance", "performance", "dimension", "tree",
        "cases", "provenance",
    ]  # fmt: skip
    assert "1 failure" in page.locator(".banner").inner_text()


def test_the_table_sorts_both_ways(page: Page) -> None:
    """By number where the column holds numbers."""
    button = page.locator("#case-table th[data-key=value] button")
    button.click()
    up = [float(text) for text in cells(page, 5)]
    assert up == sorted(up)
    button.click()
    down = [float(text) for text in cells(page, 5)]
    assert down == sorted(down, reverse=True)
    assert down[0] > up[0]
    head = page.locator("#case-table th[data-key=value]")
    assert head.get_attribute("aria-sort") == "descending"


def test_the_table_filters(page: Page) -> None:
    """Words narrow, choosers narrow further, and no row fits nonsense."""
    page.fill("#cases input[type=search]", "morgan size")
    pairs = set(zip(cells(page, 2), cells(page, 3), strict=True))
    assert pairs == {("size", "morgan")}
    assert "1–4 of 4 cases" in page.locator("#cases .pager").inner_text()
    page.fill("#cases input[type=search]", "")
    page.locator("#cases select").nth(3).select_option(label="failed")
    assert [text.split()[-1] for text in cells(page, 11)] == ["failed"]
    page.fill("#cases input[type=search]", "nonsense")
    assert "no case fits" in page.locator("#cases .pager").inner_text()


def test_the_table_turns_pages(page: Page) -> None:
    """Forty cases are two pages."""
    first = page.locator("#case-table tbody").inner_text()
    page.get_by_role("button", name="Next").click()
    assert page.locator("#case-table tbody").inner_text() != first
    assert page.get_by_role("button", name="Next").is_disabled()


def test_the_matrix_switches_metric_and_split(page: Page) -> None:
    """Other numbers in the cells, and the scale turned round where lower is closer."""
    figure = page.locator("#heatmap-figure")
    before = figure.inner_html()
    page.select_option("#heatmap-metric", label="information imbalance")
    assert page.locator("#heatmap-figure").inner_html() != before
    assert "1, unrelated" in page.locator("#heatmap .aside").inner_text()
    page.select_option("#heatmap-place", label="descriptors / ccd-ligands")
    page.select_option("#heatmap-metric", label="cknna")
    assert page.locator("#heatmap-figure").inner_html() != before


def test_pointing_at_a_cell_tells_everything_of_it(page: Page, made: Any) -> None:
    """Value, interval, null, n and k of the pair."""
    page.locator("#heatmap-figure .cell").first.hover()
    text = page.locator("#tip").text_content() or ""
    for word in ("interval", "unrelated models", "p =", "n60", "k10", "verdict"):
        assert word in text, text
    values = {f"{one.value:.3f}" for _, one in measured(made.scorecard.alignments)}
    assert any(value in text for value in values)


def test_the_matrix_can_be_walked_by_keys(page: Page) -> None:
    """Arrows move a cursor; what is under it is shown and spoken."""
    page.focus("#heatmap-figure")
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip").is_visible()
    assert "cknna" in page.locator("#live").inner_text()
    assert page.locator("#cursor").get_attribute("visibility") == "visible"
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_pointing_at_a_sample_shows_it_in_both_maps(page: Page) -> None:
    """The same sample is ringed twice, with its neighbours, its formula and its labels."""
    page.locator("#map-panes circle.sample").nth(30).hover(force=True)
    rings = page.locator("#map-panes .mark circle[r='8.5']")
    assert rings.count() == 2
    assert page.locator("#map-panes .mark path").count() == 16
    assert page.locator("#map-detail svg").count() == 1
    assert "mu_D" in page.locator("#map-detail").inner_text()


@pytest.mark.parametrize("part", ["imbalance", "regimes", "performance", "dimension", "summary"])
def test_points_answer_to_keys(page: Page, part: str) -> None:
    """Whoever has no mouse gets the same words."""
    page.locator(f"#{part} svg[role=application]").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#tip").is_visible()
    assert page.locator("#live").inner_text().strip()


def test_dark_and_light(page: Page) -> None:
    """One button turns the page over, matrix and all."""
    cell = page.locator("#heatmap-figure .cell").first
    before = cell.get_attribute("fill")
    page.click("#theme")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.locator("#heatmap-figure .cell").first.get_attribute("fill") != before


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    """Wide figures scroll in their own frame."""
    page.set_viewport_size({"width": 360, "height": 700})
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_on_paper_the_table_keeps_its_heads_and_its_margins(page: Page) -> None:
    """What only a screen can use is left out; the table says how much of it is printed."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less one centimetre a side
    assert page.locator("#case-table th[data-key=value] button").is_visible()
    assert not page.locator(".controls").first.is_visible()
    assert " of " in page.locator("#cases .pager").inner_text()
    table = page.locator("#case-table").bounding_box()
    assert table is not None
    assert table["x"] + table["width"] <= 718


def test_the_citation_is_copied_or_selected(page: Page) -> None:
    """Where the clipboard is refused the text is selected for copying by hand."""
    page.click("#copy")
    page.wait_for_function("document.getElementById('copied').textContent !== ''")
    words = page.locator("#copied").inner_text()
    assert words == "copied" or "@software" in page.evaluate("getSelection().toString()")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, theme: str) -> None:
    """No violation of WCAG 2 A and AA, contrast included, in either theme."""
    axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    if theme == "dark":
        page.click("#theme")
    page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
    result = page.evaluate("axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })")
    assert [
        (found["id"], [node["target"] for node in found["nodes"]][:3])
        for found in result["violations"]
    ] == []


def test_a_screenshot_shows_something(page: Page, tmp_path: Path) -> None:
    """The page is painted: a picture with many colours, kept for whoever wants to look."""
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    with image.open(tmp_path / "report.png") as shot:
        colours = shot.convert("RGB").getcolors(maxcolors=2**24)
    assert len(colours) > 100


def test_dots_beyond_sixteen_bits_are_their_own_samples(
    browser: Browser, made: Any, tmp_path: Path
) -> None:
    """The samples of a run moved behind 65,536 others: a dot still tells of its own sample."""
    before = 2**16
    companion = build_companion(made.scorecard, door=made.door, analyses=False)
    samples = companion.data["samples"]["qm9"]
    names = list(samples["ids"])
    samples["labels"] = {}
    for column, filler in (("ids", "other"), ("captions", "other"), ("pictures", None)):
        samples[column] = [filler] * before + samples[column]
    for one in companion.data["maps"]:
        one["rows"] = packed([before + row for row in range(len(names))])
    write_html(made.scorecard, tmp_path / "page.html", companion=companion)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto((tmp_path / "page.html").as_uri())
    dots = page.locator("#map-panes .pane").first.locator("circle.sample")
    rows = dots.evaluate_all("found => found.map(one => Number(one.dataset.row))")
    assert rows == [before + row for row in range(len(names))]
    dots.nth(30).hover(force=True)
    page.wait_for_function("document.querySelector('#map-detail b') !== null")
    shown = page.locator("#map-detail b").inner_text()
    assert shown in names
    page.close()


def test_a_candidate_beside_its_baseline(browser: Browser, made: Any, tmp_path: Path) -> None:
    """The pages of a gate: values with intervals, every split, what changed, what moved."""
    new, old = (
        msgspec.structs.replace(
            made.scorecard,
            candidate=name,
            alignments=tuple(r for r in made.scorecard.alignments if name in (r.a, r.b)),
        )
        for name in ("morgan", "composition")
    )
    made_of = build_companion(new, door=made.door, baseline=old, analyses=False)
    write_html(new, tmp_path / "page.html", companion=made_of, baseline=old)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("#candidate h2").inner_text() == "morgan beside its references"
    assert page.locator("#heatmap-figure .cell").count() == 8
    assert page.locator("#baseline .pane").count() == 20
    assert trouble == []
    page.close()


def test_a_strip_keeps_its_place_beside_many_families(browser: Browser, tmp_path: Path) -> None:
    """On a screen it can be read at a glance, and a phone still needs no sideways scrolling."""
    families = ("sevennet", "diep", "m3gnet", "tensornet", "nequix", "megnet", "cgcnn", "chgnet")
    standing = Standing(
        metric="distance_correlation",
        value=0.3,
        low=0.28,
        high=0.32,
        families=dict.fromkeys(families, 0.25),
        references=dict.fromkeys(families, 0.4),
        untrained={"chgnet-untrained": 0.0},
    )
    finding = Finding(check="floor", verdict="passed", why="is above.")
    embedded = EmbeddingRecord(
        suite="s", split="mp-crystals", model="team", requested=10, n=10, verdict="passed",
        release=judgement((finding,), standings=(standing,)),
    )  # fmt: skip
    card = Scorecard(
        package_version="0", candidate="team", suites=(SuiteEntry(name="s", title="t", version=1),),
        splits=(), models=(), embeddings=(embedded,), alignments=(),
        run=Run(started="2026-01-01T00:00", seconds=1.0, command="", python="", packages={}),
    )  # fmt: skip
    write_html(card, tmp_path / "page.html")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto((tmp_path / "page.html").as_uri())
    box = page.locator(".strip").bounding_box()
    assert box is not None
    assert box["width"] >= 200
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()
