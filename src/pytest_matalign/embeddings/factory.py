"""Models made by the host's own code: factories named `package.module:factory`."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from pytest_matalign.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from pytest_matalign.splits.sample import Input, Sample
    from pytest_matalign.zoo.card import ModelCard
    from pytest_matalign.zoo.model import Model


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


class FactorySource:
    """A candidate made by the host's own code."""

    def __init__(
        self, card: ModelCard, factory: Callable[..., Any], *, form: Input, spec: str, run_id: str
    ) -> None:
        self.id = card.id
        self._card, self._factory, self._form, self._spec = card, factory, form, spec
        self._model = _FactoryModel(factory(), form)
        # Without a digest of the weights nothing may be reused from one run to the next, but
        # the workers of one run may share their work.
        self.identity: Mapping[str, Any] = {
            "candidate": spec,
            "input": form,
            "digest": self._model.digest or f"this run only: {run_id}",
        }

    def refuse(self, sample: Sample) -> str | None:
        """Reason the host's table gives for refusing a sample."""
        from pytest_matalign.zoo.domain import refusal

        return refusal(self._card, sample)

    def load(self) -> Model:
        """The model the factory made."""
        return self._model


class _FactoryModel:
    """Adapts what a factory returns: a callable from a list of inputs to [samples, width]."""

    def __init__(self, embed: Any, form: Input) -> None:
        if not callable(embed):
            raise ConfigurationError(
                f"The candidate's factory returned {type(embed).__name__}, which is not callable; "
                "return a function from a list of inputs to an array [samples, width]."
            )
        self._embed, self._form = embed, form
        self.batch_size: int = getattr(embed, "batch_size", 16)
        self.digest: str | None = getattr(embed, "digest", None)

    def refuse(self, sample: Sample) -> str | None:
        """The candidate's own reason, if it has a `refuse`."""
        refuse = getattr(self._embed, "refuse", None)
        return refuse(getattr(sample, self._form)) if refuse else None

    def embed(self, samples: Sequence[Sample]) -> NDArray[np.float32]:
        """Whatever the candidate returns; the caller checks shape and values."""
        output: NDArray[np.float32] = self._embed([getattr(s, self._form) for s in samples])
        return output
