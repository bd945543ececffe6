"""What tells a function from another one: its code, and the plain data that it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from types import CodeType, FunctionType, MethodType
from typing import Any

from trueup.store.ids import content_hash

__all__ = ["function_version"]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath)


def function_version(function: Callable[..., Any]) -> str:
    """Return a hash of what a function does, as far as that shows without calling it.

    Seen are its bytecode and constants, its defaults, what it closes over, the globals that it
    names, what is bound to it (of a partial, a method, an object that is called), and the functions
    of its own module among these. Values are seen where they are plain data: numbers, texts, paths,
    patterns, and lists, tuples, sets and dictionaries of them; of others only their type.
    """
    return content_hash(_told(function, frozenset()))[:8]


def _told(value: Any, inside: frozenset[int]) -> str:
    """Return a value as one text; `inside` are those that hold it, which end where they recur."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if id(value) in inside:
        return "itself"
    inside |= {id(value)}
    if isinstance(value, Mapping):
        return f"{{{sorted((_told(k, inside), _told(v, inside)) for k, v in value.items())}}}"
    if isinstance(value, set | frozenset):
        return f"set{sorted(_told(one, inside) for one in value)}"
    parts = list(value) if isinstance(value, list | tuple) else _parts(value)
    if parts is None:
        return type(value).__qualname__
    return f"{type(value).__name__}{[_told(one, inside) for one in parts]}"


def _parts(value: Any) -> list[Any] | None:
    """Return what makes a function or an object that is called; None of anything else."""
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    if isinstance(value, CodeType):
        return [value.co_code, value.co_names, value.co_varnames, value.co_consts]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return [value.__func__, getattr(value.__self__, "__dict__", None)]
    if isinstance(value, FunctionType):
        return [value.__code__, value.__defaults__, value.__kwdefaults__, _read_by(value)]
    call = getattr(type(value), "__call__", None)  # noqa: B004  # not whether, but which
    if isinstance(call, FunctionType):
        return [call, getattr(value, "__dict__", None)]
    return None


def _read_by(function: FunctionType) -> dict[str, Any]:
    """Return by name what a function closes over, and the globals that it names."""
    known = function.__globals__
    read = {name: known[name] for name in _names(function.__code__) if name in known}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            read[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    own = function.__module__
    return {
        name: value
        for name, value in read.items()
        if not isinstance(value, FunctionType) or value.__module__ == own
    }


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code and the code inside it look up."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
