"""A small interatomic model: what this example repository ships."""
