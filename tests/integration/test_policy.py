"""A pull request that weakens its own gate is told so, first and everywhere."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_run import Quiet

from hosts import MINI, Host
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.run.settings import settings_of
from pytest_matalign.run.suite_run import SuiteRun

pytestmark = pytest.mark.slow

EXPECTATION = """
[[expectation]]
id = "alike"
metric = "cknna"
between = [["composition"], ["size"]]
at_least = 0.0
source = "chosen"
"""
TABLE = 'candidate = "composition"\ntolerance = 0.02'
BASELINE = "matalign-baseline.json"


@pytest.fixture
def main(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose main branch has a baseline."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("sys.path", list(sys.path))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(host.path / "summary.md"))
    host.expect(EXPECTATION)
    host.configure(TABLE)
    assert host.run("--matalign-update=all").ret == pytest.ExitCode.OK
    (host.path / "summary.md").unlink()
    return host


def told(host: Host, *arguments: str) -> str:
    """What terminal, summary and scorecard say of the policy, all the same and first."""
    (host.path / "summary.md").unlink(missing_ok=True)
    result = host.run("--matalign-json", "card.json", *arguments)
    first = next((line for line in result.outlines if line.startswith("matalign: ")), "")
    found = "; ".join(json.loads((host.path / "card.json").read_text())["policy_changes"])
    summary = (host.path / "summary.md").read_text()
    assert ("policy changed: " in first) == ("**policy changed: " in summary) == bool(found)
    if found:
        assert first == f"matalign: policy changed: {found}"
        assert summary.startswith("**policy changed: ")
        start = next(i for i, line in enumerate(result.outlines) if " scorecard ==" in line)
        assert next(filter(None, result.outlines[start + 1 :])).startswith("policy changed: ")
    return found


def changes(host: Host) -> str:
    """What a run there would tell, without running it."""
    settings = settings_of({}, root=host.path, here=host.path)
    return "; ".join(SuiteRun(settings, progress=Quiet).policy_changes)


def test_what_did_not_change_is_not_told(main: Host) -> None:
    """Nor is what only explains."""
    main.expect(EXPECTATION + 'tooltip = "better said"\n')
    assert changes(main) == ""


WEAKER: dict[str, Callable[[Host], object]] = {
    "tolerance was 0.02, is 0.5": lambda h: h.configure(TABLE.replace("0.02", "0.5")),
    "mini expectation alike is gone": lambda h: h.suite(MINI),
    "mini expectation alike was": lambda h: h.expect(EXPECTATION.replace("0.0", "-1.0")),
    "mini split qm9 was 60": lambda h: (
        h.expect(EXPECTATION.replace("[[exp", "[[exp", 1))
        or h.suite((h.path / "mini/suite.toml").read_text().replace("= 60", "= 50"))
    ),
    "mini metric distance_correlation is gone": lambda h: h.suite(
        (h.path / "mini/suite.toml")
        .read_text()
        .replace('[[metric]]\nname = "distance_correlation"\n', "")
    ),
    "models was all, is random": lambda h: h.configure(TABLE + '\nmodels = ["random"]'),
    "other expectation alike is new": lambda h: h.suite(
        (h.path / "mini/suite.toml").read_text().replace('"mini"', '"other"')
    ),
    "mini module test_own.py is new": lambda h: (h.path / "mini/test_own.py").write_text(
        "def test_alignment(matalign_alignment): pass\n"
    ),
    "baseline embeddings was": lambda h: shutil.rmtree(h.path / "matalign-baseline"),
    "named_store was not given, is rows": lambda h: h.configure(TABLE + '\nstore = "rows"'),
    "allow_pickle was False, is True": lambda h: h.configure(TABLE + "\nallow_pickle = true"),
    "family was candidate, is size": lambda h: h.configure(TABLE + '\nfamily = "size"'),
    "candidate was composition, is size": lambda h: h.configure(
        TABLE.replace("composition", "size")
    ),
    f"named_baseline was {BASELINE}, is other.json": lambda h: (
        h.configure(TABLE + '\nbaseline = "other.json"')
        or shutil.copy(h.path / BASELINE, h.path / "other.json")
    ),
    f"there is no baseline {BASELINE}, as if nothing had been released": lambda h: (
        h.path / BASELINE
    ).unlink(),
    f"{BASELINE} was edited by hand": lambda h: (h.path / BASELINE).write_text(
        (h.path / BASELINE).read_text().replace('"value":', '"value":-', 1)
    ),
}


@pytest.mark.parametrize("said", WEAKER)
def test_each_way_to_pass_more_easily_is_told(main: Host, said: str) -> None:
    """Bounds, tolerance, selections, samples, modules and the baseline itself."""
    WEAKER[said](main)
    assert said in changes(main)


def test_checks_that_were_not_made_are_told(main: Host) -> None:
    """Also where pytest's own file deselects them: a pull request can change that file, too."""
    (main.path / "pytest.ini").write_text("[pytest]\naddopts = -k embedding\n")
    main.run("--matalign-json", "card.json")
    card = json.loads((main.path / "card.json").read_text())
    assert card["policy_changes"] == ["4 of 7 checks were not made"]
    assert "**policy changed: 4 of 7 checks" in (main.path / "summary.md").read_text()


