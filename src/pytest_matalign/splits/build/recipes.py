"""What every split holds: its card without counts and digests, its source and its filters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from pytest_matalign.splits.build import crystals, molecules, proteins
from pytest_matalign.splits.build.order import (
    SEED,
    accepted,
    at_least_two_elements,
    at_most_atoms,
    length_between,
    no_closer_than,
    no_near_duplicate,
    one_a_formula,
    smiles_fits_atoms,
    twenty_residues_only,
)
from pytest_matalign.splits.card import Label, SplitCard

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_matalign.splits.sample import Sample

    Stream = Callable[[Path, Counter[str]], Iterator[Sample]]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one split is built.

    Attributes:
        card: Its card; file, count and digests are filled in by the builder.
        package: Where the data comes from.
        stream: Function (origin, counter of the reasons for leaving out) giving the samples in
            their fixed order.
        count: How many of them are taken; all where None.
    """

    card: SplitCard
    package: str
    stream: Stream
    count: int | None


def _text(meaning: str) -> Label:
    return Label(unit="text", meaning=meaning)


_QM9_LABELS = {
    "mu_D": Label(unit="debye", meaning="dipole moment"),
    "alpha_bohr3": Label(unit="bohr^3", meaning="isotropic polarizability"),
    "homo_Ha": Label(unit="Ha", meaning="energy of the highest occupied orbital"),
    "lumo_Ha": Label(unit="Ha", meaning="energy of the lowest unoccupied orbital"),
    "gap_Ha": Label(unit="Ha", meaning="HOMO-LUMO gap"),
    "r2_bohr2": Label(unit="bohr^2", meaning="electronic spatial extent"),
    "zpve_Ha": Label(unit="Ha", meaning="zero-point vibrational energy"),
    "U0_Ha": Label(unit="Ha", meaning="total energy at 0 K, zero-point energy included"),
    "Cv_cal_per_mol_K": Label(unit="cal/(mol K)", meaning="heat capacity at 298.15 K"),
}
_QM9_LICENCE = (
    "MIT (licence file of qm9pack, whose author is the first author of QM9; the licence of the "
    "original deposit was not verified)"
)
_QM9_CITATION = (
    "R. Ramakrishnan, P. O. Dral, M. Rupp, O. A. von Lilienfeld, Quantum chemistry structures and "
    "properties of 134 kilo molecules, Sci. Data 1, 140022 (2014)"
)
_QM9_PROVENANCE = (
    "PyPI package qm9pack 1.0.3, files qm9pack/data/qm9_part{1,2,3}.csv: QM9 without its "
    "inconsistent molecules, 130,831 in all. Geometries and labels B3LYP/6-31G(2df,p)."
)


