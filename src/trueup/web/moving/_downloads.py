"""Files that people take away: written whole first, then sent as they are read."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from fastapi.responses import StreamingResponse

from trueup.queues import AnnotationQueue, Export
from trueup.web.moving._moving_shapes import ExportIn

__all__ = ["TYPES", "export_response"]

_BLOCK = 256 * 1024
TYPES = {
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "csv": "text/csv; charset=utf-8",
}


def export_response(
    queue: AnnotationQueue, wanted: ExportIn, actor: str, now: datetime | None = None
) -> StreamingResponse:
    """Export a queue's rows and return them as a download.

    The file is written whole before its first byte is sent, so that what goes wrong is one line
    and no half of a file; it has no name any more while it is sent, and goes when that ends.

    Raises:
        TrueupError: as `AnnotationQueue.export_rows` does.
    """
    folder = Path(tempfile.mkdtemp(prefix="trueup-export-"))
    try:
        path = folder / f"{_plain(queue.name)}-{wanted.format}.{wanted.kind}"
        made = queue.export_rows(path, **wanted.arguments(), actor=actor, now=now)
        size = path.stat().st_size
        file = path.open("rb")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return StreamingResponse(
        _blocks(file), media_type=TYPES[wanted.kind], headers=_headers(made, path.name, size)
    )


def _headers(made: Export, name: str, size: int) -> dict[str, str]:
    return {
        "Content-Length": str(size),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Trueup-Rows": str(made.rows),
        "X-Trueup-Sha256": made.sha256,
    }


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block


def _plain(name: str) -> str:
    """Return a queue's name as a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip(".")[:80] or "queue"
