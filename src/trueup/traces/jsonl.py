"""Trace files: one JSON object a line, in any of three shapes, read at constant memory.

- a span tree: `{"trace_id": ..., "spans": [{"span_id", "parent_id", "name", "start_ns", "end_ns",
  "attributes", "status"}, ...]}`;
- OTLP/JSON: `{"resourceSpans": [...]}`, which may carry several traces;
- a plain record: `{"messages": [...], "answer": "...", ...}`, see `trace_from_record`.

A trace must be whole on its line: spans of one trace that are spread over lines are not merged, and
the second such line is rejected as being in conflict with the first.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from trueup.errors import InputError
from trueup.store.files import whole_file
from trueup.traces.conventions import DEFAULT_COHORT, trace_from_spans
from trueup.traces.otlp import is_otlp, traces_from_otlp
from trueup.traces.records import record_of, span_from_record, trace_from_record, unknown_keys
from trueup.types import Trace

__all__ = ["BadLine", "Line", "open_lines", "parse_line", "read_traces", "write_traces"]

MAX_LINE = 64 * 2**20
"""Bytes of the longest line that is read."""
_BOM = b"\xef\xbb\xbf"
_MAX_DEPTH = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line, or a trace on it, that cannot be read, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number from 1, where it ends, and its bytes; None where too long."""

    number: int
    end: int
    raw: bytes | None


def read_traces(
    path: str | Path, *, cohort_default: str = DEFAULT_COHORT
) -> Iterator[Trace | BadLine]:
    """Read a trace file, line by line.

    Args:
        path: the file.
        cohort_default: the cohort of traces that name none.

    Yields:
        A `Trace` or, for what cannot be read, a `BadLine`. Empty lines are passed over.

    Raises:
        InputError: the file cannot be opened.
    """
    with open_file(path) as stream:
        for line in open_lines(stream):
            yield from parse_line(line, cohort_default=cohort_default)


def write_traces(path: str | Path, traces: Iterable[Trace], *, overwrite: bool = False) -> int:
    """Write traces as plain records with their spans, and return how many there were.

    Raises:
        InputError: the file exists and may not be overwritten, or cannot be written.
    """
    count = 0
    with (
        whole_file(Path(path), overwrite=overwrite) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as stream,
    ):
        for trace in traces:
            stream.write(json.dumps(record_of(trace), ensure_ascii=False) + "\n")
            count += 1
    return count


def open_file(path: str | Path) -> BinaryIO:
    """Open a file to read.

    Raises:
        InputError: it is not there, is a folder, or may not be read.
    """
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; check its name") from error


def open_lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a file that are not empty, none of them held longer than its turn."""
    number = end = 0
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        end += len(raw)
        too_long = len(raw) > MAX_LINE and not raw.endswith(b"\n")
        while too_long and (rest := stream.readline(MAX_LINE)):
            end += len(rest)
            if rest.endswith(b"\n"):
                break
        if number == 1:
            raw = raw.removeprefix(_BOM)
        if too_long or raw.strip():
            yield Line(number, end, None if too_long else raw)


def parse_line(
    line: Line, *, cohort_default: str, ignored: Counter[str] | None = None
) -> Iterator[Trace | BadLine]:
    """Read the traces of one line.

    Args:
        line: the line.
        cohort_default: the cohort of traces that name none.
        ignored: counts the keys of plain records that are not read.
    """
    try:
        data = _load(line)
        if is_otlp(data):
            yield from _parse_otlp(line.number, data, cohort_default)
        elif "spans" in data and "messages" not in data:
            yield _parse_tree(data, cohort_default)
        else:
            yield trace_from_record(data, cohort_default=cohort_default)
            if ignored is not None:
                ignored.update(unknown_keys(data))
    except InputError as error:
        yield BadLine(line.number, str(error))
    # whatever else a line makes a reader stumble on, its neighbours are not lost for it
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        yield BadLine(line.number, f"cannot be read: {type(error).__name__}: {error}")


def _parse_otlp(
    number: int, data: dict[str, Any], cohort_default: str
) -> Iterator[Trace | BadLine]:
    try:
        traces = traces_from_otlp(data)
        if not traces:
            raise InputError("an OTLP export without spans")
    except InputError as error:
        yield BadLine(number, str(error))
        return
    for trace_id, spans in traces.items():
        try:
            yield trace_from_spans(spans, trace_id=trace_id, cohort_default=cohort_default)
        except InputError as error:
            yield BadLine(number, f"trace {trace_id}: {error}")


def _parse_tree(data: dict[str, Any], cohort_default: str) -> Trace:
    trace_id, spans = data.get("trace_id"), data["spans"]
    if not isinstance(trace_id, str) or not trace_id:
        raise InputError("trace_id: a text is needed beside spans")
    if not isinstance(spans, list):
        raise InputError("spans: a list is needed")
    return trace_from_spans(
        [span_from_record(span) for span in spans],
        trace_id=trace_id,
        cohort_default=cohort_default,
    )


def _load(line: Line) -> dict[str, Any]:
    if line.raw is None:
        raise InputError(f"longer than {MAX_LINE // 2**20} MB: split the file by traces")
    try:
        text = line.raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"not UTF-8: byte {line.raw[error.start]:#04x} at {error.start}"
        ) from error
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise InputError(f"broken JSON: {error.msg} at character {error.pos}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"unusable JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"an object is needed, not a {type(data).__name__}")
    _check_content(line.raw, data)
    return data


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text:.40} is too large a number")
    return value


def _check_content(raw: bytes, data: Any) -> None:
    """Reject what no database can hold: halves of a surrogate pair, NUL, nesting without end.

    Escapes alone can bring the first two into a file that is UTF-8.
    """
    lowered = raw.lower()
    escaped = b"\\ud" in lowered or b"\\u0000" in lowered
    if not escaped and raw.count(b"[") + raw.count(b"{") <= _MAX_DEPTH:
        return
    left = [(data, 1)]
    while left:
        value, depth = left.pop()
        if depth > _MAX_DEPTH:
            raise InputError(f"nested more than {_MAX_DEPTH} deep")
        if isinstance(value, dict):
            left += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, list):
            left += [(inner, depth + 1) for inner in value]
        elif isinstance(value, str):
            if "\0" in value:
                raise InputError("it holds a NUL character: take it out")
            if _SURROGATE.search(value):
                raise InputError("it holds half of a surrogate pair: write the character whole")
