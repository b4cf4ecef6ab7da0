"""Cards: what is in the zoo, and what a wrong card or a wrong id is told."""

from __future__ import annotations

import re
import subprocess
import sys

import msgspec
import pytest

from pytest_matalign.environments import loading
from pytest_matalign.errors import ConfigurationError, UnavailableError
from pytest_matalign.zoo import adapter, card_file, catalogue
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.weights.files import described_digest

CARD = """
family = "toy"

[defaults]
modality = "3d"
inputs = ["atoms"]
adapter = "chgnet"
layer = "last"
pooling = "mean"

[[model]]
id = "toy-1"
name = "Toy"
"""


def test_every_card_has_a_pair_safe_id() -> None:
    """Ids are lower case and hold no double hyphen, so that pairs can be joined with one."""
    for model_id in catalogue.cards():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", model_id)
        assert "--" not in model_id


def test_cards_come_in_the_order_of_files_and_tables() -> None:
    """The order never depends on the file system."""
    names = list(catalogue.cards())
    assert names.index("chgnet-0.3.0") < names.index("composition") < names.index("sevennet-0")
    assert names.index("sevennet-0") < names.index("sevennet-mf-0-pbe")


def test_what_has_been_loaded_says_where_its_weights_are() -> None:
    """A package, a repository of the hub, or a URL; what is not known is left out elsewhere."""
    for card in catalogue.cards().values():
        if card.role == "pretrained" and card.state != "declared":
            assert card.weights is not None, card.id
            assert card.weights.package or card.weights.repo or card.weights.url, card.id


def test_verified_models_state_digest_licence_and_size() -> None:
    """What was run here is known in full."""
    for card in catalogue.cards().values():
        if card.role == "pretrained" and card.state == "verified":
            assert card.weights is not None
            assert re.fullmatch(r"[0-9a-f]{64}", described_digest(card) or ""), card.id
            assert card.citation, card.id
            assert card.licence_code, card.id
            assert card.licence_weights, card.id
            assert card.parameters, card.id
            assert card.width, card.id


def test_relations_lead_to_cards() -> None:
    """`derived_from` and `supersedes` name cards of the zoo, and other ones."""
    for card in catalogue.cards().values():
        for other in (card.derived_from, card.supersedes):
            assert other is None or (other in catalogue.cards() and other != card.id), card.id


def test_a_card_merges_family_defaults_and_its_own_table() -> None:
    """The model's table wins over the defaults."""
    own = CARD + 'pooling = "sum"\n'
    (card,) = card_file.parse_cards(own, file="toy.toml")
    assert (card.family, card.modality, card.pooling) == ("toy", "3d", "sum")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("family = ", r"toy\.toml is not valid TOML"),
        ('family = "toy"\n[models]', r"toy\.toml: unknown key 'models'; valid keys are family"),
        ("[defaults]", r"toy\.toml: a card file begins with family"),
        (CARD + "colour = 1", r"toy\.toml: model 'toy-1': .*`colour`; valid: id, name, family"),
        (CARD + 'role = "star"', r"model 'toy-1': .*'star'.*; valid: pretrained, control"),
        (CARD + "width = 'wide'", r"model 'toy-1': Expected `int \| null`, got `str`.*width"),
        (CARD.replace("toy-1", "toy--1"), r"ids are lower-case letters.*two hyphens"),
        (CARD.replace("toy-1", "Toy"), r"model 'Toy': ids are lower-case"),
        (CARD + 'role = "control"', r"`control` is given exactly where role = 'control'"),
        (CARD + "[model.weights]\nfile = 'x'", r"model 'toy-1': .*`file`.*weights"),
    ],
)
def test_a_wrong_card_is_told_where_and_what(text: str, message: str) -> None:
    """One sentence names the file, the model, the key and what would be valid."""
    with pytest.raises(ConfigurationError, match=message):
        card_file.parse_cards(text, file="toy.toml")


def test_an_unknown_id_names_the_closest() -> None:
    """A typing error is answered with the ids it resembles."""
    with pytest.raises(ConfigurationError, match=r"'chgnet-0\.3'.*chgnet-0\.3\.0.*matalign zoo"):
        catalogue.card("chgnet-0.3")


def test_an_id_like_no_other_names_the_command() -> None:
    """Where nothing is close, the list of all is one command away."""
    with pytest.raises(
        ConfigurationError, match=r"no model 'qqqq' in the zoo; `matalign zoo list`"
    ):
        catalogue.card("qqqq")


def _lacking(*names: str) -> ModelCard:
    return msgspec.structs.replace(catalogue.card("chgnet-0.3.0"), requires=names)


def test_a_missing_package_is_named_with_its_cure() -> None:
    """The line is fit for a skip."""
    assert loading.unavailable(_lacking("no_such_package")) == (
        "no_such_package is not installed; pip install 'pytest-matalign[zoo]'"
    )
    assert loading.unavailable(_lacking("pytest")) is None


def test_loading_without_the_package_is_unavailable() -> None:
    """`load` raises what pytest turns into a skip."""
    with pytest.raises(UnavailableError, match=r"^chgnet-0\.3\.0: nothing_here is not installed"):
        loading.load(_lacking("nothing_here"))


def test_an_adapter_that_does_not_exist_is_named() -> None:
    """Both the bundled and the dotted form are explained."""
    card = msgspec.structs.replace(catalogue.card("composition"), adapter="compositoin")
    with pytest.raises(ConfigurationError, match=r"no adapter module .*compositoin"):
        adapter.adapter_version(card)


def test_a_dotted_adapter_is_a_module_of_its_own_distribution(
    tmp_path: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model package brings its own adapter."""
    (tmp_path / "vendor_zoo").mkdir()
    (tmp_path / "vendor_zoo" / "__init__.py").write_text("")
    (tmp_path / "vendor_zoo" / "adapter.py").write_text(
        "ADAPTER_VERSION = 7\ndef load(card):\n    return card.id\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    card = msgspec.structs.replace(
        catalogue.card("composition"), id="vendor", adapter="vendor_zoo.adapter"
    )
    assert adapter.adapter_version(card) == 7
    assert loading.load(card) == "vendor"


def test_an_adapter_without_a_version_is_refused() -> None:
    """The version is part of an embedding's identity."""
    card = msgspec.structs.replace(catalogue.card("composition"), adapter="pytest_matalign.errors")
    with pytest.raises(ConfigurationError, match="must define ADAPTER_VERSION"):
        adapter.adapter_version(card)


def test_cards_versions_and_availability_import_no_model_package() -> None:
    """Collection asks for all of them, and must stay fast."""
    code = (
        "import sys\n"
        "from pytest_matalign.environments import loading\n"
        "from pytest_matalign.zoo import adapter\n"
        "from pytest_matalign.zoo import card_file\n"
        "from pytest_matalign.zoo import catalogue\n"
        "for card in catalogue.cards().values():\n"
        "    loading.unavailable(card), adapter.adapter_version(card)\n"
        "heavy = {'torch', 'chgnet', 'sevenn', 'torch_geometric', 'rdkit', 'ase', 'dscribe',\n"
        "         'transformers', 'chemprop', 'torchani', 'diep', 'pymatgen', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
