"""Environments are built by a real installer, whole or not at all, and examined afterwards."""

from __future__ import annotations

import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from pytest_matalign.environments import build
from pytest_matalign.environments.build import create, remove, size_of
from pytest_matalign.environments.doctor import examine
from pytest_matalign.environments.folders import built, folder_of
from pytest_matalign.environments.locking import pins, write_lock
from pytest_matalign.environments.spec import environment
from pytest_matalign.errors import ConfigurationError, UnavailableError
from small_environment import ONLY_THERE, link_environment, write_spec

pytestmark = pytest.mark.slow

SPEC = 'python = ">=3.11"\nrequirements = ["tiny>=1"]\n'


@pytest.fixture
def wheels(nowhere: Path) -> list[str]:
    """A package index of one package, as options of the installer."""
    folder = nowhere / "wheels"
    folder.mkdir()
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "VALUE = 1\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", f"tiny.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    return ["--no-index", f"--find-links {folder}"]


@pytest.fixture(params=["pip", "uv"])
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to build; uv only where it is installed."""
    name: str = request.param
    if name == "uv" and shutil.which("uv") is None:
        pytest.skip("uv is not on the path")
    if name == "pip":
        monkeypatch.setattr(build.shutil, "which", lambda _name: None)
    return name


def test_an_environment_is_built_from_its_lock(
    nowhere: Path, wheels: list[str], installer: str
) -> None:
    """With the options of the installer, and a record of what is in it."""
    write_spec(nowhere / "specs", "tiny", spec=SPEC, lock="tiny==1.0\n")
    told: list[str] = []
    found = create("tiny", options=wheels, told=told.append)
    assert found.record.packages["tiny"] == "1.0"
    assert found.record.installer == installer
    assert built("tiny") == found
    assert build.run([str(found.python), "-c", "import tiny; print(tiny.VALUE)"]) == "1\n"
    assert "installing the 1 packages of tiny.lock" in told
    assert size_of(found.folder) > 100
    create("tiny", told=told.append)
    assert told[-1].endswith("is there already")
    assert remove("tiny") == (found.folder,)
    assert built("tiny") is None


def test_a_package_that_is_not_to_be_had_is_named(nowhere: Path, wheels: list[str]) -> None:
    """With what the installer said, and nothing that looks whole is left."""
    write_spec(nowhere / "specs", "tiny", spec=SPEC, lock="tiny==2.0\n")
    with pytest.raises(UnavailableError, match=r"failed: .*tiny==2\.0"):
        create("tiny", options=wheels)
    assert built("tiny") is None


def test_what_was_interrupted_is_built_afresh(nowhere: Path, wheels: list[str]) -> None:
    """A folder without its marker is not taken for an environment."""
    write_spec(nowhere / "specs", "tiny", spec=SPEC, lock="tiny==1.0\n")
    folder = folder_of(environment("tiny"))
    folder.mkdir(parents=True)
    (folder / "left-behind").touch()
    assert built("tiny") is None
    told: list[str] = []
    found = create("tiny", options=wheels, told=told.append)
    assert found.folder == folder
    assert "which was left half built" in told[0]
    assert not (folder / "left-behind").exists()


def test_a_python_of_the_wrong_version_is_refused(nowhere: Path) -> None:
    """By the spec's bounds and by those of this package, before anything is made."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    write_spec(nowhere / "specs", "old", spec=f'python = ">=3.9,<{own}"\n', lock="")
    with pytest.raises(
        ConfigurationError, match=rf"needs Python <{own},>=3.11,>=3.9 and .* is {own}.*--python"
    ):
        create("old")
    assert not (nowhere / "environments").exists()


def test_an_interpreter_that_is_none_is_named(nowhere: Path) -> None:
    """Instead of a traceback from the operating system."""
    write_spec(nowhere / "specs", "tiny", spec=SPEC, lock="")
    with pytest.raises(UnavailableError, match="no-python cannot be run: No such file"):
        create("tiny", python=Path("no-python"))


def test_nothing_to_remove_is_said(nowhere: Path) -> None:
    """A typing error must not look like success."""
    with pytest.raises(ConfigurationError, match="no built environment 'tiny'"):
        remove("tiny")


def test_a_lock_is_what_resolving_the_requirements_gives(
    nowhere: Path, wheels: list[str], installer: str
) -> None:
    """Without the tools, and it can be built from."""
    write_spec(nowhere / "specs", "tiny", spec=SPEC, lock="")
    path = write_lock("tiny", options=wheels)
    assert path.read_text() == "tiny==1.0\n"
    assert environment("tiny").lock == ("tiny==1.0",)


def test_a_lock_leaves_out_torch_and_what_serves_only_it() -> None:
    """Its build for processors and its build for graphics cards share one lock."""
    found = {
        "torch": "2.13.0",
        "nvidia-cublas-cu12": "12",
        "cuda-bindings": "13",
        "triton": "3",
        "pip": "24",
        "setuptools": "65",
        "sympy": "1.13",
        "ase": "3.29",
    }
    before = {"pip": "24", "setuptools": "65", "torch": "2.13.0", "sympy": "1.13"}
    assert pins(found, before=before) == ["ase==3.29", "sympy==1.13"]
    needed = {**found, "setuptools": "80.9"}
    assert "setuptools==80.9" in pins(needed, before=before)


def test_the_doctor_finds_a_healthy_environment_healthy(small: str) -> None:
    """Place and size, worker, versions, imports."""
    found = examine(small)
    assert [finding.subject for finding in found] == [
        "environment",
        "worker",
        "versions",
        "imports",
    ]
    assert all(finding.passed for finding in found)
    assert " MB" in found[0].sentence
    assert found[3].sentence == ONLY_THERE


def test_the_doctor_names_what_is_wrong(nowhere: Path) -> None:
    """A version that differs from the lock, and an import that fails, with its reason."""
    write_spec(nowhere / "specs", "ill", spec='python = ">=3.11"\nimports = ["json", "nonesuch"]\n')
    folder = link_environment("ill")
    inside = next(folder.glob("lib/python*/site-packages"))
    next(inside.glob("ase-*.dist-info")).unlink()
    outcome = {finding.subject: finding for finding in examine("ill")}
    assert not outcome["versions"].passed
    assert "ase is absent, not" in outcome["versions"].sentence
    assert "matalign env remove ill" in outcome["versions"].sentence
    assert outcome["imports"].sentence.startswith("nonesuch: ModuleNotFoundError")


def test_the_doctor_tells_of_a_worker_that_does_not_start(nowhere: Path) -> None:
    """An environment without NumPy cannot run one."""
    write_spec(nowhere / "specs", "ill")
    folder = link_environment("ill")
    (next(folder.glob("lib/python*/site-packages")) / "numpy").unlink()
    worker = {finding.subject: finding for finding in examine("ill")}["worker"]
    assert not worker.passed
    assert "No module named 'numpy'" in worker.sentence


def test_the_doctor_tells_of_an_environment_that_is_not_built(nowhere: Path) -> None:
    """And of one of an earlier lock."""
    write_spec(nowhere / "specs", "one", lock="ase==1\n")
    folder_of(environment("one")).mkdir(parents=True)
    write_spec(nowhere / "specs", "one", lock="ase==2\n")
    [finding] = examine("one")
    assert not finding.passed
    assert "not built (one-" in finding.sentence
    assert "run `matalign env create one`" in finding.sentence
