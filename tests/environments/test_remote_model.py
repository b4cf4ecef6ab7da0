"""A model in an environment behaves as it would in the host, and says clearly when it cannot."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path

import msgspec
import numpy as np
import pytest
from ase.build import molecule
from safetensors import safe_open

import pytest_matalign
from pytest_matalign import load_split
from pytest_matalign.embeddings.extraction import extract
from pytest_matalign.embeddings.sources import ZooSource
from pytest_matalign.embeddings.store import Store
from pytest_matalign.environments import loading
from pytest_matalign.environments.folders import built, folder_of
from pytest_matalign.environments.process import worker_of
from pytest_matalign.environments.protocol import Probe, Probed
from pytest_matalign.environments.remote import RemoteModel, SmallerBatchWarning
from pytest_matalign.environments.spec import environment
from pytest_matalign.errors import ConfigurationError, ExtractionError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import ModelCard, Weights
from pytest_matalign.zoo.model import EnergyModel, Model
from pytest_matalign.zoo.weights.files import weights_digest
from small_environment import ONLY_THERE, impostor, mark, moody, write_spec

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
SOURCE = Path(pytest_matalign.__file__).parents[1]
SMILES = [Sample(id=f"m{n}", smiles="C" * (n + 1)) for n in range(20)]


def no_progress(*, done: int, total: int) -> None:
    assert 0 <= done <= total


def kept_apart(model_id: str, environment: str) -> ModelCard:
    """A bundled control that says it needs a package the host lacks."""
    return msgspec.structs.replace(
        catalogue.card(model_id), requires=(ONLY_THERE,), environment=environment
    )


@pytest.mark.parametrize("model_id", ["composition", "size", "random"])
def test_embeddings_are_the_same_in_the_host_and_in_an_environment(
    small: str, model_id: str
) -> None:
    """To the last bit, on molecules and on crystals."""
    samples = [
        *load_split("qm9", samples=30).samples,
        *load_split("mp-crystals", samples=30).samples,
    ]
    here = loading.load(catalogue.card(model_id))
    there = loading.load(kept_apart(model_id, small))
    assert isinstance(there, RemoteModel)
    accepted = [sample for sample in samples if here.refuse(sample) is None]
    assert accepted
    assert [there.refuse(sample) for sample in samples] == [here.refuse(s) for s in samples]
    assert there.batch_size == here.batch_size
    np.testing.assert_array_equal(there.embed(accepted), here.embed(accepted))
    assert there.embed(accepted).dtype == here.embed(accepted).dtype


@pytest.mark.parametrize(
    ("mood", "sentence"),
    [
        ("raises", "failed on m0 to m7: ZeroDivisionError: no such number"),
        ("exits", "failed on m0 to m7: SystemExit: enough"),
        ("objects", "returned an array of dtype object"),
        ("nan", "returned NaN or infinity in 1 of 8 rows, first in row 7"),
        ("dies while refusing", "ended with status 3, without a word, on the sample 'm0' alone"),
        ("dies while loading", "was ended by SIGKILL, as happens where memory runs out"),
    ],
)
def test_a_model_that_fails_is_told_of_in_one_sentence(
    small: str, tmp_path: Path, mood: str, sentence: str
) -> None:
    """With the model, where it ran and on what; under pytest this is its error."""
    source = ZooSource(moody(small, mood))
    with pytest.raises(ExtractionError, match=sentence) as caught:
        extract(source, SMILES, split="s", store=Store(tmp_path), progress=no_progress)
    assert "\n" not in str(caught.value)
    assert f"moody-{mood.replace(' ', '-')}" in str(caught.value)


def test_the_traceback_of_the_worker_is_the_cause(small: str) -> None:
    """What the model's own code raised, line by line, can be shown."""
    with pytest.raises(ExtractionError) as caught:
        loading.load(moody(small, "raises")).embed(SMILES[:1])
    assert "moody/adapter.py" in str(caught.value.__cause__)


def test_what_a_worker_raises_on_purpose_keeps_its_class(small: str) -> None:
    """A model that is unavailable in its environment is skipped, not failed."""
    with pytest.raises(UnavailableError, match="on holiday"):
        loading.load(moody(small, "unavailable"))


