"""Files of rows that people labelled: JSON lines of answers, or of pairs of answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trueup.errors import InputError
from trueup.evals.base import Evaluator

__all__ = ["Choice", "Labelled", "Pair", "has_pairs", "read_labelled", "read_pairs"]

Choice = Literal["a", "b", "tie"]
_CHOICES = ("a", "b", "tie")
_BOM = b"\xef\xbb\xbf"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Labelled:
    """What an evaluator is given, and what people say of it.

    Attributes:
        given: the evaluator's keyword arguments.
        label: whether it is good; or, of an evaluator that only finds something, what people find;
            None where people did not say.
        cohort: what figures are told apart by; empty is none.
        group: what resembles each other, such as answers to one prompt; empty stands alone.
    """

    given: Mapping[str, Any]
    label: bool | str | None
    cohort: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to a prompt, which of them people prefer, and which judges do.

    Attributes:
        prompt: what both answer.
        a, b: the answers.
        winner: which people prefer; None where they did not say.
        verdicts: by judge, what it preferred with a shown first and with b shown first; None where
            it did not say.
        cohort, group: see `Labelled`.
    """

    prompt: str
    a: str
    b: str
    winner: Choice | None = None
    verdicts: Mapping[str, tuple[Choice | None, Choice | None]] = field(default_factory=dict)
    cohort: str = ""
    group: str = ""


def read_labelled(path: Path, evaluator: Evaluator) -> list[Labelled]:
    """Read labelled rows: JSON lines, each the evaluator's arguments beside `label`.

    A row without a label, or whose label is null, is one that people did not see. `cohort` and
    `group` may stand beside it; without a group, rows of one prompt are one.

    Raises:
        InputError: the file cannot be read, or a line makes no row; the message names it.
    """
    return [_labelled(row, where, evaluator) for where, row in _objects(path)]


def read_pairs(path: Path) -> list[Pair]:
    """Read pairs: JSON lines with `prompt`, `a`, `b`, and `winner`: "a", "b" or "tie".

    `verdicts` holds judges' by name, each as a list of two: what was preferred with `a` shown first
    and with `b` shown first, null where there is no verdict. `cohort` and `group` are as in
    `read_labelled`.

    Raises:
        InputError: the file cannot be read, or a line makes no pair; the message names it.
    """
    return [_pair(row, where) for where, row in _objects(path)]


def has_pairs(path: Path) -> bool:
    """Tell whether a file's first row is a pair of answers.

    Raises:
        InputError: the file cannot be read, or its first line.
    """
    _, first = next(_objects(path), ("", {}))
    return "a" in first and "b" in first


def _objects(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line's object and where it stands; empty lines are passed over."""
    try:
        with path.open("rb") as lines:  # JSON may hold what else ends a line for Python
            for number, line in enumerate(lines, start=1):
                if bare := line.removeprefix(_BOM if number == 1 else b"").strip():
                    yield f"{path}:{number}", _object(bare, f"{path}:{number}")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give JSON lines") from error


def _object(line: bytes, where: str) -> dict[str, Any]:
    try:
        text = line.decode()
        read = json.loads(text)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: not UTF-8 at byte {error.start + 1}; save it as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: broken JSON: {error}") from error
    if not isinstance(read, dict):
        raise InputError(f"{where}: an object with `label`, or with `a` and `b`, is needed")
    if "\\u" in text and _SURROGATE.search(json.dumps(read, ensure_ascii=False)):
        raise InputError(f"{where}: half of a surrogate pair; write the character whole")
    return read


def _labelled(row: dict[str, Any], where: str, evaluator: Evaluator) -> Labelled:
    label, (cohort, group) = row.pop("label", None), _place(row, where)
    if not isinstance(label, bool | str | None):
        raise InputError(f"{where}: an object with `label`, true or false or a text, is needed")
    evaluator.check(row, where)
    return Labelled(row, label, cohort, str(row.get("prompt", "")) if group is None else group)


def _pair(row: dict[str, Any], where: str) -> Pair:
    cohort, group = _place(row, where)
    texts = [row.pop(name, None) for name in ("prompt", "a", "b")]
    winner, verdicts = row.pop("winner", None), row.pop("verdicts", {})
    if row:
        raise InputError(
            f"{where}: unknown {', '.join(row)}; a pair takes prompt, a, b, winner, verdicts, "
            "cohort, group"
        )
    if not all(isinstance(text, str) for text in texts):
        raise InputError(f"{where}: `prompt`, `a` and `b` are texts, and all three are needed")
    said = [winner, *_all_verdicts(verdicts, where)]
    if strange := [one for one in said if one is not None and one not in _CHOICES]:
        raise InputError(f'{where}: {strange[0]!r} is no choice: give "a", "b", "tie" or null')
    prompt, a, b = texts
    pairs = {name: (both[0], both[1]) for name, both in verdicts.items()}
    return Pair(prompt, a, b, winner, pairs, cohort, prompt if group is None else group)


def _all_verdicts(verdicts: Any, where: str) -> list[Any]:
    """Return every verdict that judges gave."""
    if not isinstance(verdicts, dict) or not all(
        isinstance(both, list) and len(both) == 2 for both in verdicts.values()
    ):
        raise InputError(
            f"{where}: `verdicts` is an object of judges, each with a list of two: what it "
            "preferred with a shown first, and with b shown first"
        )
    return [one for both in verdicts.values() for one in both]


def _place(row: dict[str, Any], where: str) -> tuple[str, str | None]:
    cohort, group = row.pop("cohort", ""), row.pop("group", None)
    if not isinstance(cohort, str) or not isinstance(group, str | None):
        raise InputError(f"{where}: `cohort` and `group` are texts")
    return cohort, group
