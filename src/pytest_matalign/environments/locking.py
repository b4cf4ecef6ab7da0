"""Resolve a spec afresh and write its lock; for those who maintain a spec."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_matalign.environments.build import installer, packages_of
from pytest_matalign.environments.spec import read_spec, spec_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TOOLS = {"pip", "uv", "pytest-matalign", "torch", "triton"}
_TORCH_ONLY = ("nvidia-", "cuda-")
_FROM_VENV = "setuptools"


def write_lock(
    name: str,
    *,
    python: Path | None = None,
    options: Sequence[str] = (),
    told: Callable[[str], object] = lambda _step: None,
) -> Path:
    """Build a throw-away environment from the spec's requirements, and write what it holds.

    Whether the models run with these versions is not known until `matalign env doctor` and a
    test say so.

    Returns:
        The lock, beside the spec.

    Raises:
        ConfigurationError: If the spec is wrong or Python has the wrong version.
        UnavailableError: If the requirements cannot be resolved or installed.
    """
    path = spec_file(name)
    spec = read_spec(path)
    builder = installer(spec.python, name=name, python=python, options=options, told=told)
    with tempfile.TemporaryDirectory(prefix="matalign-lock-") as scratch:
        folder = Path(scratch) / name
        builder.make(folder)
        torch = [f"torch=={spec.torch}"] if spec.torch else []
        if torch:
            told(f"installing torch {spec.torch} with its dependencies")
            builder.install(folder, torch)
        before = packages_of(folder)
        if spec.requirements:
            told(f"resolving {', '.join(spec.requirements)}")
            # torch again, or the resolver may replace it by another version.
            builder.install(folder, [*torch, *spec.requirements])
        if spec.without_dependencies:
            told(f"adding {', '.join(spec.without_dependencies)} alone")
            builder.install(folder, ["--no-deps", *spec.without_dependencies])
        found = packages_of(folder)
    lock = path.with_suffix(".lock")
    lock.write_text("".join(f"{line}\n" for line in pins(found, before=before)), "utf-8")
    return lock


def pins(found: dict[str, str], *, before: dict[str, str]) -> list[str]:
    """Lines of a lock, sorted: everything but torch, what serves only it, and the tools.

    Args:
        found: Version by name of everything installed.
        before: The same before the requirements were installed; setuptools as `venv` put it
            there is not what the models need.
    """
    return sorted(
        f"{name}=={version}"
        for name, version in found.items()
        if name not in _TOOLS
        and not name.startswith(_TORCH_ONLY)
        and not (name == _FROM_VENV and before.get(name) == version)
    )
