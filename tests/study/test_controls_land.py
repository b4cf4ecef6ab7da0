"""Controls in every analysis: untrained, random and composition-only land where they must."""

from __future__ import annotations

import numpy as np
import pytest

from planted import planted_families
from pytest_matalign import load_split, metric_spec
from pytest_matalign.analysis.convergence import convergence
from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out, side_by_side
from pytest_matalign.analysis.probes import advantage, probe
from pytest_matalign.analysis.tree import evolutionary_tree, profile_distances
from pytest_matalign.environments.loading import load, unavailable
from pytest_matalign.study.measures.atoms import atom_covariates, draw_atoms
from pytest_matalign.study.measures.dimension import dimensions
from pytest_matalign.study.measures.drivers import drivers
from pytest_matalign.study.measures.graded import response
from pytest_matalign.study.measures.modality import across_families, cross_modality
from pytest_matalign.study.measures.regimes import place_models
from pytest_matalign.study.measures.selection import most_distinct, stand_ins
from pytest_matalign.study.measures.sensitivity import survivors, vary
from pytest_matalign.zoo.catalogue import card

pytestmark = pytest.mark.slow

N = 300
CHANCE = 10 / (N - 1)
SPEC = metric_spec("cknna", k=10)
BLIND = ("composition", "size", "untrained")
"""Controls that see composition and size and nothing else."""
CONTROLS = (*BLIND, "random")


class Zoo:
    """Planted families with an untrained network of composition and size beside them."""

    def __init__(self):
        planted = planted_families(N, seed=5)
        rng = np.random.default_rng(0)
        seen = side_by_side(planted.covariates)
        net = np.tanh(seen @ rng.normal(size=(seen.shape[1], 64)))
        self.embeddings = {**planted.embeddings, "untrained": net}
        self.facts = {**planted.facts, "untrained": _fact("untrained", "north", "untrained")}
        self.trained = [m for m, one in self.facts.items() if one.pretrained]
        self.planted = planted
        self.table = pair_table(self.embeddings, SPEC, split="planted")


def _fact(name, family, control=None):
    return ModelFacts(
        id=name, family=family, corpus="none", modality="3d", kind="invariant", control=control
    )


@pytest.fixture(scope="module")
def zoo():
    return Zoo()


@pytest.fixture(scope="module")
def residual_label(zoo):
    return CrossFit(zoo.planted.covariates).label_residuals(zoo.planted.labels)[1]


def test_alignment_random_at_chance_with_all(zoo):
    """Whatever a model is, random features share only chance with it."""
    for model in zoo.embeddings:
        if model != "random":
            assert zoo.table.pair("random", model).value == pytest.approx(CHANCE, abs=0.03)


def test_alignment_with_composition_taken_off_the_blind_at_chance(zoo):
    """Nothing is left of controls that see composition only, and so nothing is shared."""
    left = project_out(zoo.embeddings, CrossFit(zoo.planted.covariates))
    table = pair_table({m: left[m] for m in (*zoo.trained, "untrained")}, SPEC, split="planted")
    for model in ("north-large", "south-large", "hermit-large"):
        assert table.pair("untrained", model).value == pytest.approx(CHANCE, abs=0.04)


def test_regimes_blind_controls_collapsed_random_unshared(zoo):
    """No control is aligned and accurate."""
    found = place_models(
        zoo.embeddings,
        zoo.facts,
        covariates=zoo.planted.covariates,
        labels=zoo.planted.labels,
        errors=zoo.planted.errors,
        spec=SPEC,
        split="planted",
        controls=CONTROLS,
    )
    regime = {one.model: one.regime for one in found}
    assert {regime[m] for m in BLIND} == {"collapsed"}
    assert regime["random"] == "unshared"
    assert {m: regime[m] for m in zoo.trained} == {m: zoo.planted.truth[m] for m in zoo.trained}


@pytest.mark.parametrize(
    ("split", "label", "models"),
    [("qm9", "gap_Ha", ("morgan", "rdkit-descriptors"))],
)
@pytest.mark.parametrize("n", [100, 200, 300])
def test_regimes_on_a_bundled_split(split, label, models, n):
    """Real compositions and sizes are collapsed there, at every n, whatever the reference."""
    for model in models:
        if reason := unavailable(card(model)):
            pytest.skip(reason)
    samples = load_split(split, samples=n).samples
    names = ("composition", "size", "random", *models)
    embeddings = {m: load(card(m)).embed(samples).astype(np.float64) for m in names}
    # Descriptors take the place of models, as the references that the controls are placed by.
    facts = {m: _fact(m, m, None if m in models else m) for m in names}
    found = place_models(
        embeddings,
        facts,
        covariates=side_by_side(embeddings["composition"], embeddings["size"]),
        labels=np.array([sample.labels[label] for sample in samples]),
        errors=dict(zip(models, (0.1, 0.2), strict=True)),
        spec=SPEC,
        split=split,
        controls=("composition", "size", "random"),
    )
    regime = {one.model: one.regime for one in found}
    assert regime["composition"] == regime["size"] == "collapsed"
    assert regime["random"] == "unshared"


def test_plane_random_is_orthogonal_to_all(zoo):
    """Neither direction tells anything."""
    table = pair_table(zoo.embeddings, metric_spec("information_imbalance"), split="planted")
    random, *others = (table.models.index(m) for m in ("random", *zoo.trained, "composition"))
    assert table.values[random, others].min() > 0.75
    assert table.values[others, random].min() > 0.75