@pytest.mark.parametrize("mood", ["needs memory", "memory error"])
def test_a_batch_too_large_is_halved_until_it_fits(small: str, tmp_path: Path, mood: str) -> None:
    """Killed or out of memory, the model goes on, and the rows are those of a large batch."""
    source = ZooSource(moody(small, mood, limit=3))
    with pytest.warns(SmallerBatchWarning) as caught:
        found = extract(source, SMILES, split="s", store=Store(tmp_path), progress=no_progress)
    expected = loading.load(moody(small)).embed(SMILES)
    np.testing.assert_array_equal(found.vectors, expected)
    told = [str(one.message) for one in caught]
    assert any("on 8 samples; trying 4" in one for one in told)
    assert any("on 4 samples; trying 2" in one for one in told)
    assert len(told) == 2


def test_a_sample_that_kills_every_worker_is_named(small: str) -> None:
    """With the signal and the last words of the worker."""
    model = loading.load(moody(small, "dies"))
    batch = [*SMILES[:3], Sample(id="poison", smiles="C")]
    with (
        pytest.warns(SmallerBatchWarning),
        pytest.raises(ExtractionError, match=r"SIGKILL.*cannot go on.*the sample 'poison' alone"),
    ):
        model.embed(batch)
    assert model.embed(SMILES[:3]).shape == (3, 2)


