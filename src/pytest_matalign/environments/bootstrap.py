"""Started by an environment's own Python: make the host's `pytest_matalign` importable, then work.

Only that one package is; the host's other packages never enter `sys.path`, whose first entries
the option `-I` has kept clean as well. Nothing but the standard library is imported before.
"""

import importlib
import importlib.util
import sys
from pathlib import Path


def provide(name: str, folder: Path) -> None:
    """Import a package from a folder that is on no path."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    provide("pytest_matalign", Path(__file__).parents[1])
    # By name: a plain import would be looked for when this file is read, not when it is run.
    importlib.import_module("pytest_matalign.environments.worker").main()
