"""Known changes of a model with a known right verdict; see `rows`."""
