"""The samples of a split that were loaded, and what they are known by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_matalign.splits.card import SplitCard
    from pytest_matalign.splits.sample import Sample


@dataclass(frozen=True, eq=False)
class Split:
    """The first samples of a split, in its fixed order.

    Attributes:
        card: What is known of the whole split.
        samples: The samples loaded; a smaller load is a prefix of a larger one.
    """

    card: SplitCard
    samples: tuple[Sample, ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of the samples loaded, in order."""
        return tuple(sample.id for sample in self.samples)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the ordered digests of the samples loaded."""
        return fingerprint(sample.digest for sample in self.samples)

    def __len__(self) -> int:
        """Return how many samples are loaded."""
        return len(self.samples)


def fingerprint(digests: Iterable[str]) -> str:
    """Return the SHA-256 over sample digests in order, each followed by a line break."""
    total = hashlib.sha256()
    for digest in digests:
        total.update(digest.encode() + b"\n")
    return total.hexdigest()
