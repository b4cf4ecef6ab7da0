"""How xdist spreads the checks: one worker a model first, then one worker a split.

`--dist loadgroup` cannot be used: pytest 9.2 with xdist 3.8 silently ignores the groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler.loadscope import LoadScopeScheduling

from pytest_matalign.plugin.session import scope_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest
    from xdist.remote import Producer


class ModelScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist ships no types
    """Keep the checks of a model, or of a split, together and in the order of collection."""

    def __init__(
        self, config: pytest.Config, log: Producer | None, *, groups: Mapping[str, str]
    ) -> None:
        super().__init__(config, log)
        self._groups = groups

    def schedule(self) -> None:
        """Hand out embeddings before alignments, as collected, not largest group first."""
        self.config.option.loadscopereorder = False
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        """Group of a check; tests of the host's own keep the grouping by module."""
        found: str = scope_of(nodeid, self._groups) or super()._split_scope(nodeid)
        return found
