"""What tells a function from another one: its code, and the plain data that it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from types import CodeType, FunctionType, MethodType
from typing import Any

from trueup.errors import InputError
from trueup.store.ids import content_hash

__all__ = ["function_version"]

_PLAIN = (type(None), bool, int, float, complex, str, bytes, PurePath)


def function_version(function: Callable[..., Any]) -> str:
    """Return a hash of what a function does, as far as that shows without calling it.

    Seen are its bytecode and constants, its defaults, what it closes over, the globals that it
    names, what is bound to it (of a partial, a method, an object that is called), what it wraps,
    and the functions and classes of its own module among these. Values are seen where they are
    plain data: numbers, texts, paths, patterns, and lists, tuples, sets and dictionaries of them;
    of others only their type.

    Raises:
        InputError: what it reads is nested too deep.
    """
    try:
        return _told(function, frozenset(), {})[:8]
    except RecursionError:
        raise InputError(
            f"{getattr(function, '__name__', function)!r} reads data that is nested too deep for "
            "a version to be told from it: give version="
        ) from None


_Known = dict[int, tuple[Any, str]]
"""Values and their hashes by their ids, which are theirs as long as they are held here."""


def _told(value: Any, inside: frozenset[int], known: _Known) -> str:
    """Return a hash of a value; `inside` are those that hold it, which end where they recur."""
    if id(value) in inside:
        return "itself"
    if id(value) not in known:
        parts = _parts_told(value, inside | {id(value)}, known)
        known[id(value)] = value, content_hash(parts)
    return known[id(value)][1]


def _parts_told(value: Any, inside: frozenset[int], known: _Known) -> list[Any]:
    kind = type(value).__qualname__
    if isinstance(value, _PLAIN):
        return [kind, repr(value)]
    if isinstance(value, Mapping):
        pairs = [(_told(k, inside, known), _told(v, inside, known)) for k, v in value.items()]
        return [kind, *sorted(pairs)]
    if isinstance(value, set | frozenset):
        return [kind, *sorted(_told(one, inside, known) for one in value)]
    parts = list(value) if isinstance(value, list | tuple) else _parts(value)
    return [kind, *(_told(one, inside, known) for one in parts)]


def _parts(value: Any) -> list[Any]:
    """Return what makes a function, a class or an object that is called; nothing of others."""
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
    if isinstance(value, type):
        own = {n: v for n, v in vars(value).items() if isinstance(v, (FunctionType, *_PLAIN))}
        return [value.__qualname__, own]
    if (wrapped := getattr(value, "__wrapped__", None)) is not None:  # as functools.cache leaves it
        return [wrapped]
    call = getattr(type(value), "__call__", None)  # noqa: B004  # not whether, but which
    return [call, getattr(value, "__dict__", None)] if isinstance(call, FunctionType) else []


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
        if not isinstance(value, FunctionType | type) or value.__module__ == own
    }


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code and the code inside it look up."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)
