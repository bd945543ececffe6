"""Replay, compare, gate and lineage: what lets a checkpoint out."""
