"""Proteins: sequence models."""
