"""Model cards, adapters and what it takes to turn a card into a model in memory."""
