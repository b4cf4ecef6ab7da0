"""What a run with `--matalign` does, behind the hooks of `plugin.py`."""
