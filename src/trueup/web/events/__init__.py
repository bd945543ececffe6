"""The audit log, webhooks and the stream of changes, over the API and on pages."""
