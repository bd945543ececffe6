"""Evaluators: what an answer is worth, as a `Score`."""
