"""Obtain, store and read embeddings."""