def test_what_packages_print_does_not_reach_the_pipe(
    small: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither from Python nor from a subprocess; nor does it reach the host's terminal."""
    assert loading.load(moody(small)).embed(SMILES[:2]).tolist() == [[1, 1], [2, 2]]
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_worker(small: str) -> None:
    """Ctrl-C in the host leaves no process behind."""
    model = loading.load(moody(small, "slow"))
    worker = worker_of(built(small))
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(1.0, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.embed(SMILES[:1])
    assert time.monotonic() - start < 20
    assert not worker.alive


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_a_worker_ends_with_its_host(small: str, small_root: Path) -> None:
    """Even if the host is killed while the worker computes."""
    script = (
        "from small_environment import moody\n"
        "from pytest_matalign.environments.folders import built\n"
        "from pytest_matalign.environments.process import worker_of\n"
        "from pytest_matalign.splits.sample import Sample\n"
        "from pytest_matalign.environments import loading\n"
        "from pytest_matalign.zoo import catalogue\n"
        "model = loading.load(moody('small', 'slow'))\n"
        "print(worker_of(built('small'))._process.pid, flush=True)\n"
        "model.embed([Sample(id='a', smiles='C')])\n"
    )
    paths = os.pathsep.join([str(small_root / "host"), str(TESTS), str(SOURCE)])
    host = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert host.stdout is not None
    with host:
        worker = int(host.stdout.readline())
        assert exists(worker)
        host.kill()
    deadline = time.monotonic() + 20
    while exists(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not exists(worker)


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_worker_serves_split_after_split(small: str, tmp_path: Path) -> None:
    """It is started once a process, whatever the number of splits."""
    store = Store(tmp_path)
    pids = set()
    for start in (0, 5, 10):
        part = SMILES[start : start + 5]
        extract(ZooSource(moody(small)), part, split="s", store=store, progress=no_progress)
        pids.add(worker_of(built(small))._process.pid)
    assert len(pids) == 1


def test_energies_are_those_of_the_adapter_there(small: str) -> None:
    """To the last bit; a model without any says so in one sentence."""
    card = msgspec.structs.replace(moody(small), inputs=("atoms",))
    water = molecule("H2O")
    model = loading.load(card)
    assert isinstance(model, EnergyModel)
    assert model.energy(water) == float((water.positions**2).sum())
    with pytest.raises(ConfigurationError, match="composition: its adapter computes no energies"):
        loading.load(kept_apart("composition", small)).energy(water)  # type: ignore[attr-defined]  # of RemoteModel


def test_two_models_share_a_worker_and_neither_answers_for_the_other(small: str) -> None:
    """The one asked is the one loaded."""
    size = loading.load(kept_apart("size", small))
    composition = loading.load(kept_apart("composition", small))
    water = [Sample(id="w", atoms=molecule("H2O"))]
    first = composition.embed(water)
    np.testing.assert_array_equal(
        size.embed(water), loading.load(catalogue.card("size")).embed(water)
    )
    np.testing.assert_array_equal(composition.embed(water), first)


def test_the_environment_is_noted_with_the_rows(small: str, tmp_path: Path) -> None:
    """As provenance, not as identity: the same rows in the host have the same key."""
    source = ZooSource(moody(small))
    extract(source, SMILES[:2], split="s", store=Store(tmp_path), progress=no_progress)
    [entry] = tmp_path.glob("embeddings/*/*.safetensors")
    with safe_open(entry, framework="numpy") as file:
        noted = json.loads(file.metadata()["matalign"])["provenance"]
    assert noted["environment"] == f"small-{environment(small).digest[:12]}"
    assert noted["packages"] == {one: metadata.version(one) for one in ("ase", "numpy")}
    assert "environment" not in source.identity


def test_nothing_of_the_host_but_this_package_is_importable(small: str) -> None:
    """Its other packages stay out, and so do the adapter's neighbours."""
    environment = built(small)
    assert environment is not None
    imports = ("pytest_matalign", "numpy", ONLY_THERE, "torch", "pytest", "hosts")
    reply = worker_of(environment).ask(Probe(imports=imports), Probed)
    assert sorted(reply.failures) == ["hosts", "pytest", "torch"]


def test_a_model_that_forks_answers_once(small: str) -> None:
    """The copy of the worker that comes back from the fork is no worker."""
    model = loading.load(moody(small, "forks"))
    expected = loading.load(moody(small)).embed(SMILES)
    for _ in range(3):
        np.testing.assert_array_equal(in_batches(model, SMILES), expected)


@pytest.mark.parametrize("mood", ["answers twice", "answers another"])
def test_an_answer_to_another_request_is_never_taken_for_rows(
    small: str, tmp_path: Path, mood: str
) -> None:
    """A frame sent twice would shift every row after it; nothing wrong is stored."""
    source, store = ZooSource(moody(small, mood)), Store(tmp_path)
    with pytest.raises(ExtractionError, match="rows cannot be told apart, and was ended"):
        extract(source, SMILES, split="s", store=store, progress=no_progress)
    assert not list(tmp_path.glob("embeddings/*/*.safetensors"))


def in_batches(model: Model, samples: list[Sample]) -> np.ndarray:
    size = model.batch_size
    parts = [model.embed(samples[start : start + size]) for start in range(0, len(samples), size)]
    return np.concatenate(parts)


def test_a_worker_of_another_version_is_refused(nowhere: Path) -> None:
    """A package upgraded under a running process speaks another protocol."""
    write_spec(nowhere / "specs", "other")
    folder = folder_of(environment("other"))
    impostor(
        folder,
        """
        import msgspec, struct, sys
        text = msgspec.msgpack.encode({"kind": "Hello", "protocol": 99})
        sys.stdout.buffer.write(struct.pack("<4sQ", b"MALN", len(text)) + text)
        """,
    )
    mark(folder, name="other", digest=environment("other").digest)
    with pytest.raises(ConfigurationError, match="speaks version 99 of the protocol"):
        loading.load(moody("other"))


def test_a_worker_that_talks_nonsense_is_named(nowhere: Path) -> None:
    """Its last words are told."""
    write_spec(nowhere / "specs", "other")
    folder = folder_of(environment("other"))
    impostor(folder, "import sys\nprint('Hello, world, how are you?')\nsys.exit('no module')")
    mark(folder, name="other", digest=environment("other").digest)
    with pytest.raises(ExtractionError, match="ended with status 1; its last words: no module"):
        loading.load(moody("other"))


def test_an_environment_without_its_python_is_named(nowhere: Path) -> None:
    """As happens when the Python it was made from is uninstalled."""
    write_spec(nowhere / "specs", "other")
    folder = folder_of(environment("other"))
    folder.mkdir(parents=True)
    mark(folder, name="other", digest=environment("other").digest)
    with pytest.raises(UnavailableError, match=r"cannot be started .*matalign env create other"):
        loading.load(moody("other"))


def test_a_model_whose_environment_is_not_built_says_how(nowhere: Path) -> None:
    """One sentence, with the command that mends it."""
    write_spec(nowhere / "specs", "other")
    assert loading.unavailable(moody("other")) == (
        f"{ONLY_THERE} is not installed; run `matalign env create other`, which builds the "
        "environment of this model"
    )
    with pytest.raises(UnavailableError, match="matalign env create other"):
        loading.load(moody("other"))


def test_a_card_that_names_no_known_environment_says_so(nowhere: Path) -> None:
    """The listing of all models goes on."""
    assert "There is no environment 'othre'" in str(loading.unavailable(moody("othre")))


def test_weights_that_only_the_environment_has_are_digested_there(small: str) -> None:
    """A card without a digest is identified by the file, wherever that lies."""
    card = msgspec.structs.replace(
        moody(small),
        role="pretrained",
        control=None,
        weights=Weights(package="numpy", path="__init__.py"),
    )
    assert ZooSource(card).identity["weights"] == weights_digest(card)
