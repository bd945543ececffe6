"""The rows that `--data` names: files, folders, and datasets of the store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trueup.cli._named import find_dataset
from trueup.cli._output import open_store
from trueup.datasets import Dataset
from trueup.errors import InputError, StoreError
from trueup.store import Store
from trueup.training import Method, read_examples
from trueup.training.rows import rows_for
from trueup.types import Example

__all__ = ["datasets_of", "is_file", "parted", "read_held_out", "read_rows"]

FILES = (".jsonl", ".json", ".parquet")
"""How a name ends that is a file's; another that is no file or folder is a dataset's."""

Split = tuple[list[Example], list[Example]]


def is_file(data: str) -> bool:
    """Say whether a name is a file's, a folder's or of a hub, and not a dataset's of the store."""
    return "/" in data or Path(data).exists() or Path(data).suffix in FILES


def parted(data: str) -> tuple[str, str]:
    """Return the head of a reward that `HEAD=NAME` says rows are about, if any, and the name."""
    head, _, name = data.rpartition("=")
    if re.fullmatch(r"\w[\w-]*", head) and not Path(data).exists():
        return head, name
    return "", data


def read_rows(data: Sequence[str], method: Method, store: str | None) -> Split:
    """Return the rows to learn from and those to hold out: none of a file, a dataset's own.

    Args:
        data: names, each `NAME`, or `HEAD=NAME` where the rows are about one head of a reward.
        method: what the rows are for.
        store: as commands take it.
    """
    rows: list[Example] = []
    aside: list[Example] = []
    for found, held in _each(data, method, store):
        rows += found
        aside += held
    return rows, aside


def read_held_out(data: Sequence[str], method: Method, store: str | None) -> list[Example]:
    """Return rows to measure on: a dataset's validation rows, all of a file, or where it has none.

    Args:
        data, method, store: as `read_rows` takes them.
    """
    return [row for found, held in _each(data, method, store) for row in held or found]


def datasets_of(data: Sequence[str], store: str | None) -> list[Dataset]:
    """Return the datasets of the store that are among the names."""
    wanted = [name for _, name in map(parted, data) if not is_file(name)]
    if not wanted:
        return []
    with _opened(wanted[0], store) as opened:
        return [find_dataset(name, opened) for name in wanted]


def _each(data: Sequence[str], method: Method, store: str | None) -> Iterator[Split]:
    for named in data:
        head, name = parted(named)
        rows, aside = _read(name, method, store)
        if head:
            rows, aside = ([replace(row, head=head) for row in some] for some in (rows, aside))
        yield rows, aside


def _read(data: str, method: Method, store: str | None) -> Split:
    if is_file(data):
        return read_examples(data), []
    with _opened(data, store) as opened:
        return rows_for(method, find_dataset(data, opened), data)


def _opened(data: str, store: str | None) -> Store:
    try:
        return open_store(store)
    except StoreError as error:
        raise InputError(
            f"{data}: no file or folder has that name; as a dataset, {error}"
        ) from error
