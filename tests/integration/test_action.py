"""The GitHub action and the workflows: their shell is run by bash, as GitHub runs it.

GitHub itself is played: its environment files are files, `gh` and `pip` note what they are asked.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hosts import MINI

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
WORKFLOWS = ROOT / "examples/gated-chgnet/.github/workflows"
NOTE = '#!/usr/bin/env bash\nprintf "%s\\n" "$*" >> "$NOTES"\n'
GH = (
    NOTE
    + """case "$*" in
  *--jq\\ .head.sha*) echo "$TRUE_SHA" ;;
  *--paginate*) echo "$EXISTING" ;;
esac
cp body.md "$NOTES.body" 2> /dev/null || true
"""
)


def step(steps: list[dict[str, Any]], name: str) -> str:
    (found,) = [one["run"] for one in steps if one.get("name") == name]
    return str(found)


class Runner:
    """A folder in which steps are run."""

    def __init__(self, path: Path) -> None:
        self.path, self.output, self.notes = path, path / "outputs", path / "notes"
        self.tools = path / "tools"
        self.tools.mkdir()

    def tool(self, name: str, text: str) -> None:
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a step's shell as the runner does."""
        environment = {
            **{name: text for name, text in os.environ.items() if name != "CI"},
            "PATH": f"{self.tools}{os.pathsep}{Path(sys.executable).parent}"
            f"{os.pathsep}{os.environ['PATH']}",
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.path / "summary"),
            "GITHUB_ACTIONS": "true",
            "NOTES": str(self.notes),
            **variables,
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )

    @property
    def outputs(self) -> dict[str, str]:
        pairs = (line.partition("=") for line in self.output.read_text().splitlines())
        return {name: text for name, _, text in pairs}


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def gate_variables(**given: str) -> dict[str, str]:
    """Variables of the step, all empty but those given; as many as it declares."""
    (gate,) = [one for one in ACTION["runs"]["steps"] if one.get("id") == "gate"]
    assert set(given) <= set(gate["env"])
    return {**dict.fromkeys(gate["env"], ""), **given}


@pytest.mark.parametrize(
    ("candidate", "verdict", "status"), [("size", "failed", 1), ("", "passed", 0)]
)
def test_the_gate_step_runs_suites_and_tells_its_verdict(
    runner: Runner, candidate: str, verdict: str, status: int
) -> None:
    """By a real run; a candidate without a baseline, of which nothing is judged, fails."""
    (runner.path / "mini").mkdir()
    (runner.path / "mini/suite.toml").write_text(MINI)
    script = step(ACTION["runs"]["steps"], "Gate")
    done = runner.run(script, **gate_variables(SUITES="mini", SAMPLES="30", CANDIDATE=candidate))
    assert done.returncode == status, done.stdout + done.stderr
    assert runner.outputs["verdict"] == verdict
    assert Path(runner.outputs["scorecard"]).is_file()
    assert "mini" in Path(runner.outputs["comment"]).read_text()
    assert (runner.path / "summary").read_text()
    assert (runner.path / ".matalign").is_dir()


def test_a_run_that_cannot_begin_is_broken_and_no_old_scorecard_speaks_for_it(
    runner: Runner,
) -> None:
    (runner.path / "scorecard.json").write_text("of another run")
    script = step(ACTION["runs"]["steps"], "Gate")
    done = runner.run(script, **gate_variables(SUITES="no-such-suite"))
    assert done.returncode not in (0, 1)
    assert runner.outputs["verdict"] == "broken"


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        (
            {"TORCH": "2.13.0", "TORCH_INDEX": "https://x/cpu", "INSTALL": "-e .[test] b"},
            [
                "-m pip install torch==2.13.0 --index-url https://x/cpu",
                "-m pip install -e .[test] b",
            ],
        ),
        ({"TORCH": "2.13.0", "TORCH_INDEX": "", "INSTALL": ""}, ["-m pip install torch==2.13.0"]),
        (
            {"TORCH": "", "TORCH_INDEX": "https://x", "INSTALL": "a; touch hacked"},
            ["-m pip install a; touch hacked"],
        ),
    ],
)
def test_the_install_step_asks_pip_for_what_it_is_told(
    runner: Runner, variables: dict[str, str], asked: list[str]
) -> None:
    """And never runs what an input says."""
    runner.tool("python", NOTE)
    done = runner.run(step(ACTION["runs"]["steps"], "Install"), **variables)
    assert done.returncode == 0, done.stderr
    assert runner.notes.read_text().splitlines() == asked
    assert not (runner.path / "hacked").exists()


