"""The baseline as a run sees it: its rows, and its embeddings where the host keeps them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from pytest_matalign.embeddings.obtain import Packed
from pytest_matalign.embeddings.pack import Pack
from pytest_matalign.errors import UnavailableError
from pytest_matalign.verdicts.baseline import Baseline, read_baseline

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import Door
    from pytest_matalign.splits.split import Split
    from pytest_matalign.verdicts.baseline import BaselineRow, Key

MODEL = "baseline"
"""Name of the one model in a pack of a baseline's embeddings."""


class BaselineBook:
    """Reads `matalign-baseline.json` and the pack of one beside it, each when first asked.

    Attributes:
        path: The file.
        folder: The pack of one.
        tolerance: Loss of alignment that is accepted where a metric of a suite has no own.
    """

    def __init__(self, path: Path, *, tolerance: float, door: Door) -> None:
        self.path, self.tolerance = path, tolerance
        self.folder = path.with_suffix("")
        self._pack, self._door = Pack(self.folder), door
        self._source = Packed(MODEL, [self._pack])

    @cached_property
    def baseline(self) -> Baseline | None:
        """The file; None before the first was written.

        Raises:
            ConfigurationError: If the file is faulty.
        """
        return read_baseline(self.path)

    @cached_property
    def _rows(self) -> dict[Key, BaselineRow]:
        return {row.key: row for row in self.baseline.rows} if self.baseline else {}

    def check(self) -> None:
        """Read the file, and every embedding beside it.

        Raises:
            ConfigurationError: If one of them is faulty.
        """
        if self.baseline is not None and self._pack.exists():
            for split, model in self._pack:
                self._pack.entry(split, model)

    def row(self, key: Key) -> BaselineRow | None:
        """The row of a check; None if the baseline has none."""
        return self._rows.get(key)

    def knows(self, split: str) -> bool:
        """Whether the baseline has a row of the split."""
        return any(key[1] == split for key in self._rows)

    def embedding(self, split: Split) -> Embedding | None:
        """The earlier release on the samples of a run; None where it is not at hand for them.

        Raises:
            ConfigurationError: If the pack is refused.
        """
        if not self._pack.exists():
            return None
        try:
            return self._door.obtain(self._source, split)
        except UnavailableError:
            # Other samples, or fewer: the rows alone then say what can be compared.
            return None
