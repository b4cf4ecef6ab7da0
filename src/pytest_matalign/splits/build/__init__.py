"""How the bundled data sets are made from their published sources."""
