"""Extraction keeps what is done, refuses what is wrong, and asks the model for no row twice."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from pytest_matalign.cache import DamagedEntryWarning
from pytest_matalign.embeddings.embedding import check_vectors
from pytest_matalign.embeddings.extraction import BLOCK, extract
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ExtractionError
from pytest_matalign.splits.sample import Sample


class Counting:
    """A model of string lengths that counts what it was asked."""

    batch_size = 7

    def __init__(self, *, fail_at: str | None = None, output: Any = None) -> None:
        self.asked: list[str] = []
        self._fail_at, self._output = fail_at, output

    def refuse(self, sample: Sample) -> str | None:
        return "too long" if len(sample.smiles or "") > 20 else None

    def embed(self, samples: Sequence[Sample]) -> Any:
        if any(sample.id == self._fail_at for sample in samples):
            raise RuntimeError("the model's own words")
        self.asked += [sample.id for sample in samples]
        if self._output is not None:
            return self._output(len(samples))
        return np.array([[len(s.smiles or ""), 1.0] for s in samples], dtype=np.float32)


class Lengths:
    """Not yet loaded."""

    id = "lengths"

    def __init__(self, model: Counting) -> None:
        self.model, self.identity, self.loaded = model, {"model": "lengths"}, 0

    def refuse(self, sample: Sample) -> str | None:
        return None if sample.smiles else "has no SMILES"

    def load(self) -> Counting:
        self.loaded += 1
        return self.model


def samples(count: int) -> list[Sample]:
    return [Sample(id=f"s{i}", smiles="C" * (i % 25)) for i in range(count)]


def quiet(*, done: int, total: int) -> None:
    """Progress nobody looks at."""


def run(source: Lengths, count: int, root: Path) -> Any:
    return extract(source, samples(count), split="toy", store=Store(root), progress=quiet)


def test_rows_follow_the_split_and_refusals_carry_reasons(tmp_path: Path) -> None:
    """Card and model refusals are both kept, rows stay in order."""
    found = run(Lengths(Counting()), 60, tmp_path)
    assert found.refused["s0"] == "has no SMILES"
    assert found.refused["s21"] == "too long"
    assert found.ids == tuple(f"s{i}" for i in range(60) if 0 < i % 25 <= 20)
    assert found.vectors[:, 0].tolist() == [int(name[1:]) % 25 for name in found.ids]


def test_second_run_reads_the_store_and_loads_no_model(tmp_path: Path) -> None:
    """Nothing is computed twice."""
    first = run(Lengths(Counting()), 60, tmp_path)
    source = Lengths(Counting())
    second = run(source, 60, tmp_path)
    assert (source.loaded, source.model.asked) == (0, [])
    assert second.digest == first.digest
    assert (first.origin, second.origin) == ("computed", "store")


def test_a_larger_run_computes_only_the_new_blocks(tmp_path: Path) -> None:
    """Smaller runs are prefixes of larger ones."""
    run(Lengths(Counting()), BLOCK, tmp_path)
    source = Lengths(Counting())
    run(source, 2 * BLOCK, tmp_path)
    assert all(int(name[1:]) >= BLOCK for name in source.model.asked)


def test_an_interrupted_run_resumes(tmp_path: Path) -> None:
    """What was finished before a failure is read, not computed again."""
    with pytest.raises(ExtractionError):
        run(Lengths(Counting(fail_at="s205")), 300, tmp_path)
    source = Lengths(Counting())
    run(source, 300, tmp_path)
    assert min(int(name[1:]) for name in source.model.asked) == 2 * BLOCK + 1


def test_what_the_model_raises_becomes_one_sentence(tmp_path: Path) -> None:
    """Which model, on which samples, in its own words; the cause is kept."""
    with pytest.raises(ExtractionError, match="'lengths' failed while embedding s1 to s7") as info:
        run(Lengths(Counting(fail_at="s3")), 20, tmp_path)
    assert "RuntimeError: the model's own words" in str(info.value)
    assert isinstance(info.value.__cause__, RuntimeError)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda n: np.ones((n + 1, 3)), "returned 8 rows for 7 samples"),
        (lambda n: np.ones(n), r"array of shape \(7,\)"),
        (lambda n: np.full((n, 3), np.nan), "NaN or infinity in 7 of 7 rows"),
        (lambda n: [[1.0]] * n if n == 7 else np.ones((n, 2)), r"different widths \[1, 2\]"),
    ],
)
def test_what_is_not_an_embedding_is_refused(tmp_path: Path, output: Any, message: str) -> None:
    """Wrong rows, wrong shape, non-finite, uneven: each has its own sentence."""
    with pytest.raises(ExtractionError, match=message):
        run(Lengths(Counting(output=output)), 20, tmp_path)


class Moody(Counting):
    """Refuses in its own way."""

    def __init__(self, refuse: Any) -> None:
        super().__init__()
        self.refuse = refuse


def _raise(sample: Sample) -> str | None:
    raise RuntimeError("the model's own words")


def test_a_refusal_is_text_of_bearable_length_that_can_be_written(tmp_path: Path) -> None:
    """Two megabytes of it took minutes, and half a character ended pytest."""
    odd = Lengths(Moody(lambda _: "a\n\ud800" + "x" * 10**6))
    (reason,) = set(run(odd, 2, tmp_path).refused.values()) - {"has no SMILES"}
    assert reason.startswith("a ?xxx")
    assert len(reason) <= 300
    reason.encode()


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        (lambda _: 5, "for 5; give the reason as text"),
        (_raise, "RuntimeError: the model's own"),
    ],
)
def test_a_refusal_that_is_none_is_one_sentence(tmp_path: Path, refuse: Any, said: str) -> None:
    """And no traceback."""
    with pytest.raises(ExtractionError, match=said):
        run(Lengths(Moody(refuse)), 3, tmp_path)


class Wrapping(Counting):
    """Moves the atoms it is given, as `wrap` and `center` do."""

    def embed(self, samples: Sequence[Sample]) -> Any:
        for sample in samples:
            assert sample.atoms is not None
            sample.atoms.positions += 1.0
        return np.ones((len(samples), 2))


def test_a_model_that_changes_its_samples_is_an_error(tmp_path: Path) -> None:
    """What others made of them would be stored under the samples they were not made of."""
    given = [
        Sample(id=f"a{n}", smiles="C", atoms=Atoms("CO", [[0, 0, 0], [0, 0, 1.1]])) for n in "12"
    ]
    with pytest.raises(ExtractionError, match=r"'lengths' changed the sample 'a1'"):
        extract(Lengths(Wrapping()), given, split="s", store=Store(tmp_path), progress=quiet)


class Other(Lengths):
    """Another model, whose rows differ."""

    def __init__(self) -> None:
        super().__init__(Counting(output=lambda n: np.full((n, 2), 7.0)))
        self.identity = {"model": "sevens"}


def test_rows_of_one_model_are_never_taken_for_anothers(tmp_path: Path) -> None:
    """Its files, whole and valid, laid over another's are refused, and the rows are made anew."""
    first, other = run(Lengths(Counting()), 60, tmp_path), run(Other(), 60, tmp_path)
    for taken, place in zip(first.blocks, other.blocks, strict=True):
        folder = tmp_path / "embeddings"
        shutil.copy(
            folder / taken[:2] / f"{taken}.safetensors",
            folder / place[:2] / f"{place}.safetensors",
        )
    with pytest.warns(DamagedEntryWarning):
        again = run(Other(), 60, tmp_path)
    assert (again.origin, again.digest) == ("computed", other.digest)
    assert run(Other(), 60, tmp_path).origin == "store"


@pytest.mark.parametrize("size", [0, -3, 2.5, None])
def test_a_batch_size_that_is_none_is_refused(tmp_path: Path, size: Any) -> None:
    """A negative one once stored samples without rows."""

    class Odd:
        id, identity, batch_size = "odd", {"model": "odd"}, size

        def refuse(self, sample: object) -> None:  # noqa: ARG002  of the protocol
            return None

        def load(self) -> Any:
            return self

    with pytest.raises(ExtractionError, match="has batch_size"):
        extract(Odd(), samples(3), split="toy", store=Store(tmp_path), progress=quiet)
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    "output",
    [np.ones((3, 2), complex), np.full((3, 2), "x"), np.ones((3, 2), object), [[1], [1, 2]]],
)
def test_what_are_no_numbers_is_refused(output: Any) -> None:
    """Complex numbers, text, objects and uneven rows, as in a worker."""
    with pytest.raises(ExtractionError, match=r"returned (no array|an array of shape)"):
        check_vectors(output, rows=3, model="m", split="s")
