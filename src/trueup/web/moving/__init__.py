"""Queues set up, and rows, labels and items in and out of them, over the API and on pages."""
