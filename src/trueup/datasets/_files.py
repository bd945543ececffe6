"""The Parquet file of a sealed version: written once, verified at every reading."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trueup.datasets._records import SCHEMA, Record, row_hash, version_hash
from trueup.errors import DatasetError, InputError
from trueup.store.files import whole_file

__all__ = ["check_name", "file_path", "read_file", "write_file"]

_BEFORE_WEIGHTS = [name for name in SCHEMA.names if name != "weight"]
"""The columns of versions that were sealed before rows had a weight."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_name(kind: str, name: str) -> None:
    """Check that a dataset's or version's name can be part of a file's.

    Raises:
        InputError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{kind} {name!r}: use up to 100 letters, digits, '.', '_' and '-', "
            "a letter or digit first"
        )


def file_path(root: Path, name: str, version: str, content_hash: str) -> Path:
    """Return where a sealed version's file lies."""
    return root / "datasets" / name / f"{version}-{content_hash[:16]}.parquet"


def write_file(path: Path, records: list[Record]) -> None:
    """Write the records, replacing a file that is there: by its name it is to hold the same.

    Raises:
        InputError: it cannot be written.
    """
    table = pa.Table.from_pylist(records, schema=SCHEMA)
    with whole_file(path, overwrite=True) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_file(path: Path, content_hash: str) -> list[Record]:
    """Read the records and verify them against the version's hash.

    Raises:
        DatasetError: the file is broken, or does not hold what was sealed.
    """
    advice = "delete it to have it written again from the store"
    try:
        table = pq.ParquetFile(path).read()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"dataset file {path} cannot be read ({str(error).splitlines()[0]}); {advice}"
        ) from error
    records: list[Record] = table.to_pylist()
    intact = (
        table.schema.names in (SCHEMA.names, _BEFORE_WEIGHTS)
        and all(record["row_hash"] == row_hash(record) for record in records)
        and version_hash(records) == content_hash
    )
    if not intact:
        raise DatasetError(
            f"dataset file {path} does not hold what was sealed ({content_hash[:12]}): "
            f"it was changed; {advice}"
        )
    return records
