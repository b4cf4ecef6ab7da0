"""Started by an environment's own Python: make the host's `pytest_matalign` importable, then work.

Only that one package is; the host's other packages never enter `sys.path`, whose first entries
the option `-I` has kept clean as well. Nothing but the standard library is imported before.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType


def provide(name: str, folder: Path) -> None:
    """Make the modules of a package importable from a folder that is on no path.

    Its own `__init__`, the public face, is not run: it needs a package the environment may lack.
    """
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package


if __name__ == "__main__":
    provide("pytest_matalign", Path(__file__).parents[1])
    # By name: a plain import would be looked for when this file is read, not when it is run.
    importlib.import_module("pytest_matalign.environments.worker").main()
