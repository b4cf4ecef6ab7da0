"""The picture of the rooms: the floors of the contract, and who imports whom in fact.

    python docs/rooms.py > rooms.svg

The floors are read from `[tool.importlinter]`, the sentences from the rooms' docstrings, the dots
from the imports in the source, so that the picture is never older than the house.
"""

from __future__ import annotations

import ast
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/pytest_matalign"
FLOOR, EDGE = 30, 140
GROUPS = {
    "#7a5195": ("plugin", "cli"),
    "#ef5675": ("mutants", "study", "run", "report", "scorecard", "verdicts", "suites"),
    "#3b7dd8": ("testing", "analysis", "embeddings", "environments", "zoo"),
    "#2f9e77": ("statistics", "engine", "metrics"),
    "#b7791f": ("splits",),
}


def rooms() -> list[str]:
    """Return the rooms from the top floor to the ground, as the contract has them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (floors,) = (one["layers"] for one in contracts["contracts"] if one["id"] == "floors")
    names = [name.strip() for floor in floors for name in floor.split("|")]
    return [name for name in names if not name.startswith("_")]


def imports() -> Counter[tuple[str, str]]:
    """Count the statements by which one room imports another, wherever they stand."""
    found: Counter[tuple[str, str]] = Counter()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                package, _, inner = name.partition(".")
                if package == PACKAGE.name and inner and inner.partition(".")[0] != room:
                    found[room, inner.partition(".")[0]] += 1
    return found


def _sentence(room: str) -> str:
    path = PACKAGE / room / "__init__.py"
    source = (path if path.exists() else path.parent.with_suffix(".py")).read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].rstrip(".")


def _colour(room: str) -> str:
    return next((colour for colour, names in GROUPS.items() if room in names), "#6b7280")


def table() -> str:
    """Return the rooms with the first sentence of each as a table in Markdown."""
    rows = [f"| `{room}` | {_sentence(room)} |" for room in rooms()]
    return "\n".join(["| room | |", "|---|---|", *rows])


def picture() -> str:
    """Return the picture as SVG, readable on light and on dark ground."""
    names = rooms()
    count = imports()
    height = EDGE + FLOOR * len(names) + 10
    width = height + 40  # the last name leans over
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            'font-family="ui-monospace, monospace" font-size="14">'
            "<title>Rooms of pytest-matalign, top floor first, and what each imports</title>"
            f'<rect width="{width}" height="{height}" rx="8" fill="#fbfbf9"/>'
        )
    ]
    for row, room in enumerate(names):
        at, colour = EDGE + row * FLOOR, _colour(room)
        middle = at + FLOOR / 2 + 5
        parts.append(
            f'<rect x="10" y="{at + 2}" width="{width - 20}" height="{FLOOR - 4}" rx="4" '
            f'fill="{colour}" fill-opacity=".1"/>'
            f'<text x="20" y="{middle:g}" fill="#222">{room}</text>'
            f'<text transform="translate({middle:g} {EDGE - 8}) rotate(-60)" fill="{colour}">'
            f"{room}</text>"
            f'<rect x="{at + 2}" y="{at + 2}" width="{FLOOR - 4}" height="{FLOOR - 4}" rx="4" '
            f'fill="{colour}" fill-opacity=".4"/>'
        )
        for column, other in enumerate(names):
            if number := count[room, other]:
                parts.append(
                    f'<circle cx="{EDGE + (column + 0.5) * FLOOR:g}" cy="{at + FLOOR / 2:g}" '
                    f'r="{min(3 + number**0.5, FLOOR / 2 - 3):.1f}" fill="{_colour(other)}">'
                    f"<title>{room} imports {other}, {number} times</title></circle>"
                )
    return "\n".join([*parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    print(picture())  # noqa: T201  the command's output
