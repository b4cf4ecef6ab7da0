"""A split loads whole or not at all, and every fault is named with its place and remedy."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from pytest_matalign import load_split
from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.card import CARDS
from pytest_matalign.splits.sample import Sample
from pytest_matalign.splits.split import Split

FRAME = """2
id=co Properties=species:S:1:pos:R:3 smiles="[C-]#[O+]" gap_eV=11.0 note="a b" pbc="F F F"
C 0.0 0.0 0.0
O 0.0 0.0 1.13
"""


class Folder:
    """A folder in which a test writes a split of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def split(
        self, reader: str, inputs: str, content: str | bytes, more: str = "", name: str = "data.txt"
    ) -> Path:
        data = self.path / name
        data.write_bytes(content if isinstance(content, bytes) else content.encode())
        card = self.path / "split.toml"
        card.write_text(
            'id = "mine"\ntitle = "Mine"\ndomain = "molecules"\nrole = "in-distribution"\n'
            f'inputs = {inputs}\nreader = "{reader}"\nfile = "{name}"\n'
            f'licence = "CC0-1.0"\nprovenance = "made up"\n{more}'
        )
        return card

    def says(
        self, reader: str, inputs: str, content: str | bytes, more: str = "", name: str = "data.txt"
    ) -> str:
        card = self.split(reader, inputs, content, more, name)
        with pytest.raises(ConfigurationError) as caught:
            load_split(card)
        message = str(caught.value)
        assert "\n" not in message
        return message.replace(str(self.path), "")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_structures_of_ones_own(folder: Folder) -> None:
    """Extended XYZ with SMILES, labels with units, and text labels."""
    labels = (
        '[labels.gap_eV]\nunit = "eV"\nmeaning = "gap"\n'
        '[labels.note]\nunit = "text"\nmeaning = "a remark"\n'
    )
    split = load_split(folder.split("extxyz", '["atoms", "smiles"]', FRAME, labels))
    (sample,) = split.samples
    assert (sample.id, sample.smiles) == ("co", "[C-]#[O+]")
    assert sample.labels == {"gap_eV": 11.0, "note": "a b"}
    assert sample.atoms is not None
    assert sample.atoms.get_distance(0, 1) == pytest.approx(1.13)


def test_a_path_may_be_text_or_path(folder: Folder) -> None:
    """Both reach the same split."""
    card = folder.split("extxyz", '["atoms"]', FRAME)
    assert load_split(str(card)).fingerprint == load_split(card).fingerprint


def test_a_file_written_by_ase_is_read(folder: Folder) -> None:
    """Cells, further columns and structures without ids, numbered from 1."""
    from ase.io import write

    first = Atoms("NaCl", positions=[[0, 0, 0], [2.8, 0, 0]], cell=[5.6, 5.6, 5.6], pbc=True)
    second = Atoms("H2O", positions=[[0, 0, 0], [0, 0, 1], [1, 0, 0]])
    first.arrays["forces"] = np.ones((2, 3))
    write(folder.path / "ase.extxyz", [first, second])
    content = (folder.path / "ase.extxyz").read_text()
    split = load_split(folder.split("extxyz", '["atoms"]', content))
    assert split.ids == ("1", "2")
    assert split.samples[0].atoms == first
    assert split.samples[1].atoms == second


def test_gzip_is_unpacked(folder: Folder) -> None:
    """By the ending `.gz`."""
    packed = gzip.compress(FRAME.encode())
    card = folder.split("extxyz", '["atoms"]', packed, name="data.extxyz.gz")
    assert load_split(card).ids == ("co",)


def test_smiles_of_ones_own(folder: Folder) -> None:
    """CSV with id, smiles and labels; an empty value is an unknown label."""
    labels = '[labels.logS]\nunit = "log(mol/L)"\nmeaning = "solubility"\n'
    split = load_split(
        folder.split("smiles-csv", '["smiles"]', "id,smiles,logS\na,CCO,1.1\nb,C,\n", labels)
    )
    assert [(s.id, s.smiles, s.labels) for s in split.samples] == [
        ("a", "CCO", {"logS": 1.1}),
        ("b", "C", {}),
    ]


