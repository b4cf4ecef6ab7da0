"""The scorecard of one small real run."""

from __future__ import annotations

from made_scorecard import _no_rdkit_chatter, made, scorecard

__all__ = ["_no_rdkit_chatter", "made", "scorecard"]
