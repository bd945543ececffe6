"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trueup.errors import InputError

__all__ = ["check_target", "json_line", "whole_file"]

# what `str.splitlines` and some readers take for the end of a line, and JSON does not
_LINE_ENDS = {ord(mark): f"\\u{ord(mark):04x}" for mark in "\u0085\u2028\u2029"}

_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)


def check_target(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a place for a file that is taken, before anything is done for it.

    Raises:
        InputError: there is a folder, or a file that may not be replaced.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists: name another file, or overwrite it (--force)")


@contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to, and move it there once all went well.

    Args:
        path: where the file is to be.
        overwrite: whether a file that is there may be replaced.

    Raises:
        InputError: there is a file already, or a folder, or it cannot be written, as where the
            disk is full; what was there stays.
    """
    check_target(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; name a file elsewhere") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp makes it private
        temporary.replace(path)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise InputError(f"cannot write {path}: {error.strerror}; make room for it") from error
    finally:
        temporary.unlink(missing_ok=True)


def json_line(value: Any) -> str:
    """Return a value as one line of a JSON lines file, its end included."""
    return json.dumps(value, ensure_ascii=False).translate(_LINE_ENDS) + "\n"