def test_probes_controls_read_off_nothing_beyond_composition(zoo, residual_label):
    """The label's part beyond composition is read by models with the structure, by no control."""
    taken = {m: probe(x, residual_label) for m, x in zoo.embeddings.items()}
    for control in CONTROLS:
        assert taken[control].score.value < 0.05
        assert advantage(taken["north-large"], taken[control]).low > 0.3


def test_convergence_worse_probes_of_controls_go_with_less_alignment(zoo, residual_label):
    """Scored beside the models, controls are at the low end of both."""
    errors = {m: 1 - probe(x, residual_label).score.value for m, x in zoo.embeddings.items()}
    found = convergence(zoo.table, errors, zoo.facts)
    assert found.reference not in CONTROLS
    by = dict(zip(found.models, found.alignments, strict=True))
    best = max(value for model, value in by.items() if model in zoo.trained)
    assert all(by[m] < best - 0.1 for m in CONTROLS if m in by)


def test_dimension_of_random_features_is_the_highest(zoo):
    """Noise fills its space, models do not."""
    # Size alone has too few different rows to have a dimension.
    varied = {m: x for m, x in zoo.embeddings.items() if m != "size"}
    found = dimensions(varied)
    assert max(found, key=lambda m: found[m].value) == "random"


def test_tree_families_stand_without_controls_in_them(zoo):
    """A control never breaks into a family, and random features join nobody surely."""
    tree = evolutionary_tree(zoo.embeddings, SPEC, resamples=20)
    for family in ("north", "south", "hermit"):
        members = [m for m in zoo.trained if zoo.facts[m].family == family]
        for control in CONTROLS:
            assert tree.holds([*members[:1], control]) is None


def test_drivers_controls_of_one_family_are_no_family(zoo):
    """Called one family, composition, size and random explain no more than random groups do."""
    chosen = [*zoo.trained, "composition", "size", "random"]
    labels = ("x", "y", "z", "x", "y", "z", "x", "y", "x", "y", "z")
    facts = {m: _fact(m, label) for m, label in zip(chosen, labels, strict=True)}
    distances = profile_distances(zoo.table.only(chosen).values)
    (family,) = drivers(distances, chosen, facts, factors=("family",))
    assert family.p_value > 0.05


def test_modalities_count_no_control(zoo):
    """Means over modalities are of pretrained models only."""
    assert not {m for pair in across_families(list(zoo.embeddings), zoo.facts) for m in pair} & set(
        CONTROLS
    )
    assert {(one.a, one.b) for one in cross_modality(zoo.table, zoo.facts)} == {("3d", "3d")}


def test_sensitivity_no_centred_choice_puts_a_control_first(zoo):
    """The nearest to a converged model is never a control, whatever k, n, half or scaling."""
    models = list(zoo.embeddings)
    row = models.index("north-large")
    relatives = {models.index(m) for m in ("north-small", "south-large", "south-small")}

    def nearest_is_no_control(matrix):
        order = [i for i in matrix[row].argsort()[::-1] if i != row]
        return order[0] in relatives

    found = vary(
        zoo.embeddings,
        SPEC,
        [("nearest", nearest_is_no_control)],
        ks=(5, 25),
        sizes=(150,),
        preprocesses=("center-l2", "center"),
    )
    assert survivors(found)["nearest"] == (len(found), len(found))


def test_selection_no_control_stands_in_and_random_is_most_distinct(zoo):
    """Free as they are, controls are no substitute; for diversity alone noise wins."""
    cost = dict.fromkeys(CONTROLS, 0.0)
    found = set(stand_ins(zoo.table, "north-large", cost, margin=0.1))
    assert not found & set(CONTROLS)
    assert "random" in most_distinct(zoo.table, 3)


def test_graded_the_blind_do_not_move_and_noise_moves_wholly():
    """Rattled crystals: composition stays, random features are those of another sample."""
    here, there = (
        load_split(split, samples=60).samples for split in ("mp-crystals", "mp-crystals@rattle=0.2")
    )
    for model, low, high in (("composition", -1e-9, 1e-9), ("random", 0.8, 1.2)):
        loaded = load(card(model))
        moved = response(*(loaded.embed(s).astype(np.float64) for s in (here, there)))
        assert low <= moved.value <= high


def test_atoms_element_control_is_wholly_projected_out():
    """An embedding of the atom's element and composition shares nothing once both are taken off."""
    rng = np.random.default_rng(0)
    counts = rng.integers(2, 9, size=80)
    numbers = [rng.integers(1, 9, size=count) for count in counts]
    structure = side_by_side(rng.normal(size=(80, 3)))
    rows = draw_atoms(list(counts), most=4)
    covariates = atom_covariates(numbers, rows, structure)
    hidden = rng.normal(size=(len(covariates), 4))
    width = covariates.shape[1]
    blind = np.tanh(covariates @ rng.normal(size=(width, 32)))
    spaces = {
        "one": np.hstack([blind, hidden]),
        "two": np.hstack([covariates, hidden @ rng.normal(size=(4, 8))]),
        "untrained": blind,
        "random": rng.normal(size=(len(covariates), 32)),
    }
    fit = CrossFit(covariates, clusters=rows.structure)
    table = pair_table(project_out(spaces, fit), SPEC, split="s", clusters=rows.structure)
    chance = 10 / (table.n - 1)
    assert table.pair("one", "two").low > 0.3
    for control in ("untrained", "random"):
        assert table.pair(control, "two").value == pytest.approx(chance, abs=0.06)
