"""The study: verdicts by rule, reports that hold what they say, runs on controls alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_matalign import metric_spec
from pytest_matalign.analysis.convergence import convergence
from pytest_matalign.analysis.correlation import RankCorrelation
from pytest_matalign.analysis.facts import ModelFacts
from pytest_matalign.analysis.interval import Interval
from pytest_matalign.analysis.pairs import pair_table
from pytest_matalign.cli.main import main
from pytest_matalign.cli.study import NAMES
from pytest_matalign.embeddings.store import Store
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.study.claims.convergence import _convergence_claim
from pytest_matalign.study.context import Study
from pytest_matalign.study.figures import heatmap
from pytest_matalign.study.obtain import Embeddings
from pytest_matalign.study.plan import Plan, graded, paper_plan
from pytest_matalign.study.prepare import longest_first, prepare
from pytest_matalign.study.report import (
    Claim,
    Report,
    Section,
    Table,
    html,
    markdown,
    paragraphs,
    tally,
    write_report,
)
from pytest_matalign.study.run import SECTIONS, inventory, make_section, run_study
from pytest_matalign.study.verdict import of_correlation, of_signs, steady
from pytest_matalign.zoo.catalogue import cards

pytestmark = pytest.mark.slow

UP = Interval(value=0.2, low=0.1, high=0.3)
DOWN = UP.negated()
WIDE = Interval(value=0.1, low=-0.1, high=0.3)


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([UP, UP], "reproduced"),
        ([UP, WIDE], "undecided"),
        ([UP, DOWN], "not reproduced"),
        ([WIDE], "undecided"),
        ([], "not testable here"),
    ],
)
def test_signs_decide(differences, verdict):
    """All sure, one opposite, one unsure, none."""
    assert of_signs(differences) == verdict


@pytest.mark.parametrize(
    ("values", "p", "verdict"),
    [
        ((-0.8, -0.9, (-0.7, -0.5)), 0.01, "reproduced"),
        ((-0.8, -0.9, (-0.7, -0.5)), 0.2, "undecided"),
        ((-0.8, -0.9, (-0.7, 0.1)), 0.01, "undecided"),
        ((-0.8, 0.2, (-0.7, -0.5)), 0.01, "undecided"),
        ((0.8, 0.9, (0.7, 0.5)), 0.01, "not reproduced"),
        ((-0.8, None, (-0.7, -0.5)), None, "undecided"),
    ],
)
def test_a_correlation_is_judged_by_families(values, p, verdict):
    """A permutation over them, and a sign that none of them decides."""
    value, family_value, without = values
    found = RankCorrelation(
        value=value,
        family_value=family_value,
        p_value=p,
        without=dict(zip("ab", without, strict=True)),
        models=6,
        families=5,
    )
    assert of_correlation(found) == verdict
    assert of_correlation(None) == "not testable here"


def test_a_convergence_claim_tells_its_numbers_and_is_judged_by_unrelated_models():
    """By energies where there are any; with too few models it is not testable."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(100, 6))
    views = {f"m{i}": truth + 0.3 * i * rng.normal(size=(100, 6)) for i in range(1, 9)}
    facts = {
        m: ModelFacts(id=m, family=m, corpus="c", modality="3d", kind="invariant") for m in views
    }
    errors = {m: 0.1 * i for i, m in enumerate(views)}
    table = pair_table(views, metric_spec("cknna", k=10), split="s")
    found = {"s, energy, unrelated, partial": convergence(table, errors, facts)}
    claim = _convergence_claim("c", "better aligns more", found, "s")
    assert claim.verdict == "reproduced"
    assert "energy, unrelated, partial: rho -" in claim.numbers
    few = dict(list(errors.items())[:3])
    found = {"s, energy, unrelated, partial": convergence(table, few, facts)}
    assert _convergence_claim("c", "b", found, "s").verdict == "not testable here"


