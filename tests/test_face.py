"""The public face: what stands on the API page may be imported, and the import costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_matalign as pm

PAGE = Path(__file__).parents[1] / "docs/reference/api.md"


@pytest.mark.parametrize("name", pm.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(pm, name).__name__ == name


def test_the_page_lists_the_face_and_nothing_deeper() -> None:
    listed = re.findall(r"^::: pytest_matalign\.(\S+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(pm.__all__)


def test_the_face_tells_its_names() -> None:
    assert set(pm.__all__) == set(dir(pm))


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="nothing_of_ours"):
        _ = pm.nothing_of_ours


def test_importing_the_face_imports_nothing_behind_it() -> None:
    code = "import sys, pytest_matalign; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = done.stdout.split()
    assert [name for name in loaded if name.startswith("pytest_matalign")] == ["pytest_matalign"]
    assert not {"numpy", "torch", "scipy", "ase", "rdkit", "msgspec"} & set(loaded)
