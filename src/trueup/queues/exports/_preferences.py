"""What an export hands over: preferences that know which queue, format and stream they are of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

from trueup.errors import InputError, QueueEmpty
from trueup.queues.exports._settle import Origin, settle
from trueup.store.files import json_line, whole_file
from trueup.store.queues import QueueRow
from trueup.types import Annotation, Item, Preference

__all__ = ["Format", "PreferenceSet", "check_export", "settle_queue"]

Format = Literal["paired", "unpaired"]


@dataclass(frozen=True, eq=False)
class PreferenceSet(Sequence[Preference]):
    """The preferences of one export.

    Attributes:
        queue: the queue's name.
        stream: whose labels they are: "reviewer", "end_user" or "ai".
        format: "paired" holds only rows with a rejected answer; "unpaired" all of them.
        min_agreement: least share of agreeing rater pairs.
        simulated: whether a program gave any of the labels.
        left_out: items that gave no preference, by reason.
        preferences: the rows.
    """

    queue: str
    stream: str
    format: Format
    min_agreement: float
    simulated: bool
    left_out: Mapping[str, int]
    preferences: tuple[Preference, ...]

    def __len__(self) -> int:
        return len(self.preferences)

    def __iter__(self) -> Iterator[Preference]:
        return iter(self.preferences)

    @overload
    def __getitem__(self, index: int) -> Preference: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Preference]: ...
    def __getitem__(self, index: int | slice) -> Preference | Sequence[Preference]:
        """Return one preference, or a tuple of them."""
        return self.preferences[index]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield the rows as conversational records, each with its lineage ids.

        "paired" gives `prompt`, `chosen` and `rejected`; "unpaired" a record for every completion
        with `prompt`, `completion` and `label`, true for the good one.
        """
        for row in self.preferences:
            lineage = {
                "stream": self.stream,
                "cohort": row.cohort,
                "question_type": row.question_type,
                "origin": row.origin,
                "agreement": row.agreement,
                "weight": row.weight,
                "preference_id": row.id,
                "item_id": row.item_id,
                "trace_id": row.trace_id,
                "annotation_ids": list(row.annotation_ids),
            }
            prompt = [dict(message) for message in row.messages]
            chosen, rejected = _turn(row.chosen), _turn(row.rejected)
            if self.format == "paired":
                yield {"prompt": prompt, "chosen": chosen, "rejected": rejected, **lineage}
                continue
            yield {"prompt": prompt, "completion": chosen, "label": True, **lineage}
            if rejected is not None:
                yield {"prompt": prompt, "completion": rejected, "label": False, **lineage}

    def write(self, path: str | Path, *, overwrite: bool = False) -> int:
        """Write the records as JSON lines and return how many.

        Raises:
            InputError: the file exists and may not be overwritten, or cannot be written.
        """
        count = 0
        with (
            whole_file(Path(path), overwrite=overwrite) as temporary,
            temporary.open("w", encoding="utf-8") as out,
        ):
            for record in self.records():
                out.write(json_line(record))
                count += 1
        return count


def check_export(format: str, min_agreement: float) -> None:
    """Check what an export was asked for.

    Raises:
        InputError: it makes no sense.
    """
    if format not in ("paired", "unpaired"):
        raise InputError(f"format {format!r} is neither 'paired' nor 'unpaired'")
    if not 0 <= min_agreement <= 1:
        raise InputError(f"min_agreement is {min_agreement}: give a share from 0 to 1")


def settle_queue(
    queue: QueueRow,
    items: Sequence[Item],
    annotations: Sequence[Annotation],
    *,
    format: Format,
    min_agreement: float,
    origins: Sequence[Origin] | None,
    waiting: Collection[str] = (),
) -> PreferenceSet:
    """Settle a queue's items; see `AnnotationQueue.export`.

    Raises:
        QueueEmpty: no item gives a preference.
    """
    settled = settle(
        items,
        annotations,
        min_agreement=min_agreement,
        origins=origins,
        paired=format == "paired",
        waiting=waiting,
    )
    if not settled.preferences:
        reasons = ", ".join(f"{reason} ({n})" for reason, n in settled.left_out.items())
        raise QueueEmpty(
            f"queue {queue.name}: none of {len(items)} items gives a {format} preference at "
            f"min_agreement {min_agreement:g}: {reasons}; lower it or label more"
        )
    used = {key for preference in settled.preferences for key in preference.annotation_ids}
    return PreferenceSet(
        queue=queue.name,
        stream=queue.stream,
        format=format,
        min_agreement=min_agreement,
        simulated=any(a.simulated for a in annotations if a.id in used),
        left_out=settled.left_out,
        preferences=settled.preferences,
    )


def _turn(text: str | None) -> list[dict[str, str]] | None:
    return None if text is None else [{"role": "assistant", "content": text}]
