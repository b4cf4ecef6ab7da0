"""A run: settings, what is measured, how it is judged, what is written; no pytest in here."""
