"""Started by an environment's own Python: run pytest there, which the host lends for the while.

Arguments are the folders that the host imports from, joined as in `$PATH`, and those of pytest.
Lent are pytest, this package, and what tests of adapters build their samples with; what the
environment has itself comes first, and nothing else of the host's can be imported.
"""

import importlib
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, DistributionFinder, MetadataPathFinder
from os import pathsep
from types import ModuleType

LENT = (
    *("_pytest", "pytest", "py", "pluggy", "iniconfig", "packaging", "pygments"),
    *("pytest_matalign", "click", "lazy_loader", "tqdm"),
    *("ase", "scipy", "rdkit"),  # ASE builds its structures with SciPy
)


class Lent(DistributionFinder):
    """Finds a few packages where the host has them."""

    def __init__(self, folders: list[str]) -> None:
        self._folders = folders

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where a package is that is lent, asked for after the environment's own."""
        del path, target
        return PathFinder.find_spec(fullname, self._folders) if fullname in LENT else None

    def find_distributions(
        self, context: DistributionFinder.Context | None = None
    ) -> Iterable[Distribution]:
        """Return the metadata of a package that is lent, asked for by its name."""
        if context is None or context.name not in LENT:
            return ()
        found = DistributionFinder.Context(name=context.name, path=self._folders)
        return MetadataPathFinder.find_distributions(found)


if __name__ == "__main__":
    sys.meta_path.append(Lent(sys.argv[1].split(pathsep)))
    sys.exit(importlib.import_module("pytest").main(sys.argv[2:]))
