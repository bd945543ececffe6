"""What runs in the place of a model's own layers: shared prompts, adapters, and less to keep."""
