"""The files of an export: JSON lines, Parquet and CSV, written a page at a time.

Readers of JSON lines and CSV infer a column's type from what stands first in it, and take a column
that begins with nothing but nulls for one of nulls. So the first row that has a value in a column
is put at the head of the file where it would come late.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import InputError
from trueup.store.files import json_line

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KINDS", "Write", "check_kind", "open_file"]

KINDS = (".jsonl", ".parquet", ".csv")
_EARLY = 1_000_000
"""Bytes within which a row comes early; `datasets` infers types from more than that."""

Row = Mapping[str, Any]
Write = Callable[[Sequence[Row]], None]


def check_kind(path: Path) -> None:
    """Check that a file's name says what kind it is.

    Raises:
        InputError: it does not.
    """
    if path.suffix not in KINDS:
        raise InputError(f"{path}: its name ends in none of {', '.join(KINDS)}; name it so")


@contextmanager
def open_file(path: Path, kind: str, schema: pa.Schema) -> Iterator[Write]:
    """Open a file for rows and give the function that writes some.

    Args:
        path: where; there may be an empty file.
        kind: one of `KINDS`.
        schema: its columns.
    """
    if kind == ".parquet":
        with _parquet(path, schema) as write:
            yield write
        return
    spell = _csv_line if kind == ".csv" else json_line
    head = _csv_line(dict(zip(schema.names, schema.names, strict=True))) if kind == ".csv" else ""
    with path.open("w", encoding="utf-8", newline="") as out:
        lines = _Lines(out, head, spell, _columns(schema))
        yield lines.write
    lines.put_late_first(path)


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, compression="zstd") as out:
        yield lambda rows: out.write_table(pa.Table.from_pylist(list(rows), schema=schema))


class _Lines:
    """The lines of a text file, and those that are to be put first."""

    def __init__(
        self, out: io.TextIOWrapper, head: str, spell: Callable[[Row], str], columns: set[str]
    ) -> None:
        self._out, self._head, self._spell = out, head, spell
        self._unseen = columns
        self._late: list[str] = []
        self._size = out.write(head)

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            line = self._spell(row)
            new = {name for name in self._unseen if _has(row, name)}
            self._unseen -= new
            if new and self._size > _EARLY:
                self._late.append(line)
                continue
            self._size += self._out.write(line)

    def put_late_first(self, path: Path) -> None:
        if not self._late:
            return
        other = path.with_name(path.name + ".first")
        try:
            with path.open("rb") as body, other.open("wb") as whole:
                head = self._head.encode()
                whole.write(head + "".join(self._late).encode())
                body.seek(len(head))
                shutil.copyfileobj(body, whole)
            other.replace(path)
        finally:
            other.unlink(missing_ok=True)


def _columns(schema: pa.Schema) -> set[str]:
    """Return the names of the columns, and of what messages of a prompt may hold."""
    prompt = schema.field("prompt").type if "prompt" in schema.names else None
    if prompt is None or str(prompt) == "string":
        return set(schema.names)
    keys = [field.name for field in prompt.value_type]
    return {*schema.names, *(f"prompt/{key}" for key in keys)}


def _has(row: Row, name: str) -> bool:
    """Whether a row has a value in a column, or one of its messages under a key."""
    if name.startswith("prompt/"):
        return any(turn[name.removeprefix("prompt/")] for turn in row["prompt"])
    return row[name] not in (None, "")


def _csv_line(row: Row) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([_cell(value) for value in row.values()])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """Return a value as a cell holds it: what is nested as JSON text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
