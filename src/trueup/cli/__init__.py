"""The `trueup` command: one file per noun, and nothing here that a room below could do."""
