"""Each conformance check passes a good adapter and catches the fault it is there for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from ase.build import bulk, molecule

from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.testing import (
    ConformanceReport,
    assert_conforms,
    check_adapter,
    checks,
    mock_card,
    mock_model,
)
from pytest_matalign.testing.changes import rotated, rotation
from pytest_matalign.testing.samples import helix
from pytest_matalign.zoo.card import ReferenceEnergy, Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

pytestmark = pytest.mark.slow

CARD = mock_card("good", inputs=("atoms", "smiles", "backbone"))
MOLECULES = [
    Sample(id=name, atoms=molecule(name), labels={"gap": float(place)})
    for place, name in enumerate(("CH3CH2OH", "C6H6", "CH3NO2", "C4H4O"))
]
CRYSTALS = [
    Sample(id="Cu", atoms=bulk("Cu")),
    Sample(id="NaCl", atoms=bulk("NaCl", "rocksalt", a=5.64)),
    Sample(id="Si", atoms=bulk("Si")),
]
TEXTS = [Sample(id=text, smiles=text) for text in ("CCO", "OCC(=O)N", "c1ccoc1C")]
CHAINS = [Sample(id=f"helix-{length}", backbone=helix(length)) for length in (9, 14, 30)]
EVERYTHING = [*MOLECULES, *CRYSTALS, *TEXTS, *CHAINS]


@dataclass
class Faulty:
    """A good model with a fault in what it returns."""

    fault: Callable[[Any, Sequence[Sample]], Any]
    batch_size: int = 4

    def refuse(self, sample: Sample) -> str | None:
        return mock_model("good").refuse(sample)

    def embed(self, samples: Sequence[Sample]) -> Any:
        return self.fault(mock_model("good").embed(samples), samples)


def _report(
    fault: Callable[[Any, Sequence[Sample]], Any], card: Any = CARD, samples: Any = EVERYTHING
) -> ConformanceReport:
    return check_adapter(card, samples=samples, loaded=Faulty(fault))


def _shifted(
    rows: np.ndarray, samples: Sequence[Sample], by: Callable[[Sample], float]
) -> np.ndarray:
    return rows + np.array([[by(one)] for one in samples], dtype=np.float32)


def _of_atoms(number: Callable[[Any], float]) -> Callable[[Any, Sequence[Sample]], Any]:
    """A fault that adds a number read off the structure."""
    return lambda rows, samples: _shifted(
        rows, samples, lambda one: number(one.atoms) if one.atoms is not None else 0.0
    )


def _displace(rows: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
    for sample in samples:
        if sample.atoms is not None:
            sample.atoms.positions += 0.1
    return rows


NOISE = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("output", lambda rows, _: rows.astype(np.float64)),
        ("output", lambda rows, _: rows[:, :-1]),
        ("output", lambda rows, _: rows[:-1]),
        ("output", lambda rows, _: rows.tolist()),
        ("output", lambda rows, _: np.where(rows > 1.0, np.inf, rows)),
        ("repeat", lambda rows, _: rows + NOISE.normal(size=rows.shape).astype(np.float32)),
        ("order", lambda rows, _: rows + np.arange(len(rows), dtype=np.float32)[:, None]),
        ("batch", lambda rows, _: rows - rows.mean(axis=0)),
        ("distinct", lambda rows, _: np.ones_like(rows)),
        ("untouched", _displace),
        ("unlabelled", lambda rows, all_: _shifted(rows, all_, lambda s: s.labels.get("gap", 0))),
        ("unlabelled", lambda rows, all_: _shifted(rows, all_, lambda s: len(s.id))),
        ("permutation", _of_atoms(lambda atoms: atoms.numbers[0] / 10)),
        ("rotation", _of_atoms(lambda atoms: np.ptp(atoms.positions[:, 0]))),
        ("translation", _of_atoms(lambda atoms: atoms.positions.sum() / 10)),
        ("supercell", _of_atoms(lambda atoms: len(atoms))),
    ],
)
def test_a_fault_is_caught_by_its_check(
    name: str, fault: Callable[[Any, Sequence[Sample]], Any]
) -> None:
    """By that of its name, whatever else it may break."""
    assert name in [one.name for one in _report(fault).failures]


def test_the_model_without_a_fault_passes_on_the_same_samples() -> None:
    """So it is the fault that is caught."""
    assert_conforms(_report(lambda rows, _: rows))


def test_a_backbone_read_in_its_own_orientation_is_caught() -> None:
    """Structures are not the only things with an orientation."""

    def fault(rows: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
        return _shifted(rows, samples, lambda one: float(one.backbone[0, 0, 0]))

    failed = [one.name for one in _report(fault, samples=CHAINS).failures]
    assert failed == ["rotation", "translation"]


def test_the_way_a_smiles_is_written_matters_to_graph_models_only() -> None:
    """Of a string model the change is told and not judged."""

    def fault(rows: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
        return _shifted(rows, samples, lambda one: float(ord(one.smiles[0])))

    string = msgspec.structs.replace(CARD, modality="string")
    found = _report(fault, card=string, samples=TEXTS).check("smiles")
    assert found.outcome == "measured"
    assert found.measured > 0.1
    graph = msgspec.structs.replace(CARD, modality="graph")
    assert _report(fault, card=graph, samples=TEXTS).check("smiles").outcome == "failed"


@pytest.mark.parametrize(
    ("kind", "outcome"), [("equivariant", "measured"), ("vanilla", "measured")]
)
def test_only_invariant_models_must_not_see_the_orientation(kind: str, outcome: str) -> None:
    """Of the others the report tells how much they do."""
    card = msgspec.structs.replace(CARD, kind=kind)
    fault = _of_atoms(lambda atoms: np.ptp(atoms.positions[:, 0]))
    found = _report(fault, card=card).check("rotation")
    assert found.outcome == outcome
    assert found.measured > 0.1
    assert found.tolerance is None


def test_elements_embedded_alike_are_named() -> None:
    """A model that maps what it does not know to one thing covers less than its card says."""
    card = msgspec.structs.replace(CARD, elements=("H", "C", "N", "O", "Na", "Cl", "Cu", "Si"))

    def fault(rows: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
        unknown = [one.atoms is not None and set(one.atoms.numbers) <= {29, 14} for one in samples]
        return np.where(np.array(unknown)[:, None], np.float32(1.0), rows)

    assert _report(lambda rows, _: rows, card=card).check("elements").outcome == "passed"
    found = _report(fault, card=card).check("elements")
    assert found.outcome == "failed"
    assert found.sentence == "Cu and Si are embedded alike."
    told = msgspec.structs.replace(card, indistinct=(("Cu", "Si"),))
    assert "Cu and Si alike, as it says" in _report(fault, card=told).check("elements").sentence
    found = _report(lambda rows, _: rows, card=told).check("elements")
    assert found.sentence == "Cu and Si are embedded apart, not alike as on the card."


def test_energies_of_the_card_are_asked_for() -> None:
    """In the card's unit; which structure is off is told."""
    own = ReferenceEnergy(structure="H2O", value=6.0, unit="eV", tolerance=0.5, source="the test")
    each = msgspec.structs.replace(own, structure="Cu fcc 3.62", unit="eV/atom", value=2.0)

    @dataclass
    class Weighing(Faulty):
        def energy(self, atoms: Any) -> float:
            return 2.0 * len(atoms)

    def check(*energies: ReferenceEnergy) -> Any:
        card = msgspec.structs.replace(CARD, energies=energies)
        model = Weighing(lambda rows, _: rows)
        return check_adapter(card, samples=MOLECULES, loaded=model).check("energies")

    assert check().outcome == "not applicable"
    assert check(own, each).outcome == "passed"
    found = check(msgspec.structs.replace(own, value=6.7))
    assert found.outcome == "failed"
    assert found.measured == pytest.approx(1.4)
    assert "H2O 6.0000 eV where the card has 6.7000 ± 0.5" in found.sentence


