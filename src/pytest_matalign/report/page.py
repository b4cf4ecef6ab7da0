"""The scorecard as one HTML file that needs nothing else: no network, no server, no library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_matalign.report.data import report_data
from pytest_matalign.scorecard.candidate import candidate_splits, headline, marks
from pytest_matalign.scorecard.summary import (
    failures,
    in_words,
    missing_models,
    subject,
    verdict_counts,
)

if TYPE_CHECKING:
    from jinja2 import Template

    from pytest_matalign.report.companion import Companion
    from pytest_matalign.scorecard.model import Scorecard

ASSETS = Path(__file__).parent / "assets"
SCRIPTS = ("core.js", "marks.js", "table.js", "heatmap.js", "plots.js", "maps.js", "main.js")
PAPER = {
    "text": "S. Edamadaka, S. Yang, J. Li, R. Gómez-Bombarelli, Universally Converging "
    "Representations of Matter Across Scientific Foundation Models, arXiv:2512.03750 (2025)",
    "key": "edamadaka2025converging",
}


def write_html(
    scorecard: Scorecard,
    path: Path,
    *,
    companion: Companion | None = None,
    baseline: Scorecard | None = None,
) -> None:
    """Write the report of a scorecard as one HTML file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(scorecard, companion=companion, baseline=baseline), "utf-8")


def render(
    scorecard: Scorecard, *, companion: Companion | None = None, baseline: Scorecard | None = None
) -> str:
    """Return the report of a scorecard as HTML, an earlier one of the same candidate beside it.

    Without a companion (maps, samples, intrinsic dimensions) the report says that it has none.
    """
    from markupsafe import Markup

    data = report_data(scorecard, companion=companion, baseline=baseline)
    found = failures(scorecard)
    # Style and script are this package's own files and hold no data; data goes in as JSON.
    return template("report.html.j2").render(
        card=scorecard,
        data=data,
        failures=found,
        subject=subject,
        headline=headline(scorecard),
        standings=candidate_splits(scorecard),
        marks=marks,
        judged=any(r.expectations or r.verdict == "passed" for r in scorecard.alignments),
        suites=[
            {
                "entry": suite,
                "words": in_words(
                    verdict_counts(r for r in scorecard.alignments if r.suite == suite.name)
                ),
                "missing": missing_models(scorecard, suite.name),
            }
            for suite in scorecard.suites
        ],
        citation=citation(scorecard),
        paper=PAPER,
        style=Markup((ASSETS / "report.css").read_text("utf-8")),  # noqa: S704  own file, no data
        script=Markup("\n".join((ASSETS / name).read_text("utf-8") for name in SCRIPTS)),  # noqa: S704  own files, no data
        json_data=Markup(_embedded(data)),  # noqa: S704  escaped by _embedded
    )


def template(name: str, *, folder: Path = ASSETS) -> Template:
    """Return a template; text put into it is escaped: ids and reasons come from anybody."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(name)


def citation(scorecard: Scorecard) -> str:
    """Return BibTeX entries for the tool, at the version of the run, and for its method."""
    year = scorecard.run.started[:4]
    return (
        "@software{pytest_matalign,\n"
        "  title   = {pytest-matalign: representational alignment of scientific models},\n"
        f"  version = {{{scorecard.package_version}}},\n"
        f"  year    = {{{year}}},\n"
        "}\n"
        f"@article{{{PAPER['key']},\n"
        "  title   = {Universally Converging Representations of Matter Across Scientific "
        "Foundation Models},\n"
        "  author  = {Edamadaka, Sathya and Yang, Soojung and Li, Ju and "
        "G{\\'o}mez-Bombarelli, Rafael},\n"
        "  journal = {arXiv:2512.03750},\n"
        "  year    = {2025},\n"
        "}"
    )


def _embedded(data: dict[str, Any]) -> str:
    """JSON that may stand inside a script element, whatever text a model or sample carries."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
