"""Tool calls held against those that are expected."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from trueup.errors import InputError
from trueup.text import listed, plain_text
from trueup.types import AnyOf, Expected, ToolCall, Trace

__all__ = [
    "Matching",
    "Trajectory",
    "changes_something",
    "match_calls",
    "read_expected",
    "same_arguments",
    "same_value",
]

# No leading zeros: "007" names something and is not 7.
_NUMERIC = re.compile(r"[+-]?(?:0|[1-9]\d{0,60})(?:\.\d{1,60})?(?:e[+-]?\d{1,3})?", re.IGNORECASE)


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_READING = frozenset(
    listed(
        """ask browse calculate check compute count describe escalate fetch find get has is list
        look lookup query read retrieve search select show think transfer validate verify view"""
    )
)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """What was done and said: the calls in order, and the text without them.

    Attributes:
        carried_out: whether the calls were answered, so that the agent went on from what they gave.
    """

    calls: tuple[ToolCall, ...]
    text: str
    carried_out: bool = False

    @classmethod
    def read(cls, trajectory: Any) -> Trajectory:
        """Read a `Trace`, or a list of OpenAI-style messages, of which the assistant's count.

        Raises:
            InputError: it is neither.
        """
        if isinstance(trajectory, Trace):
            asked = ToolCall.parse_all(trajectory.answer)
            calls = trajectory.steps or asked
            return cls(calls, plain_text(trajectory.answer), calls != asked)
        if not isinstance(trajectory, Sequence) or isinstance(trajectory, str | bytes):
            kind = type(trajectory).__name__
            raise InputError(f"trajectory: a Trace or a list of messages is needed, not {kind}")
        if not all(isinstance(message, Mapping) for message in trajectory):
            raise InputError("trajectory: every message is an object with a role")
        said = [message for message in trajectory if message.get("role") == "assistant"]
        calls = tuple(call for message in said for call in ToolCall.of_message(message))
        texts = (message.get("content") for message in said)
        answered = any(message.get("role") == "tool" for message in trajectory)
        text = "\n".join(plain_text(text) for text in texts if isinstance(text, str))
        return cls(calls, text, answered)


@dataclass(frozen=True, slots=True)
class Matching:
    """Which calls were made as expected, and which were not.

    Attributes:
        missing: expected calls that no call made fits.
        extra: calls made that no expected call fits.
        unfit: the places of the extra calls among those made.
        premature: the places of calls that are not expected there, but later.
        in_order: whether each call made is the expected one of its place.
    """

    missing: tuple[ToolCall, ...]
    extra: tuple[ToolCall, ...]
    unfit: tuple[int, ...]
    premature: tuple[int, ...]
    in_order: bool


def match_calls(made: Sequence[ToolCall], expected: Sequence[ToolCall]) -> Matching:
    """Match calls made with expected ones, as many as can be, each at most once."""
    from scipy.sparse import csr_array  # loads slowly
    from scipy.sparse.csgraph import maximum_bipartite_matching

    fits = np.array(
        [
            [m.name == e.name and same_arguments(m.arguments, e.arguments) for m in made]
            for e in expected
        ],
        dtype=bool,
    ).reshape(len(expected), len(made))
    # for each expected call the place of the call made that it is matched with, or -1
    places = (
        maximum_bipartite_matching(csr_array(fits), perm_type="column")
        if fits.any()
        else np.full(len(expected), -1)
    )
    unfit = tuple(i for i in range(len(made)) if i not in places)
    return Matching(
        missing=tuple(e for e, place in zip(expected, places, strict=True) if place < 0),
        extra=tuple(made[i] for i in unfit),
        unfit=unfit,
        premature=tuple(
            i for i in range(len(made)) if not fits[i : i + 1, i].any() and fits[i + 1 :, i].any()
        ),
        in_order=len(made) == len(expected) and bool(fits.diagonal().all()),
    )


def changes_something(name: str) -> bool:
    """Tell by its verb whether a tool changes a record, where others read, reckon or hand over."""
    words = _WORDS.findall(name.rpartition(".")[2])
    return not words or words[0].casefold() not in _READING


def same_arguments(made: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Tell whether arguments are as expected; a None counts as left out on both sides."""
    if any(made[key] is not None and key not in expected for key in made):
        return False
    return all(same_value(made.get(key), wanted) for key, wanted in expected.items())


def same_value(made: Any, expected: Any) -> bool:
    """Tell whether two JSON values mean the same: 5, 5.0 and "5" do, and " A b" and "a  B"."""
    if isinstance(expected, AnyOf):
        return any(same_value(made, value) for value in expected.values)
    made, expected = _parsed(made, expected), _parsed(expected, made)
    if isinstance(made, Mapping) and isinstance(expected, Mapping):
        return same_arguments(made, expected)
    if _is_list(made) and _is_list(expected):
        return len(made) == len(expected) and all(
            same_value(m, e) for m, e in zip(made, expected, strict=True)
        )
    return bool(_scalar(made) == _scalar(expected))


def read_expected(expected: Any) -> Expected | None:
    """Read what is expected: an `Expected`, a bare list of calls, or None.

    Raises:
        InputError: it is none of these.
    """
    if expected is None or isinstance(expected, Expected):
        return expected
    if not isinstance(expected, Sequence) or isinstance(expected, str | bytes):
        kind = type(expected).__name__
        raise InputError(f"expected: an Expected or a list of calls is needed, not {kind}")
    calls = []
    for entry in expected:
        match entry:
            case ToolCall():
                calls.append(entry)
            case {"name": str(name)} if isinstance(entry.get("arguments", {}), Mapping):
                calls.append(ToolCall(name, entry.get("arguments", {})))
            case _:
                raise InputError(f"expected: a call is {{name, arguments}}, not {entry!r:.80}")
    return Expected(calls=tuple(calls))


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _parsed(value: Any, other: Any) -> Any:
    """Return the JSON value that a text spells, where the other side is an object or a list."""
    if not isinstance(value, str) or not (isinstance(other, Mapping) or _is_list(other)):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        return value
    folded = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    return Decimal(folded) if _NUMERIC.fullmatch(folded) else folded
