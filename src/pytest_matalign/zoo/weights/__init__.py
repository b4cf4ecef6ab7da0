"""Weight files: what identifies them, where they lie, how they get here, how they are pinned."""
