"""The durable loop: from recorded traces to a gated checkpoint, resumable at every step."""
