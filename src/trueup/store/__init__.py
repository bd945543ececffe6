"""The one place where rows are read and written."""
