"""Everything that knows pytest: hooks, collection, fixtures, scheduling, progress, reporting."""
