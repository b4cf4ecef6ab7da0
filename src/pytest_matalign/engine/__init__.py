"""All pairs of many embeddings at once, in tiles with bounded memory."""
