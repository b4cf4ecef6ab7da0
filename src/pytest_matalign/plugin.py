"""Pytest hooks of pytest-matalign."""
