"""`matalign gate`: what `pytest --matalign` does, without pytest and with the same verdicts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pytest_matalign.cli.options import add_options, run_of

if TYPE_CHECKING:
    import argparse

    from pytest_matalign.run.ledger import Ledger
    from pytest_matalign.run.suite_run import SuiteRun


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare `matalign gate`."""
    gate = commands.add_parser("gate", help="run suites on a candidate, with pytest's verdicts")
    add_options(gate)
    gate.add_argument("-q", "--quiet", action="store_true", help="one line a suite")
    gate.set_defaults(run=_gate)


def _gate(options: argparse.Namespace) -> int:
    from shutil import get_terminal_size

    from pytest_matalign.run.ledger import Ledger
    from pytest_matalign.run.outputs import annotation_lines, write_outputs
    from pytest_matalign.scorecard import terminal
    from pytest_matalign.scorecard.build import RunClock
    from pytest_matalign.scorecard.summary import failures

    run = run_of(options)
    run.check()
    clock = RunClock(command=f"matalign {' '.join(sys.argv[1:])}")
    ledger = Ledger()
    _fill(ledger, run)
    gates, _ = run.gates_of(ledger)
    scorecard = run.scorecard_of(ledger, clock, gates=gates)
    told = write_outputs(run, scorecard)
    width = get_terminal_size().columns
    shown = terminal.lines(scorecard, width=width, quiet=options.quiet)
    for line in (*shown, *told, *annotation_lines(scorecard)):
        sys.stdout.write(line + "\n")
    return 1 if failures(scorecard) else 0


def _fill(ledger: Ledger, run: SuiteRun) -> None:
    """Go through every check in the order pytest does: embeddings by model, then alignments."""
    cases = [case for name in run.suites for case in run.embedding_cases(name)]
    run.evaluator.told = frozenset((case.model, case.split.id) for case in cases)
    for case in sorted(cases, key=lambda case: case.model):
        ledger.add(run.evaluator.embedding_record(case))
    for name in run.suites:
        for one in run.alignment_cases(name):
            ledger.add(run.evaluator.alignment_record(one))
