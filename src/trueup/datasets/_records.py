"""A dataset's rows as records: the columns of its file, and the hash of what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from trueup.store import content_hash
from trueup.types import Expected, Message, Preference

__all__ = ["SCHEMA", "Record", "row_hash", "to_preference", "to_record", "version_hash"]

Record = dict[str, Any]
"""One row by column; see `SCHEMA`."""

_TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

SCHEMA = pa.schema(
    [
        ("prompt", _TURNS),
        # JSON list of what the prompt's messages hold beside role and text; null if nothing
        ("prompt_extra", pa.string()),
        ("chosen", _TURNS),
        ("rejected", _TURNS),
        ("context", pa.list_(pa.string())),
        ("expected", pa.string()),  # JSON
        ("cohort", pa.string()),
        ("question_type", pa.string()),
        ("family", pa.string()),
        ("conversation_id", pa.string()),
        ("origin", pa.string()),
        ("agreement", pa.float64()),
        ("raters", pa.int64()),
        ("strength", pa.float64()),
        ("weight", pa.float64()),
        ("preference_id", pa.string()),
        ("item_id", pa.string()),
        ("trace_id", pa.string()),
        ("annotation_ids", pa.list_(pa.string())),
        ("row_hash", pa.string()),
        ("split", pa.string()),
    ]
)
"""The file's columns: conversational preference rows, and the ids that lead to their labels."""

_NOT_HASHED = (
    "row_hash",
    "split",
)  # the one is the hash; the other is the version's, not the row's


def to_record(preference: Preference, *, split: str) -> Record:
    """Return the row of a preference."""
    expected = preference.expected
    record = {
        "prompt": [
            {"role": m["role"], "content": c if isinstance(c := m.get("content"), str) else None}
            for m in preference.messages
        ],
        "prompt_extra": _extra(preference.messages),
        "chosen": _turn(preference.chosen),
        "rejected": None if preference.rejected is None else _turn(preference.rejected),
        "context": list(preference.context),
        "expected": None if expected is None else _dump(expected.to_json()),
        "cohort": preference.cohort,
        "question_type": preference.question_type,
        "family": preference.family,
        "conversation_id": preference.conversation_id,
        "origin": preference.origin,
        "agreement": None if preference.agreement is None else float(preference.agreement),
        "raters": preference.raters,
        "strength": float(preference.strength),
        "weight": float(preference.weight),
        "preference_id": preference.id,
        "item_id": preference.item_id,
        "trace_id": preference.trace_id,
        "annotation_ids": list(preference.annotation_ids),
    }
    return {**record, "row_hash": row_hash(record), "split": split}


def to_preference(record: Mapping[str, Any]) -> Preference:
    """Return the preference that `to_record` made the row of."""
    rejected, expected = record["rejected"], record["expected"]
    return Preference(
        id=record["preference_id"],
        item_id=record["item_id"],
        trace_id=record["trace_id"],
        conversation_id=record["conversation_id"],
        cohort=record["cohort"],
        question_type=record["question_type"],
        family=record["family"],
        messages=_messages(record),
        context=tuple(record["context"]),
        chosen=record["chosen"][0]["content"],
        rejected=None if rejected is None else rejected[0]["content"],
        origin=record["origin"],
        agreement=record["agreement"],
        raters=record["raters"],
        strength=record["strength"],
        annotation_ids=tuple(record["annotation_ids"]),
        expected=None if expected is None else Expected.from_json(json.loads(expected)),
        weight=record.get("weight", 1.0),  # versions sealed before rows had one
    )


def row_hash(record: Mapping[str, Any]) -> str:
    """Return the hash of what a row says, whichever split it is in.

    A weight of 1 is left out: rows from before there were weights keep their hash.
    """
    said = {key: value for key, value in record.items() if key not in _NOT_HASHED}
    if said.get("weight") == 1:
        del said["weight"]
    return content_hash(said)


def version_hash(records: list[Record]) -> str:
    """Return the hash of a version: over its rows' hashes and splits, in sorted order."""
    return content_hash(sorted([record["row_hash"], record["split"]] for record in records))


def _turn(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _extra(messages: tuple[Message, ...]) -> str | None:
    extras = [
        {
            key: value
            for key, value in message.items()
            if key != "role" and not (key == "content" and isinstance(value, str))
        }
        for message in messages
    ]
    return _dump(extras) if any(extras) else None


def _messages(record: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt = record["prompt"]
    extras = json.loads(record["prompt_extra"]) if record["prompt_extra"] else [{}] * len(prompt)
    return tuple(
        {key: value for key, value in turn.items() if value is not None} | extra
        for turn, extra in zip(prompt, extras, strict=True)
    )


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
