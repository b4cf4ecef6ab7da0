"""A tiny network that predicts the HOMO-LUMO gap of small organic molecules."""
