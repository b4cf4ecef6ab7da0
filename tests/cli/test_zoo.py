"""`matalign zoo list`: what is listed, shown and checked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from pytest_matalign.cli import zoo as command
from pytest_matalign.environments import loading
from pytest_matalign.environments.loading import Place
from pytest_matalign.testing import mock_card
from pytest_matalign.testing.survey import Survey
from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.card import ModelCard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Say = "Callable[..., tuple[int, str, str]]"


def test_the_list_has_every_model_and_fits_a_terminal(matalign: Say) -> None:
    """Eighty columns, each model once, the families as headings."""
    status, text, _ = matalign("zoo", "list")
    lines = text.splitlines()
    assert status == 0
    assert max(map(len, lines)) <= 80
    names = [line.split()[0] for line in lines if line.startswith("  ") and line[2] != " "]
    assert sorted(names) == sorted(catalogue.cards())
    assert "sevennet" in lines
    assert f"{len(names)} models: " in text


@pytest.mark.parametrize(
    ("filters", "fits"),
    [
        (("--family", "chgnet"), lambda card: card.family == "chgnet"),
        (("--modality", "string"), lambda card: card.modality == "string"),
        (("--state", "declared"), lambda card: card.state == "declared"),
        (("--paper",), lambda card: card.paper is not None),
        (
            ("--family", "control", "--family", "ani", "--modality", "3d"),
            lambda card: card.family in ("control", "ani") and card.modality == "3d",
        ),
    ],
)
def test_filters_leave_what_fits(
    matalign: Say, filters: tuple[str, ...], fits: Callable[[ModelCard], bool]
) -> None:
    """All of them have to."""
    _, text, _ = matalign("zoo", "list", "--json", *filters)
    expected = [one.id for one in catalogue.cards().values() if fits(one)]
    assert [one["id"] for one in json.loads(text)] == expected
    assert expected


def test_available_models_are_those_that_run_here(matalign: Say) -> None:
    """Controls always do."""
    _, text, _ = matalign("zoo", "list", "--json", "--available")
    found = json.loads(text)
    assert "composition" in [one["id"] for one in found]
    assert {one["runs"]["place"] for one in found} <= {"here", "environment"}


def test_a_filter_that_leaves_nothing_says_so(matalign: Say) -> None:
    """Instead of an empty table."""
    _, text, _ = matalign("zoo", "list", "--family", "control", "--modality", "string")
    assert text == "No model fits.\n"


def test_an_unknown_family_is_told_which_there_are(matalign: Say) -> None:
    """As an error, because nothing would ever fit."""
    status, _, error = matalign("zoo", "list", "--family", "sevenet")
    assert status == 2
    assert "There is no family 'sevenet'; there are admet-ai," in error


def test_a_long_id_breaks_the_line_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns stay in place, and ids stay whole to be copied."""
    cards = [
        mock_card("good"),
        mock_card("good", model_id="a-model-of-a-very-long-name" + "g" * 50),
    ]
    monkeypatch.setattr(loading, "place_of", lambda _: Place("environment", "ligandmpnn"))
    _, short, name, rest, *_ = command.table(cards)
    assert name == f"  {cards[1].id}"
    assert rest.strip() == short.split(maxsplit=1)[1]
    assert short.index("descriptor") == rest.index("descriptor")
    assert len(short) <= 80


@pytest.mark.parametrize(
    ("where", "word"),
    [
        (Place("here"), "here"),
        (Place("environment", "mace"), "env mace"),
        (Place("not built", "mace", "no"), "(mace)"),
        (Place("nowhere", None, "no"), "-"),
    ],
)
def test_where_a_model_runs_in_a_word(where: Place, word: str) -> None:
    """Here, in an environment, in one that could be built, nowhere."""
    assert str(where) == word


def test_a_model_without_its_packages_can_be_run_after_building_an_environment() -> None:
    """Or not at all, where its card names none."""
    card = msgspec.structs.replace(mock_card("good"), requires=("no_such_package",))
    assert loading.place_of(card).kind == "nowhere"
    some = next(iter(_environments()))
    built = loading.place_of(msgspec.structs.replace(card, environment=some))
    assert (built.kind, built.environment) == ("not built", some)


def _environments() -> list[str]:
    from pytest_matalign.environments.spec import spec_files

    return sorted(spec_files())


