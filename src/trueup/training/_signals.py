"""Ending a run that was told to end: after the step under way, with its state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["told_to_end"]


@contextmanager
def told_to_end() -> Iterator[Callable[[], bool]]:
    """Take note of SIGTERM and Ctrl-C in place of dying of them; give what says whether one came.

    A second Ctrl-C ends at once, and a signal that is ignored stays so. Signals arrive in the main
    thread alone: a run in another thread keeps what its process does.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return

    def note(number: int, _: FrameType | None) -> None:
        came.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, before[signal.SIGINT])

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    # a shell has what runs behind it ignore Ctrl-C; None is a handler that Python cannot put back
    before = {n: found for n, found in handlers.items() if found not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, note)
    try:
        yield came.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
