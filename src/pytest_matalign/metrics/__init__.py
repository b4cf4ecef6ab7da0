"""Alignment metrics: pure functions of two embeddings (or one), each a named estimator."""
