"""The training core: one batch type, one forward, one loop, a file per objective."""
