"""`matalign gate`: what `pytest --matalign` does, without pytest and with the same verdicts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from pytest_matalign.cli.options import options_of, suite_run

if TYPE_CHECKING:
    from pytest_matalign.run.ledger import Ledger
    from pytest_matalign.run.suite_run import SuiteRun


@click.command()
@options_of("gate")
@click.option("-q", "--quiet", is_flag=True, help="one line per suite")
def command(*, quiet: bool, **given: Any) -> int:
    """Run suites on a candidate, with the verdicts and the exit status of `pytest --matalign`.

    Reads `[tool.matalign]` of the pyproject.toml in the current folder; what is given here wins.
    """
    from shutil import get_terminal_size

    from pytest_matalign.run.ahead import embed_ahead
    from pytest_matalign.run.ledger import Ledger
    from pytest_matalign.run.outputs import annotation_lines, write_outputs
    from pytest_matalign.scorecard import terminal
    from pytest_matalign.scorecard.build import RunClock
    from pytest_matalign.scorecard.summary import failures

    run = suite_run(given)
    run.check()
    embed_ahead(run)
    clock = RunClock(command=f"matalign {' '.join(sys.argv[1:])}")
    ledger = Ledger()
    _fill(ledger, run)
    gates, _ = run.gates_of(ledger)
    scorecard = run.scorecard_of(ledger, clock, gates=gates)
    told, wrong = write_outputs(run, scorecard)
    shown = terminal.lines(scorecard, width=get_terminal_size().columns, quiet=quiet)
    for line in (*(line.text for line in shown), *told, *wrong, *annotation_lines(scorecard)):
        click.echo(line)
    return 1 if wrong or failures(scorecard) else 0


def _fill(ledger: Ledger, run: SuiteRun) -> None:
    """Go through every check in the order pytest does: embeddings by model, then alignments."""
    cases = [case for name in run.suites for case in run.embedding_cases(name)]
    run.evaluator.measurer.checked = frozenset((case.model, case.split.id) for case in cases)
    for case in sorted(cases, key=lambda case: case.model):
        ledger.add(run.evaluator.embedding_record(case))
    for name in run.suites:
        for one in run.alignment_cases(name):
            ledger.add(run.evaluator.alignment_record(one))
