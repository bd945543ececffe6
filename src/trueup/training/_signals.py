"""Ending a run that was told to end: after the step under way, with its state saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["told_to_end"]


@contextmanager
def told_to_end() -> Iterator[Callable[[], bool]]:
    """Take note of SIGTERM in place of dying of it; give what says whether it came.

    Signals arrive in the main thread alone: a run in another thread keeps what its process does.
    """
    came = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield came.is_set
        return
    before = signal.signal(signal.SIGTERM, lambda *_: came.set())
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, before)
