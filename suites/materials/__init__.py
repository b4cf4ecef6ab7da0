"""Crystals: interatomic potentials, in and out of distribution."""
