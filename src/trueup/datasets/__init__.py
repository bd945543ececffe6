"""Versioned, immutable, content-hashed datasets of preferences."""
