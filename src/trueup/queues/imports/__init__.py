"""Labels that were given elsewhere."""