def test_an_odd_sample_may_be_refused_but_not_stumbled_over() -> None:
    """The report says which one, and what the model raised."""

    def fault(rows: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
        if any(one.atoms is not None and len(one.atoms) == 1 for one in samples):
            raise IndexError("no neighbours")
        return rows

    found = _report(fault, samples=MOLECULES).check("awkward")
    assert found.outcome == "failed"
    assert found.sentence == "Given a lone atom, the model raised IndexError: no neighbours."


def test_what_the_card_rules_out_has_to_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elements, periodicity, length and other forms, as far as the card speaks of them."""
    card = msgspec.structs.replace(
        CARD, inputs=("atoms",), elements=("H", "C", "N", "O"), periodic="refused"
    )
    good = mock_model("good")
    found = check_adapter(card, samples=MOLECULES, loaded=good).check("unsupported")
    assert found.outcome == "passed"
    for word in ("offers no atoms", "has no atoms", "is periodic", "contains He"):
        assert word in found.sentence
    monkeypatch.setattr(checks, "refusal", lambda *_: None)
    found = check_adapter(card, samples=MOLECULES, loaded=good).check("unsupported")
    assert found.outcome == "failed"


def test_a_failing_model_is_reported_and_not_raised() -> None:
    """Nothing can be compared, so only the first check is there."""
    report = check_adapter(mock_card("failing"))
    (check,) = report.checks
    assert check.outcome == "failed"
    assert check.sentence.startswith("The model raised RuntimeError: mock failure on ")
    with pytest.raises(AssertionError, match=r"mock-failing-0 does not conform\.\noutput: "):
        assert_conforms(report)


def test_a_model_that_produces_nan_is_told_where() -> None:
    """With the first sample it does so for."""
    (check,) = check_adapter(mock_card("nan")).failures
    assert "rows hold NaN or infinity, the first of " in check.sentence


def test_a_good_model_conforms_on_every_form_of_the_bundled_splits() -> None:
    """And its report travels as JSON."""
    report = check_adapter(mock_card("good"))
    assert_conforms(report)
    assert report.samples == 30
    assert report.check("speed").measured > 0
    assert "mock-good-0 conforms" in report.text()
    encoded = msgspec.json.encode(report)
    assert msgspec.json.decode(encoded, type=ConformanceReport) == report


def test_random_features_are_excused_from_symmetries() -> None:
    """They are another vector for every change, by design."""
    report = check_adapter("random", samples=MOLECULES)
    assert_conforms(report)
    assert report.check("rotation").outcome == "not applicable"


def test_a_model_that_takes_none_of_the_samples_wants_others() -> None:
    """A model of peptides with copper, say."""
    card = msgspec.structs.replace(CARD, elements=("Cu",), inputs=("atoms",))
    with pytest.raises(ConfigurationError, match=r"takes none of the samples given; hand"):
        check_adapter(card, samples=MOLECULES, loaded=mock_model("good"))


def test_a_model_that_is_not_installed_is_unavailable() -> None:
    """As everywhere: what is missing, and what to do."""
    card = msgspec.structs.replace(CARD, requires=("no_such_package",))
    with pytest.raises(UnavailableError, match=r"no_such_package is not installed"):
        check_adapter(card)


def test_rotations_are_proper_and_keep_distances() -> None:
    """Otherwise the checks would ask for more than rotation."""
    turn = rotation(2.0, (0.36, 0.48, 0.8))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)
    crystal = CRYSTALS[1]
    moved = rotated(crystal)
    assert moved.atoms.cell.lengths() == pytest.approx(crystal.atoms.cell.lengths())
    assert moved.atoms.get_all_distances(mic=True) == pytest.approx(
        crystal.atoms.get_all_distances(mic=True)
    )


def test_checks_leave_the_samples_as_they_were() -> None:
    """The kit is no worse than the adapters it checks."""
    before = [replace(one).digest for one in EVERYTHING]
    check_adapter(CARD, samples=EVERYTHING, loaded=mock_model("good"))
    assert [replace(one).digest for one in EVERYTHING] == before


def test_each_sample_is_embedded_in_batches_of_the_models_size() -> None:
    """Except where the check is about batches."""
    sizes = count()

    def fault(rows: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
        next(sizes)
        assert len(samples) <= len(EVERYTHING)
        return rows

    assert _report(fault).conforms
    assert next(sizes) > len(EVERYTHING)


def test_weights_that_bring_code_are_read_only_where_the_caller_allows_it() -> None:
    """As in a run: the permission is given with the call."""
    weights = Weights(repo="some/model", revision="0" * 40, path="model.bin", pickled=True)
    pickled = msgspec.structs.replace(mock_card("good"), weights=weights)
    with pytest.raises(UnavailableError, match="are a pickle"):
        check_adapter(pickled)
    assert check_adapter(pickled, allow_pickle=True).conforms
