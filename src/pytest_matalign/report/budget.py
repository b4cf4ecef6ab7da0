"""What one report may hold, and a sentence for each thing it had to leave out."""

from __future__ import annotations

from dataclasses import dataclass, field

PICTURE_BYTES = 3_000_000
"""All pictures of a report together; samples after that have text only."""
POINTS = 400_000
"""Points of all maps together; models after that have no map."""
NEIGHBOUR_POINTS = 150_000
"""Maps after this many points carry no neighbours."""


@dataclass
class Budget:
    """What a report may still hold, and what it had to leave out."""

    points: int = POINTS
    neighbour_points: int = NEIGHBOUR_POINTS
    picture_bytes: int = PICTURE_BYTES
    notes: dict[str, None] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """Say what is left out, once."""
        self.notes[text] = None
