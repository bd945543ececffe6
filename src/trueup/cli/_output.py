"""What every command shares: the options for the store and JSON, and how results are shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trueup.errors import InputError
from trueup.store import Store

__all__ = [
    "CONTROLS",
    "JsonOption",
    "Out",
    "StoreOption",
    "open_store",
    "print_table",
    "say",
    "show_facts",
    "show_json",
    "show_parts",
    "show_table",
    "speaks",
]

StoreOption = Annotated[
    str | None,
    Parameter(name="--store", help="The store's folder or URL; else TRUEUP_STORE, else .trueup/."),
]
_WIDE = 10_000  # characters
_WORD = 24  # characters that are not broken while there are longer texts to break
_GAP = 3  # characters between columns
_LEAST = 12  # characters that a column of longer texts keeps beside whole words
CONTROLS = {
    code: f"\\u{code:04x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}
JsonOption = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]


def speaks() -> bool:
    """Say whether this process tells what happens: of those that torchrun started, one does."""
    return os.environ.get("RANK", "0") == "0"


class Out(Console):
    """Standard output: a reader that has gone is no error, and what cannot be written is one line.

    rich's own ends the process with 1 when the reader goes, which would take the place of a
    verdict's exit code.
    """

    def on_broken_pipe(self) -> None:
        """Write no more."""
        self.quiet = True
        _discard()

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `Console` does.

        Raises:
            InputError: standard output takes no more.
        """
        try:
            super().print(*objects, **options)
        except OSError as error:
            # what is still in the buffer would fail once more as the process ends
            _discard()
            raise InputError(
                f"standard output: {error.strerror}; what was done is kept, make room and ask again"
            ) from error


def _discard() -> None:
    """Have standard output go nowhere from now on, what is still in its buffer included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_store(address: str | None) -> Store:
    """Open the store that a reading command was pointed at; one that is not there is an error.

    Raises:
        StoreError: there is none, or it cannot be opened.
    """
    return Store.open(address, create=False)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    # where a control character is written as an escape, `say` leaves JSON what it is
    say(json.dumps(value, indent=2, ensure_ascii=False, default=_encode))


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> None:
    """Print a table for people; None is an empty cell, and figures stand on the right.

    However narrow the terminal, the first column is whole: it is what other commands ask for.
    Columns of single words are whole too while the others have room beside them. Where there is no
    terminal, all columns are whole.
    """
    cells = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    widths = _widths(columns, cells)
    words = [
        index
        for index in range(1, len(columns))
        if all(" " not in (cell := _cell(row[index])) and len(cell) <= _WORD for row in cells)
    ]
    others = len(columns) - 1 - len(words)
    room = Out().width - widths[0] - _LEAST * others - _GAP * len(columns) if columns else 0
    whole = sum(widths[index] for index in words) <= room
    for index, name in enumerate(columns):
        numbers = cells and all(isinstance(row[index], int | float | None) for row in cells)
        kept = index == 0 or (whole and index in words)
        table.add_column(name, justify="right" if numbers else "left", no_wrap=kept)
    for row in cells:
        table.add_row(*(Text(_cell(value)) for value in row))
    if table.columns:
        table.columns[0].min_width = widths[0]
    print_table(Out(), table)


def _widths(columns: Sequence[str], cells: Sequence[Sequence[Any]]) -> list[int]:
    """Return how wide each column is where nothing is broken."""
    return [
        max(cell_len(_cell(row[at])) for row in [columns, *cells]) for at in range(len(columns))
    ]


def show_parts(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None
) -> None:
    """Print a table as `show_table` does, so that no figure is ever broken.

    Where the terminal is too narrow for all columns it is several tables, each with the first.
    """
    cells = [list(row) for row in rows]
    widths = _widths(columns, cells)
    console = Out()
    room = console.width if console.is_terminal else _WIDE
    parts, used = [[0]], 0
    for at in range(1, len(columns)):
        if len(parts[-1]) > 1 and used + widths[at] + _GAP > room:
            parts.append([0])
        if len(parts[-1]) == 1:
            used = 1 + widths[0] + _GAP
        parts[-1].append(at)
        used += widths[at] + _GAP
    for part in parts:
        show_table(
            [columns[at] for at in part], [[row[at] for at in part] for row in cells], title=title
        )
        title = None


def print_table(console: Console, table: Table) -> None:
    """Print a table as wide as the terminal, or, where there is none, as wide as it likes."""
    wide = console.measure(table, options=console.options.update(width=_WIDE)).maximum
    if not console.is_terminal:
        console.width = wide
    elif wide > console.width:
        table.padding = (0, 1, 0, 0)
    console.print(table)


def show_facts(facts: Mapping[str, Any]) -> None:
    """Print names with their values under one another, a line each; of a list one an entry."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        for number, line in enumerate(_lines(value)):
            say(f"{'' if number else name:<{width}}  {line}")


def say(text: str) -> None:
    """Print a text, however wide the terminal; what would steer the terminal is escaped."""
    shown = text.translate(CONTROLS)
    Out(soft_wrap=True).print(shown, markup=False, highlight=False, emoji=False)


def _lines(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [", ".join(f"{name} {'; '.join(_lines(one))}" for name, one in value.items())]
    if isinstance(value, list | tuple):
        return [line for one in value for line in _lines(one)] or ["none"]
    return [_cell(value)]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value).translate(CONTROLS)


def _encode(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
