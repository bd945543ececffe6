"""Keep freed memory in the process, where the allocator is glibc's."""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_memory"]

# <malloc.h>
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_BYTES = 2**30


def keep_freed_memory() -> None:
    """Tell malloc not to hand freed blocks back to the system.

    A forward pass on a CPU frees and takes blocks of tens of megabytes at every layer. By default
    each goes back to the system and comes again as zeroed pages, which took a quarter of a training
    step of a 135M model. Where there is no `mallopt`, nothing is done.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _BYTES)
        mallopt(_M_TRIM_THRESHOLD, _BYTES)
