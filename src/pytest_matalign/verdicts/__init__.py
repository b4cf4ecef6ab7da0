"""Hold measurements against expectations and baselines."""
