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
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

__all__ = ["Bars", "progress_bar", "progress_bars"]


class _Speed(ProgressColumn):
    """How many are done a second; of what takes longer, a minute."""

    def render(self, task: Task) -> Text:
        if not task.speed:
            return Text("")
        rate, unit = (task.speed, "s") if task.speed >= 1 else (60 * task.speed, "min")
        return Text(f"{rate:.1f}/{unit}", style="progress.data.speed")


class _Note(ProgressColumn):
    """What is said beside a bar, cut at the end of the line in a narrow window."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["note"], no_wrap=True, overflow="ellipsis")


class Bars(Progress):
    """A bar for each thing that is under way, on standard error; none are left at the end."""

    def __init__(self, console: Console, *, hidden: bool = False) -> None:
        self._named: dict[str, TaskID] = {}
        whole = partial(Column, no_wrap=True)
        wide = console.width > 110
        elapsed = [TimeElapsedColumn(table_column=whole())] if wide else []
        super().__init__(
            TextColumn("  {task.description}", table_column=whole()),
            BarColumn(bar_width=30 if wide else 10),
            MofNCompleteColumn(table_column=whole()),
            *elapsed,
            _Speed(table_column=whole()),
            TimeRemainingColumn(table_column=whole()),
            _Note(),
            console=console,
            transient=True,
            # where nothing can be drawn over, a bar would be a line for every state it was in
            disable=hidden or not console.is_terminal,
        )

    def move(self, what: str, done: int, total: int) -> None:
        """Move the bar of `what` to so much of so much, and take it away when it is full."""
        if what not in self._named:
            # what was done before does not count as speed
            self._named[what] = self.add_task(what, completed=done, total=total, note="")
        self.update(self._named[what], completed=done, total=total)
        if done >= total:
            self.remove_task(self._named.pop(what))

    def note(self, what: str, text: str) -> None:
        """Write a text beside the bar of `what`, if it is there."""
        if what in self._named:
            self.update(self._named[what], note=text)

    __call__ = move


@contextmanager
def progress_bars(*, hidden: bool = False) -> Iterator[Bars]:
    """Draw bars on a terminal's standard error, and give the callback that moves them.

    The callback takes what is under way, how much of it is done, and of how much. Where standard
    error is no terminal there are no bars.
    """
    with Bars(Console(stderr=True), hidden=hidden) as bars:
        yield bars


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Draw one bar; its callback takes how much is done, and of how much."""
    with progress_bars() as move:
        yield partial(move, what)
