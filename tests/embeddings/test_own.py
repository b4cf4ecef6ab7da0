"""Rows of a user's own samples: ids, atoms, layers, sums, tables, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

import pytest_matalign as pm
from pytest_matalign.cli.main import main
from pytest_matalign.embeddings.files import read_embedding
from pytest_matalign.errors import ConfigurationError, MatalignError, UnavailableError
from pytest_matalign.zoo.own_weights import of_file

FACTORY = """
import numpy as np
from ase.calculators.emt import EMT

def network():
    def embed(atoms):
        return np.stack([one.positions.mean(axis=0) for one in atoms])
    embed.embed_atoms = lambda atoms: [one.positions for one in atoms]
    embed.embed_layers = lambda atoms: {"first": [2 * one.positions for one in atoms]}
    embed.digest = "positions"
    embed.refuse = lambda atoms: "has gold" if "Au" in atoms.symbols else None
    return embed

def emt():
    return EMT()
"""
CRYSTALS = [bulk("NaCl", "rocksalt", 5.69), bulk("Si", "diamond", 5.46), bulk("Au", "fcc", 4.08)]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and a file, in which commands are called."""
    (tmp_path / "my_positions.py").write_text(FACTORY)
    for atoms in CRYSTALS:
        atoms.info = {"id": str(atoms.symbols)}
        write(tmp_path / "my.xyz", atoms, format="extxyz", append=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MATALIGN_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_three_lines_give_rows_with_their_ids(host: Path) -> None:
    rows = pm.embed("composition", "my.xyz")
    assert rows.ids == ("NaCl", "Si2", "Au")
    assert len(rows.vectors) == 3


def test_rows_of_atoms_of_layers_and_sums_agree_with_each_other(host: Path) -> None:
    """The mean of a sample's atoms is its row; what the model refuses is told."""
    mean = pm.embed("my_positions:network", "my.xyz")
    atoms = pm.embed("my_positions:network", "my.xyz", per="atom")
    layer = pm.embed("my_positions:network", "my.xyz", layer="first")
    total = pm.embed("my_positions:network", "my.xyz", pool="sum")
    assert mean.refused == atoms.refused == {"Au": "has gold"}
    assert atoms.ids == ("NaCl:0", "NaCl:1", "Si2:0", "Si2:1")
    assert mean.vectors == pytest.approx(atoms.vectors.reshape(2, 2, 3).mean(axis=1))
    assert layer.vectors == pytest.approx(2 * mean.vectors)
    assert total.vectors == pytest.approx(2 * mean.vectors)


def test_rows_are_read_from_the_store_the_second_time(host: Path) -> None:
    """Of each view apart."""
    assert pm.embed("my_positions:network", "my.xyz").origin == "computed"
    assert pm.embed("my_positions:network", "my.xyz", per="atom").origin == "computed"
    assert pm.embed("my_positions:network", "my.xyz").origin == "store"


def test_another_folder_and_another_process_run_the_same_code(host: Path) -> None:
    here = pm.embed("my_positions:network", "my.xyz", per="atom")
    there = pm.embed(f"my_positions:network@{host}", "my.xyz", per="atom", input="atoms")
    assert there.ids == here.ids
    assert there.vectors == pytest.approx(here.vectors)


@pytest.mark.parametrize("name", ["out.npz", "out.parquet"])
def test_a_written_table_is_read_again(host: Path, name: str) -> None:
    """With its ids, what made it, and the refused beside it; the gate can read it too."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    words = ["embed", "my_positions:network", "my.xyz", "--per", "atom", "-o", name]
    assert main(words) == 0
    assert (host / "out.refused.csv").read_text() == "id,reason\nAu,has gold\n"
    expected = pm.embed("my_positions:network", "my.xyz", per="atom")
    found = read_embedding(host / name, model="x", split="any", ids=expected.ids)
    assert found.digest == expected.digest
    assert main(["embed", "composition", "my.xyz", "-o", name]) == 0
    assert not (host / "out.refused.csv").exists()
    if name.endswith("npz"):
        assert json.loads(str(np.load(host / name)["about"]))["model"] == "composition"


@pytest.mark.parametrize(
    ("model", "given", "sentence"),
    [
        ("composition", {"per": "atom"}, "gives a mean per sample and no features"),
        ("composition", {"per": "atom", "pool": "sum"}, "A row per atom is not pooled"),
        ("my_positions:network", {"layer": "last"}, "has no layer 'last'; it has first"),
        ("my_positions:emt", {}, "gives energies and forces, and no rows"),
        ("mace:absent.model", {}, "there is no file or folder"),
        ("ani:my.xyz", {}, "no adapter reads checkpoint files of 'ani'"),
        ("no-such-model", {}, "There is no model 'no-such-model' in the zoo"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_sentence(
    host: Path, model: str, given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(MatalignError, match=sentence):
        pm.embed(model, "my.xyz", **given)


def test_a_factory_must_know_which_of_several_forms_it_reads(host: Path) -> None:
    (host / "a.pdb").write_text(
        "\n".join(
            f"ATOM      1  {name:<3s} GLY A   1    {x:8.3f}{0:8.3f}{0:8.3f}"
            for x, name in enumerate(("N", "CA", "C", "O"))
        )
    )
    with pytest.raises(ConfigurationError, match="needs to know what it reads"):
        pm.embed("my_positions:network", "a.pdb")


def test_a_checkpoint_file_is_its_familys_model_with_nothing_known_of_another(host: Path) -> None:
    """A file of weights that can run code is refused unless it is allowed."""
    (host / "mine.model").write_bytes(b"")
    card = of_file("mace:mine.model", root=host)
    assert card is not None
    assert (card.id, card.adapter, card.environment) == ("mace-mine.model", "mace", "mace")
    assert (card.energies, card.elements, card.width) == ((), None, None)
    assert card.weights is not None
    assert card.weights.pickled


@pytest.mark.zoo
def test_own_weights_of_sevennet_are_read(host: Path) -> None:
    """A copy of the checkpoint in the package gives the rows of the model of the zoo."""
    sevenn = pytest.importorskip("sevenn")
    inside = "pretrained_potentials/SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth"
    (host / "mine.pth").write_bytes((Path(sevenn.__file__).parent / inside).read_bytes())
    with pytest.raises(UnavailableError, match="are a pickle"):
        pm.embed("sevennet:mine.pth", "my.xyz")
    mine = pm.embed("sevennet:mine.pth", "my.xyz", allow_pickle=True)
    assert mine.vectors == pytest.approx(pm.embed("sevennet-0", "my.xyz").vectors, abs=1e-5)
