"""The audit log's export for an auditor: safety labels, what they led to, and who read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.errors import InputError
from trueup.queues.exports._export_files import check_kind, open_file
from trueup.store import Store, events, evidence
from trueup.store.files import whole_file
from trueup.store.stamp import Stamp, stamp

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EvidenceFile", "export_evidence"]

_TEXTS = ("record", "at", "actor", "action", "noun", "object_id")
_OF_LABELS = ("queue", "item", "trace", "reviewer", "stream")
_LISTS = ("preferences", "datasets", "runs", "checkpoints", "verdicts")


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """What an export of the audit log wrote.

    Attributes:
        path: the file.
        labels: safety labels in it.
        events: other events on safety-labelled data in it, reads among them.
        seal, head: number and hash of the last seal as it was written: `trueup audit verify
            --head` finds by it whether the log still is what the file was made of.
        sha256: of the file; the event that tells of the export has it too.
    """

    path: Path
    labels: int
    events: int
    seal: int
    head: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return asdict(self) | {"path": str(self.path)}


def export_evidence(
    store: Store,
    path: str | Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    overwrite: bool = False,
    actor: str | None = None,
    now: datetime | None = None,
) -> EvidenceFile:
    """Write who labelled which safety-sensitive example, what came of it, and who read it.

    A row a label (see `trueup.store.evidence.safety_labels`) and a row for every other event on
    safety-labelled data; the last row, "head", has the last seal. A row whose event is sealed can
    be checked by itself: `seal_hash` follows from `seal_before` and the event. Events that are not
    sealed yet are sealed first; the export itself is an event.

    Args:
        store: where.
        path: the file: `.jsonl`, `.csv` or `.parquet`.
        since, until: only what was given or done from then on, and before then.
        overwrite: whether a file that is there may be replaced.
        actor: who exports.
        now: when.

    Raises:
        InputError: the name says no kind of file, a time is in no zone, or the file is there or
            cannot be written.
    """
    target, given = Path(path), stamp(actor, now)
    check_kind(target)
    for name, when in (("since", since), ("until", until)):
        if when is not None and when.tzinfo is None:
            raise InputError(f"{name} is {when} in no time zone; give one, such as +00:00")
    with store.transaction() as tx:
        events.seal_events(tx, back=None)
    with whole_file(target, overwrite=overwrite) as temporary:
        counts, seal, head = _write(store, temporary, target.suffix, given, since, until)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        made = EvidenceFile(target, counts["label"], counts["event"], seal, head, digest)
        ends = {"since": since and since.isoformat(), "until": until and until.isoformat()}
        detail = made.to_json() | {"path": target.name} | ends
        with store.transaction(beside_others=True) as tx:
            events.record(
                tx, "export", "audit_log", "safety", detail, **given._asdict(), safety=True
            )
    return made


def _write(
    store: Store,
    temporary: Path,
    kind: str,
    given: Stamp,
    since: datetime | None,
    until: datetime | None,
) -> tuple[dict[str, int], int, str]:
    schema, counts = _schema(), {"label": 0, "event": 0}
    blank: dict[str, Any] = {name: [] if name in _LISTS else None for name in schema.names}
    with store.reading() as tx, open_file(temporary, kind, schema) as write:

        def put(pages: Iterable[list[dict[str, Any]]], record: str) -> None:
            for page in pages:
                counts[record] += len(page)
                write([blank | row for row in page])

        put(evidence.safety_labels(tx, since=since, until=until), "label")
        put(evidence.safety_events(tx, since=since, until=until), "event")
        seal, head = evidence.head_of(tx)
        last = {
            "record": "head",
            "at": given.now.isoformat(),
            "actor": given.actor,
            "detail": json.dumps({"labels": counts["label"], "events": counts["event"]}),
            "seal": seal,
            "seal_hash": head,
        }
        write([blank | last])
    return counts, seal, head


def _schema() -> pa.Schema:
    import pyarrow as pa

    text = pa.string()
    return pa.schema(
        [
            *((name, text) for name in _TEXTS),
            ("safety", pa.bool_()),
            ("detail", text),
            *((name, text) for name in _OF_LABELS),
            ("simulated", pa.bool_()),
            ("replaces", text),
            ("label", text),
            ("guideline_version", pa.int64()),
            ("guideline_sha256", text),
            *((name, pa.list_(text)) for name in _LISTS),
            ("event", pa.int64()),
            ("seal", pa.int64()),
            ("seal_hash", text),
            ("seal_before", text),
        ]
    )
