"""Models from outside the bundled zoo in a run of `pytest --matalign`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_matalign.zoo import catalogue
from pytest_matalign.zoo.catalogue import VARIABLE, Catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hosts import Host

CARD = """
family = "mine"
[[model]]
id = "mine-1"
name = "Mine"
modality = "descriptor"
inputs = ["atoms"]
role = "control"
control = "descriptor"
adapter = "pytest_matalign.testing.mocks"
options = { behaviour = "good", seed = 1 }
layer = "a random map"
pooling = "mean over atoms"
"""


@pytest.fixture(autouse=True)
def _zoo_read_afresh() -> Iterator[None]:
    """Cards are read once a process; the tests around these want the bundled ones."""
    read = catalogue.catalogue
    read.cache_clear()
    yield
    read.cache_clear()


def test_a_card_of_ones_own_stands_in_a_suite(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named by the environment variable, it is a model like any other."""
    (host.path / "mine.toml").write_text(CARD)
    monkeypatch.setenv(VARIABLE, str(host.path / "mine.toml"))
    suite = host.path / "mini" / "suite.toml"
    suite.write_text(suite.read_text().replace('"size"', '"mine-1"'))
    result = host.run("-v")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*composition--mine-1*PASSED*"])


def test_a_card_that_was_left_out_is_told_in_the_header(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the run goes on."""
    found = catalogue.catalogue()
    broken = Catalogue(found.cards, found.origins, {}, ("spring-model is wrong.",))
    monkeypatch.setattr(catalogue, "catalogue", lambda: broken)
    result = host.run()
    assert result.ret == 0
    result.stdout.fnmatch_lines(["matalign: spring-model is wrong."])
