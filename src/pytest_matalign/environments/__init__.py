"""Environments of their own for models whose packages cannot live beside each other."""
