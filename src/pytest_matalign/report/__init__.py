"""The page of a scorecard and the figures for papers."""
