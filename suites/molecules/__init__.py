"""Small organic molecules: 3D, graph and string models."""
