"""What the sections of a study measure."""
