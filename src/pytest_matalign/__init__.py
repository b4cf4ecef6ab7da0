"""Representational alignment of scientific foundation models, as a pytest benchmark suite."""

__version__ = "0.1.0"