def test_a_card_is_shown_whole(matalign: Say) -> None:
    """Licences, weights, relations either way, and where it runs."""
    _, text, _ = matalign("zoo", "show", "chgnet-0.3.0")
    for line in (
        "family            chgnet",
        "licence weights ",
        "weights, sha256 ",
        "source of         chgnet-untrained",
        "card from         pytest-matalign",
        "runs ",
    ):
        assert f"\n{line}" in text, line
    assert all(len(line) <= 80 or "  " not in line.strip() for line in text.splitlines()[:20])


def test_a_card_as_json_is_the_card(matalign: Say) -> None:
    """With where it runs and where it came from beside."""
    _, text, _ = matalign("zoo", "show", "composition", "--json")
    found = json.loads(text)
    assert found.pop("runs") == {"place": "here", "environment": None, "why": None}
    assert found.pop("from") == "pytest-matalign"
    assert msgspec.convert(found, ModelCard) == catalogue.card("composition")


def test_an_unknown_model_is_answered_with_the_closest(matalign: Say) -> None:
    """One line, status 2."""
    status, _, error = matalign("zoo", "show", "composition2")
    assert status == 2
    assert "the closest are composition" in error


@pytest.mark.parametrize("action", ["show", "check"])
def test_an_action_takes_no_filter_that_it_would_ignore(matalign: Say, action: str) -> None:
    """A card is shown by its id; models to check are named or filtered."""
    status, text, error = matalign("zoo", action, "size", "--family", "control")
    assert (status, text) == (2, "")
    assert error.startswith("matalign: ")
    assert len(error.splitlines()) == 1


def test_two_models_are_not_shown_at_once(matalign: Say) -> None:
    """One line, status 2."""
    status, _, error = matalign("zoo", "show", "size", "random")
    assert status == 2
    assert "unexpected extra argument (random)" in error


def test_check_reports_and_conforming_models_leave_with_zero(matalign: Say) -> None:
    """One block of lines a model."""
    status, text, _ = matalign("zoo", "check", "composition", "morgan")
    assert status == 0
    assert "composition conforms: " in text
    assert "morgan conforms: " in text


def test_check_as_json_reads_back(matalign: Say) -> None:
    """What the docs' page is made from."""
    _, text, error = matalign("zoo", "check", "dipeptide", "--json")
    found = msgspec.json.decode(text, type=Survey)
    assert [report.model for report in found.reports] == ["dipeptide"]
    assert found.conforms
    assert error == "dipeptide\n"


def test_check_leaves_with_one_if_a_model_does_not_conform(
    matalign: Say, own_card: Callable[[ModelCard], None]
) -> None:
    """A CI can gate on it."""
    own_card(mock_card("nan"))
    status, text, _ = matalign("zoo", "check", "mock-nan-0")
    assert status == 1
    assert "mock-nan-0 DOES NOT CONFORM: 1 failed" in text


def test_check_says_why_a_model_was_not_checked(
    matalign: Say, own_card: Callable[[ModelCard], None]
) -> None:
    """It is neither a pass nor a failure."""
    own_card(msgspec.structs.replace(mock_card("good"), requires=("no_such_package",)))
    status, text, error = matalign("zoo", "check", "mock-good-0")
    assert (status, text) == (0, "")
    assert error.startswith("mock-good-0 was not checked: ")
    assert "no_such_package is not installed" in error


def test_pin_without_a_model_asks_for_one(matalign: Say) -> None:
    """Pinning everything would ask the hub a hundred questions."""
    status, _, error = matalign("zoo", "pin")
    assert status == 2
    assert error.startswith("matalign: Missing argument 'MODELS...'")


def test_cards_left_out_are_told_on_stderr(matalign: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list itself stays clean."""
    found = catalogue.catalogue()
    broken = catalogue.Catalogue(found.cards, found.origins, {}, ("spring-model is wrong.",))
    monkeypatch.setattr(catalogue, "catalogue", lambda: broken)
    status, _, error = matalign("zoo", "list", "--family", "control")
    assert (status, error) == (0, "matalign: spring-model is wrong.\n")


@pytest.fixture
def own_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModelCard], None]:
    """Put a card into the zoo for one test."""

    def add(card: ModelCard) -> None:
        found = catalogue.catalogue()
        more = replace(
            found,
            cards={**found.cards, card.id: card},
            origins={**found.origins, card.id: "the test"},
        )
        monkeypatch.setattr(catalogue, "catalogue", lambda: more)

    return add
