"""Keep freed memory in the process, where the allocator is glibc's."""

from __future__ import annotations

import ctypes
import os

__all__ = ["keep_freed_memory"]

# <malloc.h>
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_KEPT = 2**30  # bytes free at the top of the heap before they go back
_BLOCK = 2**26  # bytes of a block that is too large to keep
# Kernels that oneDNN keeps compiled: its own 1,024 grow with each new shape and save no time.
_KERNELS = "128"


def keep_freed_memory() -> None:
    """Have malloc keep what is freed from now on, after giving back what is free now.

    A forward pass on a CPU frees and takes blocks of tens of megabytes at every layer. By default
    each goes back to the system and comes again as zeroed pages, which took a quarter of a training
    step of a 135M model. All threads started later share one heap: each heap of its own keeps what
    it was ever given, which costs a turn of the loop gigabytes. Where the allocator is not
    glibc's, it is left as it is.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _KERNELS)  # read at its first use
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
        library.malloc_trim(0)
        library.mallopt(_M_ARENA_MAX, 1)
        library.mallopt(_M_MMAP_THRESHOLD, _BLOCK)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
