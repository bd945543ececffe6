"""The rows that a method learns from, whatever holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.training.config import Method
from trueup.training.data import read_examples
from trueup.training.documents import check_texts
from trueup.training.groups import checked
from trueup.training.unpaired import unpair
from trueup.types import Example

__all__ = ["Rows", "held_out_rows", "rows_for", "usable_rows"]

Rows = Iterable[Example] | Dataset | str | Path
"""What holds rows: examples, what `read_examples` takes, or a sealed dataset."""


def rows_for(method: Method, data: Rows, name: str) -> tuple[list[Example], list[Example]]:
    """Return the rows to learn from, and those that a dataset holds out; of others there are none.

    Args:
        method: what the rows are for.
        data: what holds them.
        name: what the data is called in errors.

    Raises:
        InputError: the data cannot be read, or rows are no examples.
        DatasetError: the dataset is a draft.
    """
    if isinstance(data, Dataset):
        return _of(data, method, "train"), _of(data, method, "validation")
    if isinstance(data, str | Path):
        return read_examples(data), []
    found: list[Any] = list(data) if isinstance(data, Iterable) else [data]
    for row in found:
        if not isinstance(row, Example):
            raise InputError(
                f"{name} holds a {type(row).__name__} where an Example is due; write the rows to "
                "a file and give its path, or make Examples of them"
            )
    return found, []


def held_out_rows(method: Method, data: Rows) -> list[Example]:
    """Return the rows to hold out: a dataset's validation rows, all of one that has none.

    Raises:
        InputError, DatasetError: as `rows_for` does.
    """
    rows, aside = rows_for(method, data, "held_out")
    return aside or rows


def usable_rows(method: Method, rows: Sequence[Example]) -> Sequence[Example]:
    """Return the rows as they will be tokenised, none of which the method cannot use.

    This needs no tokenizer, so it can be done before a model is loaded.

    Raises:
        InputError: names the rows that the method cannot use, and why.
    """
    if method.has_prompts:
        return checked(unpair(rows) if method.unpaired else rows, method)
    check_texts(rows)
    return rows


def _of(dataset: Dataset, method: Method, split: str) -> list[Example]:
    if method.completions > 1:
        return dataset.examples("pairs", split)
    chosen = dataset.examples("chosen", split)
    if not method.unpaired:
        return chosen
    pairs = {pair.id: pair for pair in dataset.examples("pairs", split)}
    return [pairs.get(row.id, replace(row, desirable=True)) for row in chosen]