def test_sequences_of_ones_own(folder: Folder) -> None:
    """FASTA over several lines, small letters, labels in the header."""
    labels = '[labels.tm_C]\nunit = "°C"\nmeaning = "melting point"\n'
    content = ">one some protein tm_C=60.5\nMKV\nlla\n>two\nGGG\n"
    split = load_split(folder.split("fasta", '["sequence"]', content, labels))
    assert [(s.id, s.sequence, s.labels) for s in split.samples] == [
        ("one", "MKVLLA", {"tm_C": 60.5}),
        ("two", "GGG", {}),
    ]


def backbone_file(path: Path, **change: object) -> bytes:
    """Two chains of two and three residues."""
    arrays: dict[str, object] = {
        "ids": np.array(["1ABC_A", "2DEF_B"]),
        "offsets": np.array([0, 2, 5]),
        "sequence": np.frombuffer(b"MKGGG", dtype=np.uint8),
        "backbone": np.arange(60, dtype=np.float32).reshape(5, 4, 3),
        "label_helix": np.array([0.5, 0.0]),
    }
    arrays |= change
    np.savez(path / "made.npz", **{k: v for k, v in arrays.items() if v is not None})  # type: ignore[arg-type]
    return (path / "made.npz").read_bytes()


BOTH = '["sequence", "backbone"]'


def test_backbones_of_ones_own(folder: Folder) -> None:
    """Floating point numbers are Å; whole numbers are hundredths of Å."""
    labels = '[labels.helix]\nunit = "1"\nmeaning = "helix fraction"\n'
    split = load_split(folder.split("backbone-npz", BOTH, backbone_file(folder.path), labels))
    assert [(s.id, s.sequence, s.labels) for s in split.samples] == [
        ("1ABC_A", "MK", {"helix": 0.5}),
        ("2DEF_B", "GGG", {"helix": 0.0}),
    ]
    whole = (100 * np.arange(60)).astype(np.int16).reshape(5, 4, 3)
    content = backbone_file(folder.path, backbone=whole)
    again = load_split(folder.split("backbone-npz", BOTH, content))
    for one, other in zip(split.samples, again.samples, strict=True):
        assert one.backbone is not None
        assert one.backbone.dtype == np.float32
        np.testing.assert_allclose(one.backbone, other.backbone)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "/data.txt holds no sample"),
        (FRAME + FRAME, "line 5: the id `co` was already given at line 1"),
        (FRAME.replace("1.13", "nan"), "/data.txt, line 4: the position `0.0 0.0 nan`"),
        (FRAME.replace("1.13", "x"), "/data.txt, line 4: the position `0.0 0.0 x`"),
        (FRAME.replace(" 1.13", ""), "/data.txt, line 4: 3 columns where `Properties` announces 4"),
        (FRAME.replace("O 0", "Q 0"), "/data.txt, line 4: `Q` is no chemical symbol"),
        (FRAME.replace("2\n", "3\n", 1), "line 1: 3 atoms are announced but the file ends after 3"),
        (FRAME.replace("2\n", "two\n", 1), "line 1: expected the number of atoms"),
        (FRAME.replace("#[O+]", "#[O"), "line 1: RDKit cannot parse the SMILES `[C-]#[O`"),
        (FRAME.replace("smiles", "SMILES"), "line 1: RDKit cannot parse the SMILES ``"),
        (FRAME.replace("pbc", 'Lattice="1 0 0" pbc'), "`Lattice` must hold nine finite numbers"),
        (FRAME.replace("F F F", "F F"), "`pbc` must hold three flags"),
        (FRAME.replace("pbc", "charge=0.5 pbc"), "`charge` must be a whole number, not `0.5`"),
        (FRAME.replace("pos:R:3", "xyz:R:3"), "must name species:S:1 and pos:R:3"),
    ],
)
def test_faults_of_structures_are_placed(folder: Folder, content: str, said: str) -> None:
    """File, line, what is wrong."""
    assert said in folder.says("extxyz", '["atoms", "smiles"]', content)


