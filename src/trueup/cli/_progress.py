"""Progress bars for what takes longer than a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["progress_bar", "progress_bars"]


@contextmanager
def progress_bars(*, hidden: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """Draw bars on a terminal's standard error, and give the callback that moves them.

    The callback takes what is under way, how much of it is done, and of how much; each thing has a
    bar of its own. The bars go away at the end, and where standard error is no terminal there are
    none.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    with Progress(
        *columns, console=console, transient=True, disable=hidden or not console.is_terminal
    ) as bars:

        def move(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        yield move


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Draw one bar; its callback takes how much is done, and of how much."""
    with progress_bars() as move:
        yield partial(move, what)
