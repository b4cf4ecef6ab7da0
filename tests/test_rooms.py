"""Rooms stand on floors: imports go down, wherever they stand, and never in a ring."""

from __future__ import annotations

import ast
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import pytest_matalign

PACKAGE = Path(pytest_matalign.__file__).parent


def _name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in PACKAGE.rglob("*.py")}


class _Imports(ast.NodeVisitor):
    """Our own modules that a source imports as it is imported itself."""

    def __init__(self, source: str) -> None:
        self.found: set[str] = set()
        self.visit(ast.parse(source))

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Leave out what is imported when a function is called."""

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_If(self, node: ast.If) -> None:
        """Leave out what is imported for types only."""
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.update(alias.name for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
        self.found.update(inner or {str(node.module)})


def ring(sources: dict[str, str]) -> list[str]:
    """Return the modules of one ring of imports, or nothing where there is none."""
    graph = {
        name: (_Imports(text).found & sources.keys()) - {name} for name, text in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_ring_of_modules() -> None:
    assert not ring({name: path.read_text("utf-8") for name, path in MODULES.items()})


def test_a_ring_is_found() -> None:
    assert ring({"a": "import b", "b": "if True:\n    from c import x", "c": "import a"})


@pytest.mark.parametrize(
    "later",
    ["def f():\n    import a", "if TYPE_CHECKING:\n    import a", "async def f():\n    import a"],
)
def test_what_is_imported_later_makes_no_ring(later: str) -> None:
    assert not ring({"a": "import b", "b": later})


CONTRACTS = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text("utf-8"))["tool"][
    "importlinter"
]["contracts"]
FLOORS = next(one["layers"] for one in CONTRACTS if one["id"] == "floors")
HEIGHT = {
    room.strip(): height
    for height, floor in enumerate(reversed(FLOORS))
    for room in floor.split("|")
}


def upward(module: str, source: str) -> list[str]:
    """Return the rooms that a module imports, anywhere in it, from its own floor or above."""
    own = module.split(".")[1]
    wanted = {
        name.split(".")[1]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
        for name in [node.module]
        if name.startswith(f"{PACKAGE.name}.")
    }
    return sorted(room for room in wanted - {own} if HEIGHT[room] >= HEIGHT[own])


@pytest.mark.parametrize("module", sorted(MODULES.keys() - {PACKAGE.name}))
def test_no_import_goes_up(module: str) -> None:
    assert not upward(module, MODULES[module].read_text("utf-8"))


def test_an_import_inside_a_function_counts() -> None:
    source = "def f():\n    from pytest_matalign.run.settings import settings_of"
    assert upward("pytest_matalign.zoo.card", source) == ["run"]


def test_the_contract_has_no_exceptions() -> None:
    assert not [one["id"] for one in CONTRACTS if "ignore_imports" in one]
