"""Every page of the docs is run as a reader would run it.

Blocks of a page are taken in order, in one empty folder a page:

- with a title (` ```toml title="suite/suite.toml" `) the block is that file;
- with `replace`, a block of Python replaces the functions of the same names in that file;
- ` ```sh ` is run, and must leave with status 0, or with the one given as `exit=1`; `sbatch` is one
  that runs its script at once;
- `restore=FILE` first puts back the file as the page first gave it;
- ` ```python ` without a title is run;
- `long` says that a command takes many minutes (pages of findings): its words must be options and
  commands that exist, and it is not run;
- `needs=a,b` names importable packages without which the page is skipped from there on;
- `no-run` is for installing only: the packages and extras it names must exist.

Other blocks with an untitled language must be valid in it.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from pytest_matalign.cli.main import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))
FENCE = re.compile(r"^( *)```(\w+)([^\n]*)\n(.*?)^\1```$", re.M | re.S)
RUN_LIMIT_S = 300
SBATCH = """
srun() { "$@"; }
export -f srun
sbatch() {  # what Slurm would do, on this machine and at once
  local script="${@: -1}" range
  range=$(sed -n 's/^#SBATCH.*--array=0-\\([0-9]*\\).*/\\1/p' "$script")
  for SLURM_ARRAY_TASK_ID in $(seq 0 "${range:-0}"); do
    export SLURM_ARRAY_TASK_ID
    bash -eu "$script" >&2
  done
  echo 1
}
"""


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    options: dict[str, str]
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in FENCE.finditer(text):
        indent, language, options, body = match.groups()
        pairs = (part.partition("=") for part in shlex.split(options))
        found.append(
            Block(
                language=language,
                options={name: value for name, _, value in pairs},
                text="\n".join(line.removeprefix(indent) for line in body.splitlines()) + "\n",
                line=text[: match.start()].count("\n") + 1,
            )
        )
    return found


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all pages, so that what one page embeds the next one reads."""
    return tmp_path_factory.mktemp("docs-store")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_page_does_what_it_says(page: Path, shared_store: Path, tmp_path: Path) -> None:
    """In order, from an empty folder, with no knowledge but the page."""
    first: dict[str, str] = {}
    for block in blocks(page):
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if "restore" in block.options:
            (tmp_path / block.options["restore"]).write_text(first[block.options["restore"]])
        if "title" in block.options:
            _write(tmp_path / block.options["title"], block)
            first.setdefault(block.options["title"], block.text)
        elif "long" in block.options or _is_finding(page):
            _check_words(block, where)
        elif "no-run" in block.options:
            _check_installation(block.text, where)
        elif block.language in {"sh", "python"}:
            if not all(map(find_spec, filter(None, block.options.get("needs", "").split(",")))):
                pytest.skip(f"{where} needs {block.options['needs']}")
            _run(block, where, tmp_path, shared_store)
        elif block.language == "toml":
            tomllib.loads(block.text)


def _write(path: Path, block: Block) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if "replace" not in block.options:
        path.write_text(block.text)
        return
    text = path.read_text()
    for new in ast.parse(block.text).body:
        assert isinstance(new, ast.FunctionDef)
        old = next(n for n in ast.parse(text).body if getattr(n, "name", "") == new.name)
        lines = text.splitlines(keepends=True)
        text = "".join(lines[: old.lineno - 1]) + block.text + "".join(lines[old.end_lineno :])
    path.write_text(text)


def _is_finding(page: Path) -> bool:
    """Pages of findings report runs of half an hour, with the commands that made them."""
    return DOCS / "findings" in page.parents


def _check_words(block: Block, where: str) -> None:
    """Every `matalign` command of a block exists, and every script it names."""
    for line in block.text.splitlines() if block.language == "sh" else ():
        words = shlex.split(line, comments=True)
        if words[:1] == ["matalign"]:
            assert main([words[1], "--help"]) == 0, f"{where}: there is no matalign {words[1]}"
        for word in words:
            if word.endswith(".py"):
                assert (ROOT / word).is_file(), f"{where}: there is no {word}"


def _check_installation(text: str, where: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in text.splitlines():
        words = shlex.split(line)
        assert words[:2] == ["pip", "install"], f"{where}: only installing may be left out"
        for word in words[2:]:
            name, _, extra = word.partition("[")
            if name == project["name"]:
                wanted = set(extra.rstrip("]").split(",")) - {""}
                assert wanted <= set(project["optional-dependencies"]), where


def _run(block: Block, where: str, folder: Path, store: Path) -> None:
    command = ["bash", "-euo", "pipefail", "-c", SBATCH + block.text]
    if block.language == "python":
        command = [sys.executable, "-c", block.text]
    environment = {
        **os.environ,
        "MATALIGN_CACHE": str(store),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    for name in ("GITHUB_STEP_SUMMARY", "CI", "GITHUB_ACTIONS"):
        environment.pop(name, None)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True,
        timeout=RUN_LIMIT_S, check=False,
    )  # fmt: skip
    wanted = int(block.options.get("exit", "0"))
    assert done.returncode == wanted, f"{where}:\n{block.text}\n{done.stdout}\n{done.stderr}"
    for word in filter(None, block.options.get("says", "").split(";")):
        assert word in done.stdout, f"{where} should say {word!r}:\n{done.stdout}"