def test_a_total_charge_is_kept_and_seen_by_the_digest(folder: Folder) -> None:
    """An ion is another sample than the neutral molecule."""
    neutral = load_split(folder.split("extxyz", '["atoms"]', FRAME)).samples[0]
    content = FRAME.replace("pbc", "charge=-1 pbc")
    ion = load_split(folder.split("extxyz", '["atoms"]', content)).samples[0]
    assert ion.atoms is not None
    assert ion.atoms.info["charge"] == -1
    assert ion.digest != neutral.digest


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,smiles\na,C1CC\n", "/data.txt, line 2: RDKit cannot parse the SMILES `C1CC`"),
        ("id,smiles\na,\n", "line 2: RDKit cannot parse the SMILES ``"),
        ("id,smiles\na,C\na,CC\n", "line 3: the id `a` was already given at line 2"),
        ("id,smiles\n,C\n", "line 2: the sample has no id"),
        ("id,smiles\na,C,3\n", "line 2: 3 values where the header has 2 columns"),
        ("id;smiles\n", "line 1: the header lacks the column `id`; it has id;smiles"),
        ("id,smiles\n", "holds no sample"),
    ],
)
def test_faults_of_smiles_are_placed(folder: Folder, content: str, said: str) -> None:
    """File, line, what is wrong."""
    assert said in folder.says("smiles-csv", '["smiles"]', content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (">a\nMKV1\n", "/data.txt, line 1: `1` at position 4 of the sequence is no residue letter"),
        (">a\nMK-V*\n", "line 1: `-` at position 3"),
        (">a\nMK\n>b\n>c\nM\n", "line 3: the sequence is empty; remove the entry"),
        (">a\nMK\n>a\nMM\n", "line 3: the id `a` was already given at line 1"),
        (">\nMK\n", "line 1: the sample has no id"),
        ("MKV\n", "line 1: a FASTA file begins with a header line"),
        ("", "holds no sample"),
    ],
)
def test_faults_of_sequences_are_placed(folder: Folder, content: str, said: str) -> None:
    """File, line of the entry, what is wrong."""
    assert said in folder.says("fasta", '["sequence"]', content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"backbone": np.full((5, 4, 3), np.nan)},
            "chain 1 (`1ABC_A`): a backbone position is not",
        ),
        ({"backbone": np.zeros((4, 4, 3))}, "has the shape (4, 4, 3) where 5 residues need"),
        ({"backbone": None}, "lacks the array `backbone`"),
        ({"offsets": np.array([0, 2, 4])}, "`offsets` must ascend from 0 to the number"),
        ({"ids": np.array(["1ABC_A", "1ABC_A"])}, "the id `1ABC_A` was already given at chain 1"),
        ({"label_helix": np.zeros(3)}, "`label_helix` has 3 entries, not 2"),
        ({"sequence": np.frombuffer(b"MK*GG", dtype=np.uint8)}, "`*` at position 1"),
    ],
)
def test_faults_of_backbones_are_placed(
    folder: Folder, change: dict[str, object], said: str
) -> None:
    """File, array or chain, what is wrong."""
    assert said in folder.says("backbone-npz", BOTH, backbone_file(folder.path, **change))


