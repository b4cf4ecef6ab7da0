"""Studies over many models: regimes, convergence, trees."""
