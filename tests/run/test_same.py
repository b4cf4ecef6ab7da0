"""Two ways to run one model: what is the same, what differs, and when nobody can tell."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from pytest_matalign.cli.main import main
from pytest_matalign.verdicts.same import (
    comparison,
    energy_channel,
    forces_channel,
    rows_channel,
)

MODEL = """
import numpy as np
from ase.calculators.lj import LennardJones

SHARE = 1.0

def embedder(share=SHARE, refused=0):
    def embed(atoms):
        rows = []
        for one in atoms:
            numbers = np.sort(one.numbers)
            rows.append([share * numbers[0], numbers[-1], len(one), one.get_volume() / len(one)])
        return np.array(rows, dtype=float)
    embed.refuse = lambda atoms: "is too large" if refused and len(atoms) > refused else None
    embed.digest = "claimed by every checkout"
    return embed

def other():
    return embedder(share=1.5)

def narrow():
    return embedder(refused=20)

def turned():
    embed = embedder()
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    return lambda atoms: 3.0 * embed(atoms) @ rotation

class Faulty(LennardJones):
    def get_property(self, name, atoms=None, allow_calculation=True):
        found = super().get_property(name, atoms, allow_calculation)
        return 1.1 * found if name == "forces" else found

def _with(calculator):
    embed = embedder()
    embed.calculator = calculator
    return embed

def potential():
    return _with(LennardJones(sigma=2.0, rc=5.0))

def bad_backward():
    return _with(Faulty(sigma=2.0, rc=5.0))

def broken():
    raise RuntimeError("no such operator")
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "sameness_model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATALIGN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def same(*words: str) -> int:
    names = [word if word.startswith("-") or "." in word else f"sameness_model:{word}"
             for word in words[:2]]  # fmt: skip
    return main(["same", *names, "--samples", "30", *words[2:]])


