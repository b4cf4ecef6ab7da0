"""Models made by the host's own code: factories named `package.module:factory`."""

from __future__ import annotations

import importlib
import re
import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard

ADAPTER_VERSION = 1
PARTS = ("embed_atoms", "embed_layers")
"""What a function from inputs to rows may carry for other views of it, given the same inputs."""


def is_factory(spec: str) -> bool:
    """Return whether a text names a factory."""
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", spec) is not None


def load(card: ModelCard) -> FactoryModel:
    """Call the factory `factory`, looked for in the folder `root`; it is given the form `input`."""
    factory = import_factory(str(card.options["factory"]), root=Path(str(card.options["root"])))
    return FactoryModel(factory(), card.inputs[0])


def import_factory(spec: str, *, root: Path) -> Callable[..., Any]:
    """Return what `package.module:factory` names, looked for on sys.path and in the host's folder.

    Raises:
        ConfigurationError: If it cannot be imported or called.
    """
    module_name, _, attribute = spec.partition(":")
    # Appended, not prepended: an installed package must win over a folder of the same name.
    for folder in (str(root), str(root / "src")):
        if folder not in sys.path:
            sys.path.append(folder)
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
        raise ConfigurationError(
            f"The candidate {spec!r} cannot be imported ({error}); "
            f"it is looked for on sys.path and in {root}."
        ) from None
    except AttributeError:
        raise ConfigurationError(
            f"The candidate {spec!r}: module {module_name!r} has no {attribute!r}."
        ) from None
    if not callable(factory):
        raise ConfigurationError(f"The candidate {spec!r} is not callable; name a factory.")
    return factory  # type: ignore[no-any-return]  # user code, checked to be callable


class FactoryModel:
    """Adapts what a factory returns: a callable from a list of inputs to [samples, width].

    It may carry `calculator`, or be an ASE calculator and give no rows.
    """

    def __init__(self, embed: Any, form: Input) -> None:
        calculator = embed if hasattr(embed, "get_property") else getattr(embed, "calculator", None)
        if calculator is not None:
            self.calculator = calculator
        elif not callable(embed):
            raise ConfigurationError(
                f"The candidate's factory returned {type(embed).__name__}, which is not callable; "
                "return a function from a list of inputs to an array [samples, width]."
            )
        self._embed, self._form = embed, form
        for part in PARTS:
            if (function := getattr(embed, part, None)) is not None:
                setattr(self, part, lambda samples, of=function: of(self._given(samples)))
        self.batch_size: int = getattr(embed, "batch_size", 16)
        self.digest: str | None = getattr(embed, "digest", None)
        if not isinstance(self.digest, str | None):
            raise ConfigurationError(
                f"The candidate's `digest` is of type {type(self.digest).__name__}; make it text "
                "that names its weights."
            )

    def refuse(self, sample: Sample) -> str | None:
        """The candidate's own reason, if it has a `refuse`."""
        refuse = getattr(self._embed, "refuse", None)
        return refuse(*self._given([sample])) if refuse else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Whatever the candidate returns; the caller checks shape and values."""
        if not callable(self._embed):
            raise UnavailableError("an ASE calculator gives energies and forces, and no rows")
        output: NDArray[np.float32] = self._embed(self._given(samples))
        return output

    def _given(self, samples: Sequence[Sample]) -> list[Any]:
        """What the host's function reads, its own to change."""
        return [deepcopy(getattr(sample, self._form)) for sample in samples]
