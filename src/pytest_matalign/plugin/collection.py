"""Turn suites into pytest items, without touching the host's own collection paths.

The modules of a suite are collected by hand and given node ids such as
`matalign/molecules::test_alignment[...]`: the installed package may lie inside a virtual
environment, which pytest refuses to walk into, and its path must not appear in any id.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_matalign.run.suite_run import SuiteRun
    from pytest_matalign.suites.cases import EmbeddingCase

PREFIX = "matalign/"
GENERIC = "generic_checks.py"
"""Test module that serves suites that bring none."""


class SuiteModule(pytest.Module):
    """A test module run on the cases of one suite."""

    suite: str

    @classmethod
    def of(cls, session: pytest.Session, path: Path, *, suite: str) -> SuiteModule:
        """Collect a test module for a suite under the suite's own node id."""
        module: SuiteModule = cls.from_parent(session, path=path, nodeid=f"{PREFIX}{suite}")
        module.suite = suite
        module.add_marker("matalign")
        return module


def modules_of(folder: Path) -> list[Path]:
    """Test modules of a suite folder; the generic one if it has none."""
    return sorted(folder.glob("test_*.py")) or [Path(__file__).with_name(GENERIC)]


def take_over_arguments(config: pytest.Config) -> tuple[str, ...]:
    """Leave pytest only the paths the user typed; return the typed node ids that are ours.

    Without typed paths pytest would fall back to the host's `testpaths`; under `--matalign` the
    host's own tests run only when asked for.
    """
    typed = config.args_source is pytest.Config.ArgsSource.ARGS
    args = list(config.args) if typed else []
    ours = tuple(arg for arg in args if arg.startswith(PREFIX))
    config.args[:] = [arg for arg in args if not arg.startswith(PREFIX)]
    return ours


def add_suites(
    session: pytest.Session,
    items: list[pytest.Item],
    modules: Mapping[str, Sequence[Path]],
    *,
    node_ids: Sequence[str],
) -> None:
    """Put the checks of the suites before whatever the host asked pytest to collect."""
    items[:0] = chosen(collect_suites(session, modules), node_ids)


def parametrize(metafunc: pytest.Metafunc, run: SuiteRun) -> None:
    """Give a test of a suite one instance per case, if it asks for the fixture of one."""
    module = metafunc.definition.getparent(SuiteModule)
    if module is None:
        return
    for argument, cases in (
        ("matalign_embedding_case", run.embedding_cases),
        ("matalign_alignment_case", run.alignment_cases),
    ):
        fixture = argument.removesuffix("_case")
        if argument in metafunc.fixturenames:
            found = cases(module.suite)
            metafunc.parametrize(argument, found, ids=[case.id for case in found])
        elif fixture in metafunc.fixturenames:
            # Its tests would pass with whatever the other fixture gives them.
            raise pytest.Collector.CollectError(
                f"another fixture takes the place of {fixture}, so that nothing would be checked; "
                "give it another name."
            )


def collect_suites(
    session: pytest.Session, modules: Mapping[str, Sequence[Path]]
) -> list[pytest.Item]:
    """Items of every suite: all embeddings first, so that alignments find them in the store."""
    items = [
        item
        for suite, paths in modules.items()
        for path in paths
        for item in session.genitems(SuiteModule.of(session, path, suite=suite))
    ]
    # Python's sort is stable: within each kind the order of the suite is kept.
    return sorted(items, key=_kind_of)


def chosen(items: Iterable[pytest.Item], node_ids: Sequence[str]) -> list[pytest.Item]:
    """Items the user named by node id (or by a leading part of one); all if none was named."""
    return [
        item
        for item in items
        if not node_ids
        or any(item.nodeid == name or item.nodeid.startswith(f"{name}::") for name in node_ids)
    ]


def _kind_of(item: pytest.Item) -> tuple[int, str]:
    callspec = getattr(item, "callspec", None)
    case: EmbeddingCase | None = (
        callspec.params.get("matalign_embedding_case") if callspec else None
    )
    # Embeddings by model, across suites, so that a model is loaded once.
    return (0, case.model) if case is not None else (1, "")