def _qm9(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(molecules.qm9(origin), rejected, smiles_fits_atoms)


def _qm9_perturbed(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return molecules.shaken(_qm9(origin, rejected), no_closer_than(0.6))


def _ccd(fewest: int) -> Stream:
    def stream(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
        return accepted(
            molecules.ccd(origin),
            rejected,
            molecules.heavy_atoms_between(fewest, 40),
            molecules.one_molecule,
            smiles_fits_atoms,
            molecules.one_a_smiles(),
        )

    return stream


def _equilibrium(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        crystals.materials_project(origin),
        rejected,
        crystals.labelled("formation_energy_eV", "e_above_hull_eV"),
        crystals.label_at_most("e_above_hull_eV", 0.1),
        at_most_atoms(25),
        at_least_two_elements,
        no_closer_than(0.5),
        one_a_formula(),
    )


def _perturbed(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    parents = islice(_equilibrium(origin, rejected), 1000, None)
    return crystals.off_equilibrium(parents, no_closer_than(0.6))


def _all_crystals(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(crystals.materials_project(origin), rejected)


def _mofs(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        crystals.core_mofs(origin),
        rejected,
        at_most_atoms(100),
        no_closer_than(0.5),
        one_a_formula(),
    )


def _all_mofs(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(crystals.core_mofs(origin), rejected)


def _chains(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        proteins.promod_chains(origin), rejected, length_between(50, 300), twenty_residues_only
    )


def _all_chains(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(proteins.promod_chains(origin), rejected)


def _uniprot(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        proteins.uniprot_sequences(origin),
        rejected,
        length_between(50, 400),
        twenty_residues_only,
        no_near_duplicate(),
    )


def _antibodies(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
    return accepted(
        proteins.abnativ_heavy_chains(origin),
        rejected,
        twenty_residues_only,
    )


def _crystals_with(*labels: str) -> Stream:
    def stream(origin: Path, rejected: Counter[str]) -> Iterator[Sample]:
        return accepted(
            crystals.materials_project(origin),
            rejected,
            crystals.labelled(*labels),
            no_closer_than(0.5),
            one_a_formula(),
        )

    return stream


_MP_LABELS = {
    "formation_energy_eV": Label(unit="eV/atom", meaning="formation energy, PBE(+U), 0 K"),
    "e_above_hull_eV": Label(unit="eV/atom", meaning="energy above the convex hull"),
    "bulk_modulus_GPa": Label(unit="GPa", meaning="Voigt-Reuss-Hill bulk modulus, where known"),
    "shear_modulus_GPa": Label(unit="GPa", meaning="Voigt-Reuss-Hill shear modulus, where known"),
    "band_gap_eV": Label(unit="eV", meaning="PBE(+U) band gap, where known"),
    "refractive_index": Label(unit="1", meaning="refractive index (DFPT), where known"),
}
_MP_LICENCE = (
    "CC BY 4.0 (Materials Project; attribute it and the four papers); tables shipped by matminer "
    "under a modified BSD licence"
)
_MP_CITATION = (
    "A. Jain et al., APL Mater. 1, 011002 (2013); F. Faber et al., Int. J. Quantum Chem. 115, "
    "1094 (2015); M. de Jong et al., Sci. Data 2, 150009 (2015); I. Petousis et al., Sci. Data 4, "
    "160134 (2017); M. de Jong et al., Sci. Data 2, 150053 (2015)"
)
_MP_PROVENANCE = (
    "Source archive of the PyPI package matminer 0.3.2, files matminer/datasets/{flla_2015,"
    "elastic_tensor,dielectric_constant,piezoelectric_tensor}.csv: DFT-relaxed crystals of the "
    "Materials Project."
)
_MOF_LABELS = {
    "largest_cavity_A": Label(unit="Å", meaning="diameter of the largest cavity"),
    "pore_limiting_A": Label(unit="Å", meaning="diameter that limits passage through the pores"),
    "void_fraction": Label(unit="1", meaning="accessible void fraction"),
    "surface_m2_per_g": Label(unit="m^2/g", meaning="accessible surface area"),
    "metals": _text("metals of the framework, separated by commas"),
}
_MOF_CITATION = (
    "Y. G. Chung et al., Advances, updates, and analytics for the Computation-Ready, Experimental "
    "Metal-Organic Framework database: CoRE MOF 2019, J. Chem. Eng. Data 64, 5985 (2019)"
)
_MOF_PROVENANCE = (
    "PyPI package core-mof 2019.1, file CoRE_MOF/data/2019-ASR.tar.xz: the public part of CoRE "
    "MOF 2019, all solvent removed (doi:10.5281/zenodo.7691378); experimental structures, not "
    "relaxed by DFT."
)
_CHAIN_LABELS = {
    "helix_fraction": Label(unit="1", meaning="fraction of residues in DSSP states H, G, I"),
    "strand_fraction": Label(unit="1", meaning="fraction of residues in DSSP states E, B"),
    "dssp": _text("DSSP state of every residue, C for none"),
}
_CHAIN_LICENCE = "CC0-1.0 (Protein Data Bank content); promod3-data itself is Apache-2.0"
_CHAIN_CITATION = (
    "H. M. Berman et al., Nucleic Acids Res. 28, 235 (2000); G. Studer et al., ProMod3, PLoS "
    "Comput. Biol. 17, e1008667 (2021)"
)
_CHAIN_PROVENANCE = (
    "Debian package promod3-data 3.2.1+ds-6, file structure_db.dat: ProMod3's database of "
    "non-redundant PDB chains; backbones in hundredths of Å about the centroid."
)
_CCD_LICENCE = "CC0-1.0 (wwPDB Chemical Component Dictionary); biotite itself is BSD-3-Clause"
_CCD_CITATION = (
    "J. D. Westbrook et al., The chemical component dictionary, Bioinformatics 31, 1274 (2015)"
)
_CCD_PROVENANCE = (
    "PyPI package biotite 1.6.0, file biotite/structure/info/components.bcif: released neutral "
    "non-polymer components of the elements H C N O F P S Cl Br I with complete ideal "
    "coordinates; SMILES by RDKit from the dictionary's bonds."
)


def _card(name: str, **fields: object) -> SplitCard:
    return SplitCard(id=name, seed=SEED, file="", **fields)  # type: ignore[arg-type]  # checked when read back


_ALL = (
    Recipe(
        card=_card(
            "qm9",
            title="Small organic molecules at equilibrium",
            domain="molecules",
            role="in-distribution",
            inputs=("atoms", "smiles"),
            reader="extxyz",
            licence=_QM9_LICENCE,
            provenance=_QM9_PROVENANCE,
            citation=_QM9_CITATION,
            labels=_QM9_LABELS,
            notes="Up to nine heavy atoms of C, N, O, F. A random sample of QM9: the first "
            "thousand of the larger tier qm9-all.",
        ),
        package="qm9pack 1.0.3",
        stream=_qm9,
        count=1000,
    ),
    Recipe(
        card=_card(
            "qm9-all",
            title="All of QM9",
            domain="molecules",
            role="in-distribution",
            inputs=("atoms", "smiles"),
            reader="extxyz",
            licence=_QM9_LICENCE,
            provenance=_QM9_PROVENANCE,
            citation=_QM9_CITATION,
            labels=_QM9_LABELS,
            notes="The first thousand are the bundled split qm9.",
        ),
        package="qm9pack 1.0.3",
        stream=_qm9,
        count=None,
    ),
    Recipe(
        card=_card(
            "qm9-perturbed",
            title="Small organic molecules off equilibrium",
            domain="molecules",
            role="out-of-distribution",
            inputs=("atoms", "smiles"),
            reader="extxyz",
            licence=_QM9_LICENCE,
            provenance=f"{_QM9_PROVENANCE} Then rattled here.",
            citation=_QM9_CITATION,
            labels={
                "rattle_sigma_A": Label(unit="Å", meaning="standard deviation of displacements"),
            },
            notes="The first molecules of qm9, each displaced by normal deviates of standard "
            "deviation 0.05 to 0.3 Å, redrawn where two atoms came closer than 0.6 of their "
            "covalent radii's sum. The SMILES is that of the unperturbed molecule.",
        ),
        package="qm9pack 1.0.3",
        stream=_qm9_perturbed,
        count=500,
    ),
    Recipe(
        card=_card(
            "ccd-ligands",
            title="Drug-sized organic ligands of the Protein Data Bank",
            domain="molecules",
            role="out-of-distribution",
            inputs=("atoms", "smiles"),
            reader="extxyz",
            licence=_CCD_LICENCE,
            provenance=_CCD_PROVENANCE,
            citation=_CCD_CITATION,
            notes="Out-of-distribution relative to QM9: 10 to 40 heavy atoms, so every molecule "
            "is larger than any of QM9 (at most nine); phosphorus, sulphur and heavier halogens "
            "occur; and ideal coordinates come from force-field or knowledge-based geometry, not "
            "from a DFT minimum. In-distribution for models of SMILES trained on drug-like "
            "molecules.",
        ),
        package="biotite 1.6.0",
        stream=_ccd(10),
        count=1000,
    ),
    Recipe(
        card=_card(
            "ccd-all",
            title="Neutral organic components of the Protein Data Bank",
            domain="molecules",
            role="out-of-distribution",
            inputs=("atoms", "smiles"),
            reader="extxyz",
            licence=_CCD_LICENCE,
            provenance=_CCD_PROVENANCE,
            citation=_CCD_CITATION,
            notes="6 to 40 heavy atoms, one a SMILES; the order is that of ccd-ligands.",
        ),
        package="biotite 1.6.0",
        stream=_ccd(6),
        count=None,
    ),
    Recipe(
        card=_card(
            "mp-crystals",
            title="Inorganic crystals at equilibrium",
            domain="materials",
            role="in-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence=_MP_LICENCE,
            provenance=_MP_PROVENANCE,
            citation=_MP_CITATION,
            labels=_MP_LABELS,
            notes="Ordered, at least two elements, at most 25 atoms, within 0.1 eV/atom of the "
            "hull, one structure a reduced formula, no two atoms closer than half the sum of "
            "their covalent radii.",
        ),
        package="matminer 0.3.2",
        stream=_equilibrium,
        count=1000,
    ),
    Recipe(
        card=_card(
            "mp-elastic",
            title="Inorganic crystals with elastic moduli",
            domain="materials",
            role="in-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence=_MP_LICENCE,
            provenance=_MP_PROVENANCE,
            citation=_MP_CITATION,
            labels={name: _MP_LABELS[name] for name in ("bulk_modulus_GPa", "shear_modulus_GPa")},
            notes="For probes of a frozen embedding; one structure a reduced formula.",
        ),
        package="matminer 0.3.2",
        stream=_crystals_with("bulk_modulus_GPa", "shear_modulus_GPa"),
        count=1000,
    ),
    Recipe(
        card=_card(
            "mp-dielectric",
            title="Inorganic crystals with band gap and refractive index",
            domain="materials",
            role="in-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence=_MP_LICENCE,
            provenance=_MP_PROVENANCE,
            citation=_MP_CITATION,
            labels={name: _MP_LABELS[name] for name in ("band_gap_eV", "refractive_index")},
            notes="For probes of a frozen embedding; insulators only; one structure a reduced "
            "formula.",
        ),
        package="matminer 0.3.2",
        stream=_crystals_with("band_gap_eV", "refractive_index"),
        count=1000,
    ),
    Recipe(
        card=_card(
            "mp-all",
            title="All inorganic crystals of four Materials Project tables",
            domain="materials",
            role="in-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence=_MP_LICENCE,
            provenance=_MP_PROVENANCE,
            citation=_MP_CITATION,
            labels=_MP_LABELS,
            notes="Nothing left out: elements, unstable crystals and several crystals a formula "
            "included.",
        ),
        package="matminer 0.3.2",
        stream=_all_crystals,
        count=None,
    ),
    Recipe(
        card=_card(
            "mp-perturbed",
            title="Inorganic crystals off equilibrium: rattled or compressed",
            domain="materials",
            role="out-of-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence=_MP_LICENCE,
            provenance=f"{_MP_PROVENANCE} Then perturbed here.",
            citation=_MP_CITATION,
            labels={
                "kind": _text("rattled or compressed"),
                "rattle_sigma_A": Label(unit="Å", meaning="standard deviation of displacements"),
                "volume_ratio": Label(unit="1", meaning="V/V0 of compressed crystals"),
            },
            notes="The crystals that follow mp-crystals in the same order, so no formula is "
            "shared. Turn about: strain components uniform in ±5 % and displacements of 0.1 to "
            "0.5 Å, or V/V0 of 0.55 to 0.85; redrawn where two atoms came closer than 0.6 of "
            "their covalent radii's sum. No DFT labels.",
        ),
        package="matminer 0.3.2",
        stream=_perturbed,
        count=1000,
    ),
    Recipe(
        card=_card(
            "core-mofs",
            title="Metal-organic frameworks",
            domain="materials",
            role="out-of-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence="CC BY 4.0 (stated by the package)",
            provenance=_MOF_PROVENANCE,
            citation=_MOF_CITATION,
            labels=_MOF_LABELS,
            notes="At most 100 atoms a cell, one a formula, no two atoms closer than half the sum "
            "of their covalent radii, in random order. Porous hybrids with organic linkers are "
            "all but absent from the inorganic crystals potentials are trained on.",
        ),
        package="core-mof 2019.1",
        stream=_mofs,
        count=500,
    ),
    Recipe(
        card=_card(
            "core-mofs-all",
            title="All metal-organic frameworks of CoRE MOF 2019-ASR",
            domain="materials",
            role="out-of-distribution",
            inputs=("atoms",),
            reader="extxyz",
            licence="CC BY 4.0 (stated by the package)",
            provenance=_MOF_PROVENANCE,
            citation=_MOF_CITATION,
            labels=_MOF_LABELS,
            notes="Every file in space group P1 with fully occupied sites, up to thousands of "
            "atoms a cell.",
        ),
        package="core-mof 2019.1",
        stream=_all_mofs,
        count=None,
    ),
    Recipe(
        card=_card(
            "pdb-chains",
            title="Protein chains with their backbone",
            domain="proteins",
            role="in-distribution",
            inputs=("sequence", "backbone"),
            reader="backbone-npz",
            licence=_CHAIN_LICENCE,
            provenance=_CHAIN_PROVENANCE,
            citation=_CHAIN_CITATION,
            labels=_CHAIN_LABELS,
            notes="50 to 300 residues, the twenty amino acids only, chosen by length and never "
            "cut.",
        ),
        package="promod3-data 3.2.1+ds-6",
        stream=_chains,
        count=1000,
    ),
    Recipe(
        card=_card(
            "pdb-chains-all",
            title="All chains of ProMod3's structure database",
            domain="proteins",
            role="in-distribution",
            inputs=("sequence", "backbone"),
            reader="backbone-npz",
            licence=_CHAIN_LICENCE,
            provenance=_CHAIN_PROVENANCE,
            citation=_CHAIN_CITATION,
            labels=_CHAIN_LABELS,
            notes="Chains of every length.",
        ),
        package="promod3-data 3.2.1+ds-6",
        stream=_all_chains,
        count=None,
    ),
    Recipe(
        card=_card(
            "uniprot",
            title="Protein sequences across UniProtKB",
            domain="proteins",
            role="in-distribution",
            inputs=("sequence",),
            reader="fasta",
            licence="CC BY 4.0 (UniProt's terms; not stated in the package)",
            provenance="Debian package mmseqs2-examples 14-7e284+ds-1, file DB.fasta.gz: 20,000 "
            "entries of UniProtKB (reviewed and unreviewed) of about 2016.",
            citation="The UniProt Consortium, Nucleic Acids Res. 43, D204 (2015)",
            notes="50 to 400 residues, chosen by length and never cut; the twenty amino acids "
            "only, no fragments, no sequence sharing more than a quarter of its 5-mers with an "
            "earlier one.",
        ),
        package="mmseqs2-examples 14-7e284+ds-1",
        stream=_uniprot,
        count=1000,
    ),
    Recipe(
        card=_card(
            "antibody-heavy",
            title="Human antibody heavy chains",
            domain="proteins",
            role="out-of-distribution",
            inputs=("sequence",),
            reader="fasta",
            licence="CC BY-NC-SA 4.0 (abnativ): not for commercial use, hence not bundled",
            provenance="PyPI package abnativ 2.0.9, file abnativ/model/percentiles/"
            "test_vh_v2_abnativ_seq_scores.csv: variable domains drawn by its authors from the "
            "Observed Antibody Space.",
            citation="A. Ramon et al., Nat. Mach. Intell. 6, 74 (2024); T. H. Olsen, F. Boyles, "
            "C. M. Deane, Protein Sci. 31, 141 (2022)",
            notes="Out-of-distribution for general protein models; in-distribution for antibody "
            "models.",
        ),
        package="abnativ 2.0.9",
        stream=_antibodies,
        count=None,
    ),
)

RECIPES = {recipe.card.id: recipe for recipe in _ALL}
