"""`pytest --matalign` and `matalign embed` use environments without their user noticing."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest

import pytest_matalign
from hosts import Host
from pytest_matalign import load_split
from pytest_matalign.cli.embed import shard
from pytest_matalign.cli.main import main
from pytest_matalign.embeddings.parts import blocks_of
from pytest_matalign.environments import process
from pytest_matalign.zoo import catalogue
from small_environment import ONLY_THERE

pytestmark = pytest.mark.slow

CARDS = f"""
family = "moody"
[defaults]
name = "Moody"
modality = "string"
inputs = ["smiles"]
adapter = "moody.adapter"
requires = ["{ONLY_THERE}"]
layer = "none"
pooling = "none"
environment = "small"
[[model]]
id = "moody-good"
role = "control"
control = "size"
[[model]]
id = "moody-raises"
role = "control"
control = "size"
options = {{ mood = "raises" }}
[[model]]
id = "moody-slow"
role = "control"
control = "size"
options = {{ mood = "slow" }}
[[model]]
id = "moody-pickled"
weights = {{ path = "WEIGHTS", pickled = true }}
[[model]]
id = "moody-homeless"
role = "control"
control = "size"
environment = "unbuilt"
"""
SUITE = """
name = "mini"
title = "Models here and there"
version = 1
models = ["composition", "MODEL"]
controls = ["size"]
[[split]]
id = "qm9"
samples = 20
[[metric]]
name = "cknna"
k = 5
"""


@pytest.fixture
def host(
    small: str, small_root: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Host:
    """A project whose own cards name an environment."""
    made = Host(pytester)
    (made.path / "weights.bin").write_bytes(b"weights")
    weights = str(made.path / "weights.bin")
    (made.path / "cards.toml").write_text(CARDS.replace("WEIGHTS", weights))
    unbuilt = made.path / "specs"
    unbuilt.mkdir()
    (unbuilt / "unbuilt.toml").write_text('python = ">=3.11"\n')
    (unbuilt / "unbuilt.lock").write_text("")
    specs = os.pathsep.join([str(small_root / "specs"), str(unbuilt)])
    monkeypatch.setenv("MATALIGN_ENVIRONMENT_SPECS", specs)
    monkeypatch.setenv("MATALIGN_CARDS", str(made.path / "cards.toml"))
    source = Path(pytest_matalign.__file__).parents[1]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(small_root / "host"), str(source)]))
    return made


class Outcome(NamedTuple):
    """What a command returned and printed."""

    status: int
    out: str
    err: str


def records(host: Host, model: str, *arguments: str) -> dict[str, dict[str, Any]]:
    """Embedding records by model of a run in a process of its own."""
    host.suite(SUITE.replace("MODEL", model))
    host.pytester.runpytest_subprocess("--matalign", "--matalign-json", "card.json", *arguments)
    scorecard = json.loads((host.path / "card.json").read_text())
    return {record["model"]: record for record in scorecard["embeddings"]}


@pytest.fixture
def matalign(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Outcome]]:
    """The command line in this process, with the project's own cards."""
    monkeypatch.chdir(host.path)
    catalogue.catalogue.cache_clear()

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        status = main(arguments)
        return Outcome(status, *capsys.readouterr())

    yield run
    catalogue.catalogue.cache_clear()


def test_a_run_uses_the_environment_with_and_without_workers_of_xdist(host: Host) -> None:
    """The same rows, and nothing in the record tells where they came from."""
    serial = records(host, "moody-good", "--matalign-store", "one")
    assert {record["verdict"] for record in serial.values()} == {"passed"}
    assert serial["moody-good"]["n"] == 20
    parallel = records(host, "moody-good", "--matalign-store", "two", "-n", "2")
    assert parallel["moody-good"]["digest"] == serial["moody-good"]["digest"]


def test_a_model_that_fails_in_its_environment_fails_its_check(host: Host) -> None:
    """With the sentence of the model, not of the plumbing."""
    reason = records(host, "moody-raises")["moody-raises"]["reason"]
    assert "in the environment small failed on" in reason
    assert "ZeroDivisionError: no such number" in reason


def test_a_model_whose_environment_is_not_built_is_skipped_with_the_cure(host: Host) -> None:
    """One command, to be copied."""
    record = records(host, "moody-homeless")["moody-homeless"]
    assert record["verdict"] == "skipped"
    assert "`matalign env create unbuilt`" in record["reason"]


