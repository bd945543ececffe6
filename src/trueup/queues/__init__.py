"""Annotation queues: items, labels, audit and export."""