def test_the_same_code_is_the_same(host: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the text says what rows cannot tell."""
    assert same("embedder", "embedder", "--split", "mp-crystals") == 0
    told = capsys.readouterr().out
    assert told.startswith("same: sameness_model:embedder and sameness_model:embedder")
    assert "a fault of the backward pass" in told


def test_a_changed_feature_differs_and_names_the_samples(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a table, and in JSON."""
    words = ("--split", "mp-crystals", "--json", "found.json")
    assert same("embedder", "other", *words) == 1
    told = capsys.readouterr().out
    (found,) = json.loads((host / "found.json").read_text())
    (rows,) = found["channels"]
    assert found["verdict"] == "differs"
    assert rows["moved"] > 0
    assert rows["worst"][0]["distance"] == rows["largest"]
    assert f"moved most in rows: {rows['worst'][0]['id']}" in told


def test_rows_in_other_coordinates_are_the_same_rows(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert same("embedder", "turned", "--split", "mp-crystals", "--input", "atoms") == 0
    assert "the same in other coordinates" in capsys.readouterr().out


def test_what_one_of_them_refuses_makes_them_differ(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert same("embedder", "narrow", "--split", "mp-crystals") == 1
    assert "sameness_model:narrow: is too large" in capsys.readouterr().out


def test_a_fault_of_the_backward_pass_is_seen_in_forces_only(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows and energies of the two are equal."""
    words = ("potential", "bad_backward", "--channel")
    assert same(*words, "rows,energy", "--split", "mp-crystals") == 0
    assert same(*words, "rows,energy,forces") == 1
    told = capsys.readouterr().out
    assert "atoms moved in forces" in told
    assert "on mp-crystals@rattle=0.1" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("embedder", "broken"), "no such operator"),
        (("embedder", "absent"), "has no 'absent'"),
        (("embedder", "embedder", "--channel", "energy"), "gives no energy"),
    ],
)
def test_what_cannot_be_run_leaves_as_git_bisect_skips(
    host: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    assert same(*words, "--input", "atoms") == 125
    told = capsys.readouterr().err
    assert "matalign: cannot tell" in told
    assert sentence in told


def test_two_checkouts_that_claim_one_digest_are_told_apart(host: Path) -> None:
    """Each runs in a process of its own, and its rows are kept apart."""
    old = host / "old"
    old.mkdir()
    (old / "sameness_model.py").write_text(MODEL.replace("SHARE = 1.0", "SHARE = 1.5"))
    words = ("--split", "mp-crystals", "--input", "atoms", "--samples", "30")
    model = "sameness_model:embedder"
    assert main(["same", f"{model}@{host}", f"{model}@{old}", *words]) == 1
    assert main(["same", f"{model}@{old}", f"{model}@old", *words]) == 0


def test_git_bisect_finds_the_commit(host: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """From rows kept in a file; a commit that cannot be run is skipped."""
    import os
    import sys

    repo = tmp_path_factory.mktemp("repo")

    def run(*words: str) -> str:
        path = os.pathsep.join(sys.path)
        done = subprocess.run(
            words, cwd=repo, capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        return done.stdout

    run("git", "init", "-q")
    run("git", "config", "user.email", "a@b.c")
    run("git", "config", "user.name", "a")
    states = {
        "good": MODEL,
        "unusable": MODEL.replace("import numpy", "import nothing_of_this_name, numpy"),
        "still good": MODEL + "\n# a comment\n",
        "culprit": MODEL.replace("SHARE = 1.0", "SHARE = 1.5"),
        "later": MODEL.replace("SHARE = 1.0", "SHARE = 1.5") + "\n",
    }
    for message, text in states.items():
        (repo / "sameness_model.py").write_text(text)
        run("git", "add", ".")
        run("git", "commit", "-qm", message)
    where = ("--split", "mp-crystals", "--samples", "30")
    matalign = (sys.executable, "-m", "pytest_matalign")
    kept = str(host / "good.npz")
    run("git", "checkout", "-q", "HEAD~4")
    run(*matalign, "embed", "sameness_model:embedder", "--input", "atoms", *where, "-o", kept)
    run("git", "checkout", "-q", "-")
    run("git", "bisect", "start", "HEAD", "HEAD~4")
    told = run("git", "bisect", "run", *matalign, "same", kept, "sameness_model:embedder",
               "--input", "atoms", *where)  # fmt: skip
    assert "is the first bad commit" in told
    assert "    culprit" in told


def test_pairs_of_a_project_are_compared_without_being_named(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair = '{ a = "sameness_model:embedder", b = "sameness_model:%s", samples = 20 }'
    both = ", ".join(pair % name for name in ("turned", "other"))
    (host / "pyproject.toml").write_text(f'[tool.matalign]\ninput = "atoms"\nsame = [{both}]\n')
    assert main(["same"]) == 1
    told = capsys.readouterr().out
    assert "same: sameness_model:embedder and sameness_model:turned" in told
    assert "differs: sameness_model:embedder and sameness_model:other" in told


def test_nothing_named_is_said_in_one_sentence(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["same"]) == 2
    assert "Name two ways to run a model" in capsys.readouterr().err


def test_rounding_is_no_difference_and_a_moved_row_is_named() -> None:
    """The unit is the median distance between samples, whatever the rows' own."""
    rows = np.random.default_rng(0).normal(size=(50, 6))
    ids = [f"s{i}" for i in range(50)]
    for scale in (1e-6, 1.0, 1e6):
        a = scale * rows
        assert rows_channel(a, a * (1 + 1e-6), ids=ids, limit=0.05).verdict == "same"
        b = a.copy()
        b[7] += scale
        found = rows_channel(a, b, ids=ids, limit=0.05)
        assert (found.verdict, found.moved, found.worst[0].id) == ("differs", 1, "s7")


def test_too_few_samples_and_forces_that_vanish_decide_nothing() -> None:
    few = rows_channel(np.ones((2, 3)), np.ones((2, 3)), ids=("a", "b"), limit=0.05)
    still = forces_channel(np.zeros((9, 3)), np.zeros((9, 3)), ids=list("abcdefghi"), limit=0.01)
    energies = energy_channel(np.ones((2, 1)), np.ones((2, 1)), ids=("a", "b"), limit=1e-3)
    assert (few.verdict, still.verdict, energies.verdict) == ("undecided", "undecided", "same")
    whole = comparison([energies, still], a="x", b="y", split="z", refused={})
    assert whole.verdict == "undecided"
    assert "--split mp-crystals@rattle=0.1" in whole.why
