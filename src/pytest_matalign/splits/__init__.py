"""Named, versioned, ordered lists of samples: bundled, built larger, or the user's own."""
