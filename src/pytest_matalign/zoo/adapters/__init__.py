"""One module a family; each defines `ADAPTER_VERSION` and `load(card)`."""
