"""The pytest plugin: options, fixtures and hooks of a few lines, nothing heavy imported.

Without `--matalign` none of this does more than declare options, so that installing the package
costs a pytest run nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_matalign.plugin import hookspecs
from pytest_matalign.plugin.stash import SESSION
from pytest_matalign.run.options import count, on_command_line

if TYPE_CHECKING:
    from collections.abc import Generator

    from xdist.remote import Producer

    from pytest_matalign.plugin.checks import AlignmentCheck, EmbeddingCheck
    from pytest_matalign.plugin.scheduler import ModelScheduling
    from pytest_matalign.suites.cases import Case, EmbeddingCase


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare `--matalign`, and `--matalign-NAME` for every option of a run."""
    group = parser.getgroup("matalign", "representational alignment of scientific models")
    group.addoption(
        "--matalign", action="store_true", help="run alignment suites instead of the own tests"
    )
    for one in on_command_line():
        name = f"--matalign-{one.name}"
        if one.kind == "flag":
            group.addoption(name, action="store_true", help=one.help_text)
            continue
        group.addoption(
            name,
            action="append" if one.repeatable else "store",
            type=count if one.kind == "count" else str,
            choices=one.choices or None,
            metavar=one.metavar,
            help=one.help_text,
        )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others may implement."""
    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and start a session if asked to."""
    config.addinivalue_line("markers", "matalign: a check of an alignment suite")
    if config.option.matalign:
        from pytest_matalign.plugin.start import start

        config.stash[SESSION] = start(config)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is going to be run."""
    return config.stash[SESSION].header() if SESSION in config.stash else []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the tests of a suite its cases."""
    if SESSION in metafunc.config.stash:
        from pytest_matalign.plugin.collection import parametrize

        parametrize(metafunc, metafunc.config.stash[SESSION])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the suites' checks before the host's own tests, before -k, -m and --lf select."""
    if SESSION in config.stash:
        from pytest_matalign.plugin.collection import add_suites

        matalign = config.stash[SESSION]
        add_suites(session, items, matalign.modules(), node_ids=matalign.node_ids)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note which embeddings have a check of their own in this run."""
    if SESSION in session.config.stash:
        session.config.stash[SESSION].announce(session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach a check's record to its report, which xdist carries to the controller."""
    report = yield
    if SESSION in item.config.stash:
        from pytest_matalign.plugin.records import attach

        attach(item, report)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ModelScheduling | None:
    """Keep the checks of a model on one worker, under `-n` with its default distribution."""
    if SESSION in config.stash and config.getoption("dist") == "load":
        from pytest_matalign.plugin.scheduler import ModelScheduling

        return ModelScheduling(config, log, groups=config.stash[SESSION].groups())
    return None


@pytest.fixture
def matalign_embedding(
    request: pytest.FixtureRequest, matalign_embedding_case: EmbeddingCase
) -> EmbeddingCheck:
    """One model of the suite on one of its splits, embedded; skips if it cannot be had."""
    from pytest_matalign.plugin.checks import check_embedding

    return check_embedding(request, matalign_embedding_case)


@pytest.fixture
def matalign_alignment(
    request: pytest.FixtureRequest, matalign_alignment_case: Case
) -> AlignmentCheck:
    """One pair of the suite compared by one metric on one split, and judged."""
    from pytest_matalign.plugin.checks import check_alignment

    return check_alignment(request, matalign_alignment_case)
