"""Signing in, members, their keys, sessions and invitations, over the API and on pages."""
