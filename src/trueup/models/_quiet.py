"""Without transformers' own progress bars: callers draw theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as hf_logging

__all__ = ["no_bars"]


@contextmanager
def no_bars() -> Iterator[None]:
    """Hide the bars of loading and saving, and put the setting back."""
    shown = hf_logging.is_progress_bar_enabled()
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            hf_logging.enable_progress_bar()
