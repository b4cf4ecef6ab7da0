"""The command line as a whole: its table of contents, its help, its errors, its completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from pytest_matalign.cli.main import CONTENTS, main, matalign
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.run.options import OPTIONS
from pytest_matalign.suites import load

Say = "Callable[..., tuple[int, str, str]]"
HEAVY = ("torch", "numpy", "scipy", "ase", "rdkit", "msgspec", "pytest")


def every_command(
    command: click.Command = matalign, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that call it, groups too."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None, name
            yield from every_command(part, (*words, name))


COMMANDS = dict(every_command())


def test_the_help_is_a_table_of_contents(capsys: pytest.CaptureFixture[str]) -> None:
    """Headings, and one line per command that fits a terminal."""
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for heading, section in CONTENTS.items():
        assert f"\n{heading}:\n" in text
        for name, line in section.items():
            assert any(row.split() == [name, *line.split()] for row in text.splitlines())
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    "words",
    [
        "gate",
        "embed",
        "study",
        *(f"zoo {action}" for action in ("list", "show", "check", "pin")),
        "suites list",
        *(f"splits {action}" for action in ("list", "show")),
        *(
            f"scorecard {action}"
            for action in ("show", "compare", "report", "figures", "badge", "schema")
        ),
        *(f"pack {action}" for action in ("build", "verify", "show", "push", "pull")),
        *(f"env {action}" for action in ("create", "list", "remove", "doctor", "lock")),
    ],
)
def test_nouns_have_these_actions(words: str) -> None:
    """None was lost."""
    assert tuple(words.split()) in COMMANDS


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_explained(words: tuple[str, ...]) -> None:
    """With a sentence for the command, and help for every option."""
    command = COMMANDS[words]
    assert command.help, words
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, (words, parameter.name)
        else:
            metavar = parameter.make_metavar(click.Context(command)).strip("[]. ")
            told = metavar in command.help or "|" in metavar or ":" in metavar
            assert told, (words, parameter.name)


@pytest.mark.parametrize("words", ["gate", "pack build", "embed", "study"])
def test_a_command_takes_its_options_of_the_one_table(words: str) -> None:
    """By the same name, help and choices as pytest's."""
    declared = {option.name: option for option in COMMANDS[tuple(words.split())].params}
    expected = [one for one in OPTIONS if words in one.commands]
    assert expected
    for one in expected:
        found = declared[one.field]
        assert isinstance(found, click.Option)
        assert found.opts == [f"--{one.name}"]
        assert found.help == one.help_text
        assert found.multiple == one.repeatable
        assert found.is_flag == (one.kind == "flag")


@pytest.mark.parametrize("words", ["gate", "pack build x", "embed size --split qm9", "study paper"])
@pytest.mark.parametrize("number", ["0", "-3", "many"])
def test_a_number_of_samples_is_a_positive_whole_number(
    matalign: Say, words: str, number: str
) -> None:
    """Zero never means everything."""
    status, _, error = matalign(*words.split(), "--samples", number)
    assert status == 2
    assert error.startswith("matalign: Invalid value for '--samples': ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("zo", "No such command 'zo'."),
        ("zoo lst", "No such command 'lst'."),
        ("gate --sample 3", "No such option '--sample'."),
        ("gate --references mine", "'mine' is not one of 'auto', 'packs', 'installed'."),
        ("scorecard show absent.json", "File 'absent.json' does not exist."),
    ],
)
def test_a_mistake_is_one_line_that_says_where_to_look(
    matalign: Say, words: str, message: str
) -> None:
    """Status 2, nothing on stdout, no traceback."""
    status, text, error = matalign(*words.split())
    assert (status, text) == (2, "")
    assert error.startswith("matalign: ")
    assert len(error.splitlines()) == 1
    assert message.rstrip(".") in error
    assert "--help`" in error


def test_a_noun_without_an_action_is_answered_with_its_help(matalign: Say) -> None:
    """Which says what can be done with it."""
    status, text, error = matalign("zoo")
    assert (status, text) == (2, "")
    assert error.startswith("Usage: matalign zoo ")
    assert "\n  check " in error


def test_an_error_made_on_purpose_is_one_line(
    matalign: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 2."""

    def wrong() -> None:
        raise ConfigurationError("The suites are wrong; correct them.")

    monkeypatch.setattr(load, "bundled_suites", wrong)
    expected = (2, "", "matalign: The suites are wrong; correct them.\n")
    assert matalign("suites", "list") == expected


def test_an_interrupt_is_one_line_and_the_status_that_shells_know(
    matalign: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """130."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "bundled_suites", interrupted)
    status, text, error = matalign("suites", "list")
    assert (status, text, error.strip()) == (130, "", "matalign: interrupted")


def test_a_closed_pipe_is_no_error() -> None:
    """`matalign zoo list | head` says nothing of pipes."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "pytest_matalign", "zoo", "list"]
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_help_imports_nothing_heavy() -> None:
    """So that it is answered at once."""
    code = (
        "import sys; from pytest_matalign.cli.main import main; main(['--help']); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("matalign sc", "scorecard"),
        ("matalign scorecard co", "compare"),
        ("matalign zoo show chgnet-0", "chgnet-0.3.0"),
        ("matalign splits show qm", "qm9"),
        ("matalign env create hie", "hienet"),
        ("matalign gate --references p", "packs"),
    ],
)
def test_a_shell_completes_names(words: str, offered: str) -> None:
    """Commands, options, models, splits and environments."""
    environment = {
        **os.environ,
        "_MATALIGN_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    code = "from pytest_matalign.cli.main import matalign; matalign(prog_name='matalign')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert f"plain,{offered}" in done.stdout.splitlines()
