"""The pytest plugin: options, fixtures and hooks of a few lines, nothing heavy imported.

Without `--matalign` none of this does more than declare options, so that installing the package
costs a pytest run nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

    from xdist.remote import Producer

    from pytest_matalign.plugin.checks import AlignmentCheck, EmbeddingCheck
    from pytest_matalign.plugin.scheduler import ModelScheduling
    from pytest_matalign.plugin.session import MatalignSession
    from pytest_matalign.suites.cases import Case, EmbeddingCase

# A string key would do for config.stash, but a StashKey cannot collide with another plugin's.
SESSION: pytest.StashKey[MatalignSession] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the command line."""
    group = parser.getgroup("matalign", "representational alignment of scientific models")
    add = group.addoption
    add("--matalign", action="store_true", help="run alignment suites instead of the own tests")
    add(
        "--matalign-suite",
        action="append",
        default=[],
        metavar="NAME|PATH",
        help="suite to run; may be repeated (default: every bundled one that can be served)",
    )
    add(
        "--matalign-samples",
        type=_positive,
        metavar="N",
        help="take the first N samples of every split",
    )
    add(
        "--matalign-candidate",
        metavar="SPEC",
        help="model under test: a zoo id, package.module:factory, hf:org/name@sha, or a .npz file",
    )
    add(
        "--matalign-models",
        action="append",
        default=[],
        metavar="PATTERN",
        help="keep only models of the suites matching this; may be repeated",
    )
    add(
        "--matalign-store",
        metavar="DIR",
        help="folder of the embedding store (default: $MATALIGN_CACHE or the user's cache)",
    )
    add(
        "--matalign-references",
        choices=("auto", "packs", "installed"),
        help="where references come from: auto is the store, else the installed package, else a "
        "pack of embeddings (default: auto)",
    )
    add(
        "--matalign-pack",
        action="append",
        default=[],
        metavar="DIR",
        help="folder of a reference pack, asked before the one that ships; may be repeated",
    )
    add(
        "--matalign-allow-pickle",
        action="store_true",
        help="read weights that can run code when they are read (pickles); without it models "
        "that have no others are skipped",
    )
    add(
        "--matalign-update",
        choices=("new", "regressed", "all"),
        help="write the baseline: rows it lacks, splits that regressed, or everything measured",
    )
    add(
        "--matalign-update-in-ci",
        action="store_true",
        help="allow --matalign-update where the variable CI is set",
    )
    add("--matalign-badge", metavar="FILE", help="write an SVG badge of the outcome")
    add("--matalign-json", metavar="FILE", help="write the scorecard as JSON")
    add("--matalign-markdown", metavar="FILE", help="write the scorecard as Markdown")
    add("--matalign-html", metavar="FILE", help="write the scorecard as one self-contained page")


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

        add_suites(session, items, config.stash[SESSION])


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


def _positive(text: str) -> int:
    from argparse import ArgumentTypeError

    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a positive whole number")
    return int(text)
