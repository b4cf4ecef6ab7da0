"""Suites: their files, what may be wrong with them, and the cases they ask for."""