def test_pickled_objects_are_refused(folder: Folder) -> None:
    """A data file never runs code."""
    content = backbone_file(folder.path, ids=np.array([object(), object()]))
    assert "is not a NumPy .npz file" in folder.says("backbone-npz", BOTH, content)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("data.gz", b"plain", "is not a whole gzip file"),
        ("data.gz", gzip.compress(FRAME.encode())[:-12], "is not a whole gzip file"),
        ("data.txt", b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_files_that_are_no_text_are_said_so(
    folder: Folder, name: str, content: bytes, said: str
) -> None:
    """Cut downloads and other encodings."""
    assert said in folder.says("extxyz", '["atoms"]', content, name=name)


def test_labels_are_checked(folder: Folder) -> None:
    """A label no sample has is misspelt; a label with a unit is a number."""
    gap = '[labels.{}]\nunit = "eV"\nmeaning = "gap"\n'
    said = folder.says("extxyz", '["atoms"]', FRAME, gap.format("gap_ev"))
    assert "no sample in /data.txt has the label `gap_ev`" in said
    wrong = FRAME.replace("11.0", "wide")
    said = folder.says("extxyz", '["atoms"]', wrong, gap.format("gap_eV"))
    assert "/data.txt, line 1: label `gap_eV` is `wide`, not a finite number" in said


def test_the_count_on_the_card_must_agree(folder: Folder) -> None:
    """A file with samples missing is not the split the card describes."""
    said = folder.says("extxyz", '["atoms"]', FRAME, "count = 2\n")
    assert "holds 1 samples where its card says `count = 2`" in said


def test_a_changed_file_is_found_by_its_digest(folder: Folder) -> None:
    """Where the card has a sha256, one byte is enough."""
    digest = hashlib.sha256(FRAME.encode()).hexdigest()
    load_split(folder.split("extxyz", '["atoms"]', FRAME, f'sha256 = "{digest}"\n'))
    changed = FRAME.replace("1.13", "1.14")
    said = folder.says("extxyz", '["atoms"]', changed, f'sha256 = "{digest}"\n')
    assert "data file /data.txt is damaged or was changed" in said
    assert digest[:12] in said


def test_a_missing_data_file_is_said_so(folder: Folder) -> None:
    """With its path and what to do."""
    card = folder.split("extxyz", '["atoms"]', FRAME)
    (folder.path / "data.txt").unlink()
    with pytest.raises(ConfigurationError, match=r"`mine`: data file .*data\.txt cannot be read"):
        load_split(card)


def test_a_damaged_bundled_file_is_one_clear_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage in the installed package is no traceback and no silent change of numbers."""
    shutil.copytree(CARDS.parent / "data", tmp_path / "data")
    (tmp_path / "cards").mkdir()
    monkeypatch.setattr("pytest_matalign.splits.load.CARDS", tmp_path / "cards")
    file = tmp_path / "data" / "qm9.extxyz.gz"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match=r"`qm9`: .* is damaged .*reinstall"):
        load_split("qm9", samples=3)
    file.unlink()
    with pytest.raises(ConfigurationError, match=r"`qm9`: .* cannot be read .*reinstall"):
        load_split("qm9", samples=3)


@pytest.mark.parametrize("samples", [0, -5])
def test_at_least_one_sample(samples: int) -> None:
    """An empty split compares nothing."""
    with pytest.raises(ConfigurationError, match=f"at least 1 sample, not {samples}"):
        load_split("qm9", samples=samples)


def test_the_digest_covers_every_input_and_no_label() -> None:
    """Two samples a model can tell apart differ, and those it cannot do not."""
    atoms = Atoms("CO", positions=[[0, 0, 0], [0, 0, 1.13]])
    moved, named = atoms.copy(), atoms.copy()
    moved.positions[1, 2] += 1e-4
    named.info["energy"] = -1.0
    same = Sample(id="a", atoms=atoms, labels={"x": 1.0})
    assert same.digest == Sample(id="a", atoms=named, labels={"x": 2.0}).digest
    others = [
        Sample(id="b", atoms=atoms),
        Sample(id="a", atoms=moved),
        Sample(id="a", atoms=Atoms("CN", positions=atoms.positions)),
        Sample(id="a", atoms=Atoms("CO", positions=atoms.positions, pbc=True, cell=[9] * 3)),
        Sample(id="a", atoms=atoms, smiles="[C-]#[O+]"),
        Sample(id="a", smiles="CC"),
        Sample(id="a", sequence="CC"),
        Sample(id="aC", sequence="C"),
        Sample(id="a", backbone=np.zeros((2, 4, 3), dtype=np.float32)),
        Sample(id="a", backbone=np.zeros((1, 4, 3), dtype=np.float32)),
    ]
    assert len({sample.digest for sample in [same, *others]}) == 11


def test_the_digest_ignores_the_sign_of_zero_and_the_last_bit() -> None:
    """Another machine computes the same digest."""
    one = Sample(id="a", atoms=Atoms("C", positions=[[0.0, 0.3, 1.0]]))
    other = Sample(id="a", atoms=Atoms("C", positions=[[-0.0, 0.1 + 0.2, 1.0 + 1e-12]]))
    assert one.digest == other.digest


def test_the_fingerprint_depends_on_the_order(folder: Folder) -> None:
    """The same samples in another order are another split."""
    split = load_split("qm9", samples=2)
    swapped = Split(split.card, split.samples[::-1])
    assert swapped.fingerprint != split.fingerprint
