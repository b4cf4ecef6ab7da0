"""`matalign`: everything that pytest does, and what it does not, outside pytest.

`CONTENTS` is the table of contents; a command's module is imported only when the command is asked
for, so that `matalign --help` is answered at once. Each module offers `command`.
"""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from pytest_matalign import __version__
from pytest_matalign.errors import MatalignError, sentence_of
from pytest_matalign.escaping import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTENTS: dict[str, dict[str, str]] = {
    "Judge a model": {
        "same": "tell whether two ways of running a model give the same",
        "gate": "run suites on a candidate, with pytest's verdicts",
        "sensitivity": "what the gate would say to known changes of your model",
        "scorecard": "show, compare and publish what a run found",
    },
    "Models and what they are asked": {
        "zoo": "list models, show a card, check adapters, pin weights",
        "env": "isolated environments of models that exclude each other",
        "suites": "what is expected of which models",
        "splits": "the samples that models are compared on",
    },
    "Embeddings": {
        "identify": "tell which known model made a file of embeddings",
        "embed": "rows of your own file, or of a split in the store",
        "store": "check, tidy and weigh what earlier runs kept",
        "pack": "embeddings of references, as one verifiable folder",
    },
    "Research": {
        "matrix": "compare every pair of models whose rows exist already",
        "study": "take the paper's findings again with the models at hand",
    },
}
INTERRUPTED = 130
"""Exit status of a command ended by Ctrl-C, as shells have it."""


class Contents(click.Group):
    """The commands of `CONTENTS`, under its headings and in its order."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  of click
        """Return the names, also for the completion of shells."""
        return [name for section in CONTENTS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"pytest_matalign.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; the reader of a pipe, such as `head`, may have seen enough."""
        try:
            status = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_output()
            return 0
        return status

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of contents, importing none of it."""
        width = max(map(len, self.list_commands(ctx)))
        for heading, section in CONTENTS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, text in section.items()])


@click.group(
    cls=Contents, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, message="%(version)s")
def matalign() -> None:
    """Representational alignment of scientific models.

    `matalign COMMAND --help` says more, down to every action and option.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; whatever is wrong becomes one line."""
    _speak_plainly()
    try:
        return int(matalign.main(arguments, prog_name="matalign", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        # A noun without an action: what could be done with it.
        click.echo(error.format_message(), err=True)
        return 2
    except (click.ClickException, click.Abort, MatalignError, OSError, MemoryError) as error:
        sentence, status = _told(error)
    except SystemExit as error:
        # Nothing of ours calls it: whoever ends the run so must not decide how it ends.
        sentence, status = f"code of a model ended the run by sys.exit({error.code!r})", 1
    _forget_output()
    sys.stderr.write(f"matalign: {terminal(sentence)}\n")
    return status


def _told(error: Exception) -> tuple[str, int]:
    """Return what is said of an error, and the exit status."""
    match error:
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "matalign"
            return f"{error.format_message()} (See `{where} --help`.)", 2
        case click.Abort():
            return "interrupted", INTERRUPTED
        case OSError() if not isinstance(error, MatalignError):
            return sentence_of(error), 2
        case MemoryError():
            return "memory ran out; ask for fewer samples or models", 2
    return str(error), 2


def _speak_plainly() -> None:
    """Let a terminal that knows ASCII only show what it can; a sign it lacks is no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if stream is sys.stderr else "replace")


def _forget_output() -> None:
    """Send what stdout still holds nowhere, if it cannot be written."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
