"""A dataset's version as commands name it."""

from __future__ import annotations

from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.store import Store

__all__ = ["find_dataset"]


def find_dataset(named: str, store: Store) -> Dataset:
    """Return the version that NAME@VERSION names, or, of NAME alone, the one that was made last.

    Raises:
        InputError: nothing stands after the @.
        UnknownName: there is none.
    """
    name, at, version = named.partition("@")
    if at and not version:
        raise InputError(f"{named}: give a version after the @, or leave the @ out for the newest")
    return Dataset.get(name, version or None, store=store)