@pytest.mark.parametrize(
    "option",
    ["--matalign-update=all", "--matalign-samples=20", "--collect-only", "--fixtures", "--markers"],
)
def test_options_of_pytest_s_file_that_judge_otherwise_are_refused(main: Host, option: str) -> None:
    """They would go over the policy of the target branch, or leave nothing to be judged."""
    (main.path / "pytest.ini").write_text(f"[pytest]\naddopts = {option}\n")
    result = main.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: addopts in *pytest.ini gives {option}*"])


def test_two_suites_of_one_name_are_refused(host: Host) -> None:
    """The second would silently take the place of the first."""
    shutil.copytree(host.path / "mini", host.path / "twin")
    settings = settings_of({"suite": ("mini", "twin")}, root=host.path, here=host.path)
    with pytest.raises(ConfigurationError, match="both call themselves suite 'mini'"):
        SuiteRun(settings, progress=Quiet).check()


def test_policy_and_baseline_of_the_target_branch_count(main: Host) -> None:
    """What the pull request changes has no effect, and is told."""
    target = main.path / "target"
    target.mkdir()
    for name in ("mini", "matalign-baseline"):
        shutil.copytree(main.path / name, target / name)
    for name in ("pyproject.toml", BASELINE):
        shutil.copy(main.path / name, target / name)
    given = ("--matalign-policy=target/pyproject.toml", f"--matalign-baseline=target/{BASELINE}")
    assert told(main, *given) == ""
    main.suite(MINI)
    main.configure(TABLE.replace("0.02", "1.0"))
    (main.path / BASELINE).unlink()
    found = told(main, *given)
    card = json.loads((main.path / "card.json").read_text())
    assert (card["policy"]["tolerance"], bool(card["policy_digest"])) == ("0.02", True)
    assert {record["verdict"] for record in card["alignments"]} == {"passed", "unchanged"}
    for said in (
        "tolerance was 0.02, is 1.0 in the project, which does not count",
        "mini expectation alike is gone in the project, which does not count",
        "baseline file was",
    ):
        assert said in found


def test_a_baseline_that_leads_nowhere_is_not_none(main: Host) -> None:
    """A dangling link must not pass for a first release."""
    path: Path = main.path / BASELINE
    path.unlink()
    path.symlink_to("nowhere.json")
    result = main.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*is not a baseline: it cannot be read*"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (EXPECTATION.replace("0.0", "nan"), "at_least is nan, which bounds nothing"),
        (EXPECTATION.replace("0.0", "-inf"), "at_least is -inf, which bounds nothing"),
        (EXPECTATION.replace('"size"', '"sise"'), "'sise' in between[1] matches no model"),
        ('[[dimension]]\nid = "d"\nat_most = inf\nsource = "chosen"\n', "at_most is inf"),
        (
            '[[gate]]\nid = "g"\nkind = "mean-alignment"\nreferences = ["x*"]\nat_least = 0.1\n',
            "'x*' in references matches no model",
        ),
        (
            '[[gate]]\nid = "g"\nkind = "coverage"\nreferences = ["candidate"]\nat_least = 0.1\n',
            "'candidate' in references matches no model",
        ),
        (EXPECTATION.replace('["size"]', "[]"), "length >= 1"),
        (EXPECTATION + "splits = []\n", "length >= 1"),
        ('[[dimension]]\nid = "d"\nat_most = 9.0\nmodels = []\nsource = "s"\n', "length >= 1"),
        ('[[split]]\nid = "ccd-ligands"\nsamples = 0\n', "`int` >= 1"),
        ('[[metric]]\nname = "mutual_knn"\nk = 0\n', "`int` >= 1"),
    ],
)
def test_what_bounds_nothing_is_refused(host: Host, text: str, said: str) -> None:
    """An expectation that can never fail is a mistake, or worse."""
    host.expect(text)
    host.configure(TABLE)
    run = SuiteRun(settings_of({}, root=host.path, here=host.path), progress=Quiet)
    with pytest.raises(ConfigurationError) as caught:
        run.check()
    assert said in str(caught.value)


@pytest.mark.parametrize("tolerance", ["-0.1", "nan", "inf", "2.0"])
def test_a_tolerance_is_a_number_from_0_to_1(host: Host, tolerance: str) -> None:
    """Alignments are."""
    host.configure(f'candidate = "composition"\ntolerance = {tolerance}')
    with pytest.raises(ConfigurationError, match="tolerance"):
        settings_of({}, root=host.path, here=host.path)
