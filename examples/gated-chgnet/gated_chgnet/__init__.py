"""What this repository releases: CHGNet 0.3.0."""
