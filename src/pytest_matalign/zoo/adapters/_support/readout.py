"""Networks of SevenNet's kind, a sequence of modules, cut where the read-out begins."""

from __future__ import annotations

from typing import Any


def cut_readout(network: Any) -> list[Any]:
    """Remove the modules after the last interaction from a network, and return them in order."""
    children = list(network.named_children())
    last = max(i for i, (name, _) in enumerate(children) if name.endswith("_equivariant_gate"))
    for name, _ in children[last + 1 :]:
        network.delete_module_by_key(name)
    return [module for _, module in children[last + 1 :]]