def comment(runner: Runner, *, number: str, existing: str = "", sha: str = "abc") -> int:
    workflow = yaml.safe_load((WORKFLOWS / "alignment-comment.yml").read_text("utf-8"))
    runner.tool("gh", GH)
    (runner.path / "comment").mkdir()
    (runner.path / "comment/number").write_text(number)
    (runner.path / "comment/body.md").write_text("| a scorecard |\n" + "x" * 100_000)
    script = step(workflow["jobs"]["comment"]["steps"], "Keep one comment up to date")
    variables = {"HEAD_SHA": "abc", "TRUE_SHA": sha, "REPOSITORY": "o/r", "EXISTING": existing}
    return runner.run(script, **variables).returncode


@pytest.mark.parametrize(
    ("existing", "call"),
    [
        ("", "api repos/o/r/issues/7/comments -F body=@body.md"),
        ("99", "api --method PATCH repos/o/r/issues/comments/99 -F body=@body.md"),
    ],
)
def test_there_is_one_comment_and_it_is_kept_up_to_date(
    runner: Runner, existing: str, call: str
) -> None:
    """Cut to what GitHub takes, and marked so that it is found again."""
    assert comment(runner, number="7\n", existing=existing) == 0
    assert runner.notes.read_text().splitlines()[-1] == call
    body = Path(f"{runner.notes}.body").read_text()
    assert body.startswith("<!-- pytest-matalign -->\n| a scorecard |\n")
    assert len(body) < 65_536


@pytest.mark.parametrize(
    ("number", "sha"), [("7/../../8", "abc"), ("", "abc"), ("7", "another"), ("$(id)", "abc")]
)
def test_an_artifact_that_names_another_pull_request_says_nothing(
    runner: Runner, number: str, sha: str
) -> None:
    """Whoever wrote it may have chosen the number."""
    assert comment(runner, number=number, sha=sha) == 1
    notes = runner.notes.read_text() if runner.notes.exists() else ""
    assert "comments" not in notes


def test_a_run_without_a_scorecard_leaves_a_comment_too(runner: Runner) -> None:
    workflow = yaml.safe_load((WORKFLOWS / "alignment.yml").read_text("utf-8"))
    script = step(workflow["jobs"]["gate"]["steps"], "Leave a comment")
    assert runner.run(script, NUMBER="7", COMMENT="", VERDICT="").returncode == 0
    assert (runner.path / "comment/number").read_text() == "7\n"
    assert "without a scorecard (not started)" in (runner.path / "comment/body.md").read_text()


@pytest.mark.parametrize(
    "path", [ROOT / "action.yml", *sorted(WORKFLOWS.glob("*.yml"))], ids=lambda path: path.name
)
def test_no_shell_holds_an_expression(path: Path) -> None:
    """What a title or a branch says must reach a shell by a variable only; no input is unused."""
    found = yaml.safe_load(path.read_text("utf-8"))
    jobs = found.get("jobs", {"": found.get("runs")})
    scripts = [one["run"] for job in jobs.values() for one in job["steps"] if "run" in one]
    assert scripts
    assert not any("${{" in script for script in scripts)
    for name in found.get("inputs", {}):
        assert f"inputs.{name} }}" in path.read_text("utf-8"), name


def test_a_fork_gets_no_rights() -> None:
    """Only the workflow that checks nothing out may write."""
    first, second = (
        yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text("utf-8"))
        for name in ("alignment", "alignment-comment")
    )
    assert first["permissions"] == {"contents": "read"}
    assert second["permissions"] == {}
    text = (WORKFLOWS / "alignment-comment.yml").read_text("utf-8")
    assert not re.search(r"actions/checkout|pip install|pytest --", text)
    assert "pull_request_target" not in text + (WORKFLOWS / "alignment.yml").read_text("utf-8")


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-actions", ["action.yml"]),
        ("vendor.github-workflows", sorted(map(str, ROOT.glob("examples/*/.github/workflows/*")))),
        ("vendor.gitlab-ci", ["examples/gated-chgnet/.gitlab-ci.yml"]),
    ],
)
def test_files_for_runners_fit_their_published_schemas(schema: str, files: list[str]) -> None:
    if shutil.which("check-jsonschema") is None:
        pytest.skip("check-jsonschema is not installed")
    command = ["check-jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