def test_pickled_weights_are_read_only_if_allowed(host: Host) -> None:
    """By the option or by the host's table; the reason says what and why."""
    record = records(host, "moody-pickled")["moody-pickled"]
    assert record["verdict"] == "skipped"
    assert "weights.bin) are a pickle, which can run any code" in record["reason"]
    allowed = records(host, "moody-pickled", "--matalign-allow-pickle")
    assert allowed["moody-pickled"]["verdict"] == "passed"
    host.configure("allow_pickle = true")
    assert records(host, "moody-pickled")["moody-pickled"]["verdict"] == "passed"


def test_embed_fills_the_store_and_finds_it_filled(matalign: Callable[..., Outcome]) -> None:
    """What it wrote, pytest and a second call find."""
    first = matalign("embed", "moody-good", "--split", "qm9", "--samples", "150")
    assert first.out.startswith(
        "moody-good on qm9: 150 samples embedded in the environment small, width 2, "
    )
    again = matalign("embed", "moody-good", "--split", "qm9", "--samples", "150")
    assert again.out.startswith("moody-good on qm9: 150 samples were in the store, ")


def test_shards_add_up_to_the_split(matalign: Callable[..., Outcome]) -> None:
    """Each takes whole blocks, so that together they fill what the whole split needs."""
    for part in ("1/2", "2/2"):
        done = matalign("embed", "size", "--split", "qm9", "--samples", "250", "--shard", part)
        assert re.match(rf"size on qm9, shard {part}: \d+ samples embedded, ", done.out)
    whole = matalign("embed", "size", "--split", "qm9", "--samples", "250")
    assert whole.out.startswith("size on qm9: 250 samples were in the store, ")


def test_embed_goes_on_after_a_model_that_fails(matalign: Callable[..., Outcome]) -> None:
    """It says which, leaves with status 1, and has embedded the others."""
    done = matalign(
        "embed", "moody-raises", "moody-pickled", "size", "--split", "qm9", "--samples", "5"
    )
    assert done.status == 1
    raises, pickled, size = done.out.splitlines()
    assert re.match(r"moody-raises on qm9: FAILED: .*ZeroDivisionError", raises)
    assert re.match(r"moody-pickled on qm9: FAILED: .*matalign embed --allow-pickle", pickled)
    assert size.startswith("size on qm9: 5 samples embedded, ")
    allowed = matalign(
        "embed", "moody-pickled", "--split", "qm9", "--samples", "5", "--allow-pickle"
    )
    assert allowed.status == 0


def interrupt_once_loaded() -> None:
    """Press Ctrl-C as soon as a worker holds a model and is asked to embed."""
    while not any(worker.holds for worker in list(process._live.values())):
        time.sleep(0.1)
    time.sleep(1.0)
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    signal.pthread_kill(main_thread, signal.SIGINT)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_embed_with_one_line(matalign: Callable[..., Outcome]) -> None:
    """And with the exit status that shells know."""
    thread = threading.Thread(target=interrupt_once_loaded, daemon=True)
    thread.start()
    done = matalign("embed", "moody-slow", "size", "--split", "qm9", "--samples", "5")
    assert done.status == 130
    assert done.out == ""
    assert done.err == "interrupted; the same call goes on from the last whole block\n"


def test_embed_names_a_model_that_does_not_exist(matalign: Callable[..., Outcome]) -> None:
    """Before it embeds any."""
    done = matalign("embed", "size", "sise", "--split", "qm9")
    assert done.status == 2
    assert done.err.startswith("matalign: There is no model 'sise'")


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "-1/2", "a/b"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """With how to write one."""
    command = click.Command("embed")
    with pytest.raises(click.BadParameter, match=r"write i/n with i from 1 to n"):
        shard(click.Context(command), click.Option(["--shard"]), text)


def test_every_sample_is_in_exactly_one_shard() -> None:
    """Whatever their number, even more than there are blocks."""
    samples = load_split("qm9", samples=350).samples
    for count in (1, 2, 3, 7):
        parts = [blocks_of(samples, shard=(index + 1, count)) for index in range(count)]
        assert sorted(one.id for part in parts for one in part) == sorted(s.id for s in samples)


def test_env_lists_examines_and_removes(matalign: Callable[..., Outcome]) -> None:
    """What is built, what is not, and whether it is healthy."""
    listing = matalign("env", "list")
    assert re.search(r"^small +4 +built \(3", listing.out, re.M)
    assert re.search(r"^unbuilt +1 +–", listing.out, re.M)
    healthy = matalign("env", "doctor", "small")
    assert healthy.status == 0
    assert "ok    small: imports: only_there\n" in healthy.out
    absent = matalign("env", "doctor", "unbuilt")
    assert absent.status == 1
    assert absent.out.startswith("FAIL  unbuilt: environment: not built; run ")
    nothing = matalign("env", "remove", "unbuilt")
    assert nothing.status == 2
    assert nothing.err.startswith("matalign: There is no built environment 'unbuilt' in ")
