"""Energies that the potentials of the zoo predict, for the paper's measure of performance.

The paper compares predicted with reference energies after taking a linear fit on composition off
each. Adapters embed only, so the energies come from the packages themselves, one reader a family.
What is linear in composition (reference energies of the elements) may be left out by a reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_matalign.analysis.interval import Interval, ratio_interval
from pytest_matalign.analysis.probes import composition_fit
from pytest_matalign.errors import UnavailableError
from pytest_matalign.zoo.quiet import import_quietly, quiet
from pytest_matalign.zoo.weights.files import weight_files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from pytest_matalign.metrics.arrays import Float64
    from pytest_matalign.splits.sample import Sample
    from pytest_matalign.zoo.card import ModelCard

    Reader = Callable[[Atoms], float]
    """Total energy in eV, up to a sum of element energies."""

ENERGIES_VERSION = 1
HARTREE_EV = 27.211386245988


def energy_error(predicted: Float64, reference: Float64, composition: Float64) -> Interval:
    """Return the mean absolute error after a composition fit on each side.

    arXiv 2512.03750's measure: both sides lose what is linear in composition, so models of
    different reference energies can be compared. Each model's own systematic error by element
    is forgiven with it.

    Args:
        predicted: Energies per atom (n,).
        reference: Energies per atom (n,), in the same unit.
        composition: Fractions (n, elements).
    """
    wrong = composition_fit(composition, predicted) - composition_fit(composition, reference)
    return ratio_interval(np.abs(wrong), np.ones_like(wrong))


def predicted_energies(card: ModelCard, samples: Sequence[Sample]) -> Float64:
    """Return energies per atom (n,) in eV, up to a linear function of composition.

    Raises:
        UnavailableError: There is no reader for the model's family, or it is not installed.
    """
    from pytest_matalign.embeddings.extraction import one_thread
    from pytest_matalign.environments.loading import unavailable
    from pytest_matalign.zoo.structures import boxed, copy_of

    maker = READERS.get(card.adapter)
    if maker is None:
        raise UnavailableError(f"{card.id}: no energies are read from models of {card.family}.")
    if reason := unavailable(card):
        raise UnavailableError(reason)
    form = boxed if card.adapter == "chgnet" else copy_of
    with one_thread():
        read = maker(card)
        return np.array([read(form(_atoms(s))) / len(_atoms(s)) for s in samples])


def _atoms(sample: Sample) -> Atoms:
    assert sample.atoms is not None, "energies are asked of splits with structures only"
    return sample.atoms


def _chgnet(card: ModelCard) -> Reader:
    with quiet():
        network = import_quietly("chgnet.model").CHGNet.load(
            model_name=card.options["checkpoint"], use_device="cpu", verbose=False
        )
    pymatgen = import_quietly("pymatgen.core")

    def read(atoms: Atoms) -> float:
        structure = pymatgen.Structure(
            pymatgen.Lattice(atoms.cell.array),
            list(atoms.symbols),
            atoms.positions,
            coords_are_cartesian=True,
        )
        return float(network.predict_structure(structure, task="e")["e"]) * len(atoms)

    return read


def _sevenn(card: ModelCard) -> Reader:
    import torch

    e3nn = import_quietly("e3nn")
    before = e3nn.get_optimization_defaults()
    e3nn.set_optimization_defaults(jit_script_fx=False)
    try:
        with quiet():
            checkpoint = import_quietly("sevenn.util").load_checkpoint(card.options["checkpoint"])
            network: Any = checkpoint.build_model()
    finally:
        e3nn.set_optimization_defaults(**before)
    network.delete_module_by_key("force_output")
    network.eval().requires_grad_(requires_grad=False)
    network.eval_modal_map = network.modal_map is not None
    keys = import_quietly("sevenn._keys")
    build = import_quietly("sevenn.train.dataload").unlabeled_atoms_to_graph
    graph = import_quietly("sevenn.atom_graph_data").AtomGraphData.from_numpy_dict
    merge = import_quietly("torch_geometric.data").Batch.from_data_list

    def read(atoms: Atoms) -> float:
        table = build(atoms, network.cutoff)
        del table[keys.INFO]
        if network.eval_modal_map:
            table[keys.DATA_MODALITY] = card.options["modal"]
        with torch.no_grad():
            return float(network(merge([graph(table)]))[keys.PRED_TOTAL_ENERGY])

    return read


def _diep(card: ModelCard) -> Reader:
    import torch

    with quiet():
        potential = import_quietly("diep.pretrained").load_potential(
            weight_files(card)[0].parent, stress=False
        )
    network = potential.model.eval()
    reader = import_quietly("diep.ext.ase").Atoms2Graph(network.element_types, network.cutoff)

    def read(atoms: Atoms) -> float:
        with torch.no_grad():
            energy = network.predict_structure(atoms, graph_converter=reader)
        return float(energy) * float(potential.data_std)

    return read


def _ani(card: ModelCard) -> Reader:
    import torch

    with quiet():
        network = getattr(import_quietly("torchani").models, str(card.options["model"]))(
            periodic_table_index=True
        )
    network.eval()

    def read(atoms: Atoms) -> float:
        numbers = torch.from_numpy(atoms.numbers)[None]
        places = torch.from_numpy(atoms.positions)[None].float()
        with torch.no_grad():
            return float(network((numbers, places)).energies) * HARTREE_EV

    return read


READERS: dict[str, Callable[[ModelCard], Reader]] = {
    "chgnet": _chgnet,
    "sevenn": _sevenn,
    "diep": _diep,
    "torchani": _ani,
}
"""By adapter."""
