"""Keep model packages from talking while they are imported and built."""

from __future__ import annotations

import importlib
import io
import warnings
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet() -> Iterator[None]:
    """Drop warnings and standard output inside the block.

    A host project may turn warnings into errors; deprecations inside a model package are not
    its business. Errors pass through untouched.
    """
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def import_quietly(name: str) -> Any:
    """Import a module of a model package inside `quiet`.

    The result is typed Any: few model packages carry types, and those that do differ by version.
    """
    with quiet():
        return importlib.import_module(name)
