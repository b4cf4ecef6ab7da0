"""Rows are said to come from the packages of the place where their model ran."""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import pytest

from pytest_matalign import card
from pytest_matalign.environments import provenance
from pytest_matalign.environments.provenance import packages_behind, packages_beneath


def test_a_model_that_runs_here_stands_on_what_is_installed_here() -> None:
    found = packages_beneath(card("composition"))
    assert found["numpy"] == version("numpy")
    assert found["torch"] == version("torch")
    assert list(found) == sorted(found)


def test_a_model_s_own_packages_are_those_its_card_requires() -> None:
    pytest.importorskip("sevenn")
    assert packages_behind(card("sevennet-0"))["sevenn"] == version("sevenn")


def test_a_model_in_an_environment_stands_on_what_is_installed_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not on the host's packages of the same names."""
    there = SimpleNamespace(packages={"mace-torch": "9.1", "torch": "0.0.1", "wheel": "1"})
    built = SimpleNamespace(name="mace", record=there)
    monkeypatch.setattr(provenance, "environment_of", lambda _: built)
    assert packages_beneath(card("mace-mp-0-small")) == {"mace-torch": "9.1", "torch": "0.0.1"}
