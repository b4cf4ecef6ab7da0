"""Commands of `matalign` that are more than a listing; each module adds its own parser."""
