"""The object behind the hooks; it exists only in runs with `--matalign`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pytest_matalign.escaping import terminal
from pytest_matalign.plugin.collection import PREFIX, modules_of, take_over_arguments
from pytest_matalign.plugin.progress import FOLDER, Line, Teller, WorkerLine
from pytest_matalign.progress import Silent
from pytest_matalign.run.ledger import Ledger
from pytest_matalign.run.options import on_command_line
from pytest_matalign.run.settings import settings_of
from pytest_matalign.run.suite_run import SuiteRun
from pytest_matalign.scorecard.build import RunClock
from pytest_matalign.suites.load import card_of_split
from pytest_matalign.verdicts.policy import policy_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    import pytest

    from pytest_matalign.embeddings.obtain import ProgressLine
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.verdicts.records import GateRecord
    from pytest_matalign.zoo.card import ModelCard

Known = TypeVar("Known")


class MatalignSession(SuiteRun):
    """One pytest run over suites, and every record so far."""

    def __init__(self, config: pytest.Config, *, cards: Iterable[ModelCard]) -> None:
        super().__init__(
            settings_of(
                {
                    one.field: getattr(config.option, f"matalign_{one.field}")
                    for one in on_command_line()
                },
                root=host_root(config),
                here=config.invocation_params.dir,
                # Not the environment's run id, which runs started from inside a worker inherit.
                run_id=getattr(config, "workerinput", {}).get("testrunuid"),
            ),
            progress=self._line,
            cards=cards,
        )
        self._worker: Mapping[str, str] = getattr(config, "workerinput", {})
        self.teller: Teller | None = None
        """Tells the user how embedding gets on; set where somebody is to be told."""
        self.ledger = Ledger()
        self.node_ids = take_over_arguments(config)
        self._clock = RunClock(command=f"pytest {' '.join(config.invocation_params.args)}")

    def modules(self) -> dict[str, list[Path]]:
        """Test modules by suite."""
        return {name: modules_of(self.folders[name]) for name in self.suites}

    def groups(self) -> dict[str, str]:
        """Which checks a worker takes together, by suite and parametrization id."""
        by_model = {
            f"{name}[{case.id}]": f"embeddings of {case.model}"
            for name in self.suites
            for case in self.embedding_cases(name)
        }
        by_split = {
            f"{name}[{case.id}]": f"{name} on {case.split.id}"
            for name in self.suites
            for case in self.alignment_cases(name)
        }
        return by_model | by_split

    def samples_of(self, node_ids: Iterable[str]) -> dict[str, int]:
        """Return how many samples each of these checks embeds, by node id."""
        sizes = {
            f"{name}[{case.id}]": card_of_split(case.split).count
            if (asked := self.settings.samples or case.split.samples) is None
            else asked
            for name in self.suites
            for case in self.embedding_cases(name)
        }
        found = {one: scope_of(one, sizes) for one in node_ids}
        return {one: size for one, size in found.items() if size is not None}

    def _line(self, *, model: str, split: str) -> ProgressLine:
        if FOLDER in self._worker:
            path = Path(self._worker[FOLDER]) / self._worker["workerid"]
            return WorkerLine(path, model=model, split=split)
        return Line(self.teller.board, model=model, split=split) if self.teller else Silent()

    def announce(self, items: Iterable[pytest.Item]) -> None:
        """Note which embeddings are checked by name, so that their failures are told once."""
        cases = (getattr(item, "callspec", None) for item in items)
        found = [spec.params.get("matalign_embedding_case") for spec in cases if spec is not None]
        self.evaluator.measurer.checked = frozenset(
            (c.model, c.split.id) for c in found if c is not None
        )

    def complete(self, gate_ids: Collection[str]) -> None:
        """Fill in what a run cut to the last failures left out, for suites with such gates."""
        for name, suite in self.suites.items():
            if any(node_id.startswith(f"{PREFIX}{name}::gate[") for node_id in gate_ids):
                embeddings, alignments = self.records_of(name, self.ledger)
                have = {(r.model, r.split) for r in embeddings}
                seen = {(r.a, r.b, r.split, r.metric) for r in alignments}
                for case in self.embedding_cases(suite.name):
                    if (case.model, case.split.id) not in have:
                        self.ledger.add(self.evaluator.embedding_record(case))
                for one in self.alignment_cases(suite.name):
                    if (one.a, one.b, one.split.id, one.metric.name) not in seen:
                        self.ledger.add(self.evaluator.alignment_record(one))

    def scorecard(self, gates: Sequence[GateRecord]) -> Scorecard:
        """Everything gathered so far."""
        return self.scorecard_of(self.ledger, self._clock, gates=gates)

    def header(self) -> list[str]:
        """Lines for pytest's header."""
        size = (
            f"{self.settings.samples} samples per split" if self.settings.samples else "full size"
        )
        lines = [f"matalign: suites {', '.join(self.suites)}; {size}"]
        if changed := policy_line(self.policy_changes):
            lines.insert(0, f"matalign: {terminal(changed)}")
        if self.candidate:
            lines.append(f"matalign: candidate {self.candidate.card.id}")
        from pytest_matalign.zoo.catalogue import catalogue

        # A card that was left out is told, because a suite may be missing its model.
        return [*lines, *(f"matalign: {problem}" for problem in catalogue().problems)]


def host_root(config: pytest.Config) -> Path:
    """The host project's folder.

    pytest looks for its own root before it knows our options, and takes an existing folder after
    `--matalign-store` for a test path: the root then has no `pyproject.toml`, the current folder
    has.
    """
    root, here = config.rootpath, config.invocation_params.dir
    return root if (root / "pyproject.toml").is_file() else here


def scope_of(nodeid: str, groups: Mapping[str, Known]) -> Known | None:
    """What is known of a node id such as `matalign/molecules::test_alignment[id]`, if it is ours.

    Args:
        nodeid: Of any test.
        groups: What is known, by `molecules[id]`.
    """
    module, _, test = nodeid.partition("::")
    if not module.startswith(PREFIX):
        return None
    return groups.get(f"{module.removeprefix(PREFIX)}{test[test.find('[') :]}")
