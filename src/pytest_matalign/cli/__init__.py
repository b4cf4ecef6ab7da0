"""The command `matalign`."""
