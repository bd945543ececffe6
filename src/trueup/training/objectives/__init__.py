"""One pure objective per file, beside its paper's equation."""