def test_a_sign_that_hangs_on_one_family_is_told():
    """Two families agree closely in one table only; without either of them the sign turns."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(80, 4))
    facts = {
        m: ModelFacts(id=m, family=m, corpus="c", modality="3d", kind="invariant") for m in "abc"
    }
    spec = metric_spec("linear_cka")
    views = {m: z + w * rng.normal(size=(80, 4)) for m, w in zip("abc", (0.1, 0.1, 6), strict=True)}
    other = {m: z + w * rng.normal(size=(80, 4)) for m, w in zip("abc", (1, 1, 1), strict=True)}
    one, two = (pair_table(v, spec, split="s") for v in (views, other))
    assert steady(one, one.only("abc"), facts)[1] == {"a": 0.0, "b": 0.0, "c": 0.0}
    kept, without = steady(one, two, facts)
    assert without["c"] > 0 > without["a"]
    assert not kept


CLAIM = Claim(id="c", statement="a | b", verdict="undecided", numbers="<1>", caveat="few")


@pytest.fixture
def report():
    picture = heatmap(np.eye(4), list("abcd"), name="map", caption="A map")
    table = Table(caption="T", head=["x"], rows=[["1|2"]])
    section = Section(
        id="s",
        title="S",
        text="One\nline.\n\nTwo.",
        tables=[table],
        figures=[picture],
        claims=[CLAIM],
    )
    return Report(title="R", preface="First.\n\nSecond.", sections=(section,))


def test_markdown_escapes_pipes_and_names_figures(report):
    """A pipe in a cell would be a column; figures are files beside the text."""
    text = markdown(report)
    assert "a \\| b" in text
    assert "1\\|2" in text
    assert "![A map](map.svg)" in text
    assert "1 undecided." in text


def test_html_holds_everything_and_escapes(report):
    """One file: pictures inside, nothing from a network, text escaped."""
    text = html(report)
    assert "data:image/svg+xml;base64,PD94" in text
    assert "&lt;1&gt;" in text
    assert "http" not in text
    assert '<td class="undecided">' in text.replace("\n", "")


def test_report_is_written_with_its_figures(report, tmp_path):
    """What the text names exists."""
    written = write_report(report, tmp_path / "out")
    assert {path.name for path in written} == {
        "report.md",
        "report.html",
        "claims.json",
        "map.svg",
    }
    assert all(path.stat().st_size > 100 for path in written)


def test_claims_are_written_for_machines_too(report, tmp_path):
    """Each with its verdict, what would change it, and the command that judges it again."""
    write_report(report, tmp_path)
    (claim,) = json.loads((tmp_path / "claims.json").read_text())
    assert claim["verdict"] == "undecided"
    assert claim["command"] == "matalign study s"
    assert set(claim) == {*CLAIM.__dataclass_fields__, "command"}


def test_text_of_figures_is_text(report):
    """It can be searched and copied, and the same numbers give the same file."""
    (figure,) = report.sections[0].figures
    assert ">b</text>" in figure.svg
    again = heatmap(np.eye(4), list("abcd"), name="map", caption="A map")
    assert again.svg == figure.svg


def test_paragraphs_and_tally():
    """Line breaks within a paragraph go; verdicts that do not occur are not counted."""
    assert paragraphs("\na\nb\n\n c\n") == ["a b", "c"]
    assert tally([CLAIM, CLAIM]) == "2 undecided"


def test_every_section_can_be_asked_for_by_name():
    """The command line and the study agree on the names."""
    assert ("paper", *SECTIONS) == NAMES


def test_unknown_study_is_refused(tmp_path):
    """The message names those there are."""
    with pytest.raises(ConfigurationError, match="paper, regimes"):
        run_study("dreams", store=tmp_path, out=tmp_path, plan=paper_plan(cards()))


def test_plan_has_a_size_for_every_split_any_section_needs():
    """And never more than the large size asked for."""
    plan = paper_plan(cards(), samples=60)
    for _, splits in SECTIONS.values():
        assert {plan.split(split).samples for split in splits} == {60}
    assert plan.split(graded("rattle", 0.5)).id == "mp-crystals@rattle=0.5"


@pytest.fixture
def study(tmp_path):
    sizes = {"mp-crystals": 60, "qm9": 100, "pdb-chains": 60}
    plan = Plan(models=("composition", "size", "random", "dipeptide"), sizes=sizes)
    return Study(Embeddings(cards=cards(), store=Store(tmp_path)), plan)


def test_study_takes_embeddings_of_models_that_read_the_split(study):
    """A sequence descriptor has no place among crystals and is not even asked."""
    data = study.data("mp-crystals")
    assert set(data.embeddings) == {"composition", "size", "random"}
    assert not data.left_out
    assert set(study.data("pdb-chains").embeddings) == {
        "composition",
        "size",
        "random",
        "dipeptide",
    }


def test_controls_alone_show_no_structure(study):
    """Composition explains itself and nothing random; random features align at chance."""
    data = study.data("qm9")
    assert data.crossfit.explained(data.embeddings["composition"]).low > 0.8
    assert data.crossfit.explained(data.embeddings["random"]).value < 0.1
    table = study.table(data, "linear_cka")
    assert abs(table.pair("random", "composition").value) < 0.1


def test_tables_are_made_once_and_labels_read(study):
    """The same table for the same question; missing labels are NaN."""
    data = study.data("mp-crystals")
    assert study.table(data, "cknna") is study.table(data, "cknna")
    assert np.isfinite(data.labels("formation_energy_eV")).all()
    assert np.isnan(data.labels("no such label")).all()
    assert data.first(10).n == 10
    assert data.where({data.ids[3]}).ids == (data.ids[3],)


def test_inventory_names_models_and_splits(study):
    """Who took part, on how many samples."""
    section = inventory(study, ("mp-crystals",))
    assert [row[0] for row in section.tables[0].rows] == ["composition", "size", "random"]
    assert section.tables[1].rows[0][:2] == ["mp-crystals", 60]


def test_too_few_common_samples_are_refused(tmp_path):
    """The message says how to get more."""
    plan = Plan(models=("composition",), sizes={"qm9": 10})
    study = Study(Embeddings(cards=cards(), store=Store(tmp_path)), plan)
    with pytest.raises(ConfigurationError, match="--samples"):
        study.data("qm9")


def test_workers_fill_the_store_the_study_reads(tmp_path):
    """What a worker embeds is found; splits a model does not read are passed over."""
    plan = Plan(models=("random", "dipeptide"), sizes={"qm9": 50, "pdb-chains": 50})
    for model in plan.models:
        prepare(
            model, plan=plan, splits=("qm9", "pdb-chains"), sections=("modality",), root=tmp_path
        )
    source = Embeddings(cards=cards(), store=Store(tmp_path))
    assert source.embedding("random", plan.split("qm9")).origin == "store"
    assert source.embedding("dipeptide", plan.split("pdb-chains")).origin == "store"


def test_the_longest_work_begins_first():
    """Potentials before anything else, large before small."""
    ordered = longest_first(["composition", "chgnet-0.3.0", "sevennet-l3i5"], cards())
    assert ordered == ["sevennet-l3i5", "chgnet-0.3.0", "composition"]


def test_a_section_without_models_says_so_and_the_rest_goes_on(tmp_path):
    """No potential is at hand: the section has its reason for a text, and no claims."""
    plan = Plan(models=("composition", "size", "random"), sizes={"mp-crystals": 60, "qm9": 60})
    section = make_section("selection", plan, tmp_path)
    assert "Could not be made here" in section.text
    assert section.claims == ()


def test_command_line_knows_the_study(capsys):
    """`matalign study --help` lists the studies."""
    assert main(["study", "--help"]) == 0
    assert "convergence" in capsys.readouterr().out
