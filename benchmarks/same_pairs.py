"""Ways to run one model whose verdict is known, as factories for `matalign same`.

    matalign same same_pairs:chgnet_020_alone same_pairs:chgnet_020_together --split mp-crystals
    matalign same same_pairs:sevennet_single same_pairs:sevennet_double --channel rows,energy,forces
    matalign same same_pairs:tensornet@OLD same_pairs:tensornet@NEW --channel rows,energy,forces

in this folder. OLD and NEW are virtual environments with matgl 2.0.4 and 4.1.2, ase and msgspec;
`MATALIGN_TENSORNET` names a folder of TensorNet saved by matgl 1 or 2.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from numpy.typing import NDArray

TOGETHER = 16


class ChgnetRows:
    """Rows of CHGNet's own call, so many structures in a batch."""

    batch_size = TOGETHER

    def __init__(self, release: str, *, batch: int) -> None:
        from chgnet.model import CHGNet

        self._batch = batch
        self._network = CHGNet.load(model_name=release, use_device="cpu", verbose=False)

    def __call__(self, structures: Sequence[Atoms]) -> NDArray[np.float32]:
        """Return float32 [structures, 64]."""
        output = self._network.predict_structure(
            [_pymatgen(one) for one in structures],
            task="e",
            return_crystal_feas=True,
            batch_size=self._batch,
        )
        rows = [one["crystal_fea"] / len(a) for one, a in zip(output, structures, strict=True)]
        return np.stack(rows)

    def refuse(self, structure: Atoms) -> str | None:
        """Refuse what CHGNet's graph cannot hold."""
        try:
            self._network.graph_converter(_pymatgen(structure))
        except ValueError as error:
            return str(error).splitlines()[0]
        return None


def _pymatgen(structure: Atoms) -> Any:
    from pymatgen.io.ase import AseAtomsAdaptor

    return AseAtomsAdaptor.get_structure(structure)


def chgnet_020_alone() -> ChgnetRows:
    """One by one."""
    return ChgnetRows("0.2.0", batch=1)


def chgnet_020_together() -> ChgnetRows:
    """In batches: its bond convolution adds a bias where any structure has bond angles."""
    return ChgnetRows("0.2.0", batch=TOGETHER)


def chgnet_030_alone() -> ChgnetRows:
    """One by one."""
    return ChgnetRows("0.3.0", batch=1)


def chgnet_030_together() -> ChgnetRows:
    """In batches; that bias is gone."""
    return ChgnetRows("0.3.0", batch=TOGETHER)


class HookedRows:
    """Rows of a potential as the mean over atoms of what one of its modules returns."""

    batch_size = 10

    def __init__(self, calculator: Any, module: Any, *, key: str | None = None) -> None:
        self.calculator = calculator
        self._seen: list[Any] = []

        def keep(_module: Any, _given: Any, output: Any) -> None:
            self._seen.append((output[key] if key else output).detach().clone())

        module.register_forward_hook(keep)

    def __call__(self, structures: Sequence[Atoms]) -> NDArray[np.float64]:
        """Return [structures, width]."""
        rows = []
        for one in structures:
            self._seen.clear()
            self.calculator.calculate(one.copy(), ["energy"], ["positions"])
            rows.append(self._seen[-1].double().mean(0).numpy())
        return np.stack(rows)


def tensornet() -> HookedRows:
    """Read by the installed release of matgl, through its own calculator."""
    import matgl
    from matgl.ext.ase import PESCalculator

    potential = matgl.load_model(os.environ["MATALIGN_TENSORNET"]).eval()
    return HookedRows(PESCalculator(potential, stress_unit="eV/A3"), potential.model.linear)


def sevennet_single() -> HookedRows:
    """SevenNet-0 as its package runs it."""
    return _sevennet(double=False)


def sevennet_double() -> HookedRows:
    """SevenNet-0 with weights and inputs in double precision."""
    return _sevennet(double=True)


def _sevennet(*, double: bool) -> HookedRows:
    import e3nn
    import torch
    from sevenn.calculator import SevenNetCalculator

    e3nn.set_optimization_defaults(jit_script_fx=False)
    calculator = SevenNetCalculator("7net-0", device="cpu")
    network = calculator.model

    def widen(_module: Any, given: Any) -> None:
        for key, value in given[0].items():
            if torch.is_tensor(value) and value.is_floating_point():
                given[0][key] = value.double()

    if double:
        # The package's own one-hot vectors are in single precision, so before each module.
        for module in (network, *network.double().children()):
            module.register_forward_pre_hook(widen)
    gates = [name for name, _ in network.named_children() if name.endswith("_equivariant_gate")]
    return HookedRows(calculator, dict(network.named_children())[gates[-1]], key="x")
