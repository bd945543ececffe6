"""What a version holds, read from and written to the store's preferences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from trueup.datasets._records import Record, to_record
from trueup.datasets._splits import TRAIN, assign_splits
from trueup.errors import DatasetError, UnknownName, VersionConflict
from trueup.store import Tx
from trueup.store import datasets as stored
from trueup.store.preferences import list_preferences
from trueup.types import Preference

__all__ = ["check_rows", "collect", "put_rows"]


def collect(tx: Tx, version_id: str) -> list[Record]:
    """Return a version's rows as the store's preferences say them.

    Raises:
        StoreError: a text of one of them was erased.
    """
    members = stored.list_members(tx, version_id)
    kept = {p.id: p for p in list_preferences(tx, ids=[m.preference_id for m in members])}
    return [to_record(kept[m.preference_id], split=m.split) for m in members]


def check_rows(tx: Tx, preferences: Sequence[Preference]) -> list[Record]:
    """Return the rows of preferences that say what the store says.

    Raises:
        UnknownName: the store does not have one of them.
        DatasetError: one was changed after it was exported.
    """
    kept = {p.id: p for p in list_preferences(tx, ids=[p.id for p in preferences])}
    records = []
    for preference in preferences:
        if preference.id not in kept:
            raise UnknownName(
                f"preference {preference.id} is not in this store: "
                "add rows that a queue of the same store exported"
            )
        record = to_record(preference, split=TRAIN)
        if record["row_hash"] != to_record(kept[preference.id], split=TRAIN)["row_hash"]:
            raise DatasetError(
                f"preference {preference.id} was changed after its queue exported it: "
                "add the rows as exported"
            )
        records.append(record)
    return records


def put_rows(
    tx: Tx, version: stored.VersionRow, new: Sequence[Record], *, actor: str, now: datetime
) -> None:
    """Add rows to a draft and lay its splits anew.

    Raises:
        VersionConflict: an item would be in it with two sets of labels.
    """
    members = stored.list_members(tx, version.id)
    _check_items(version, [m.item_id for m in members] + [r["item_id"] for r in new])
    origins = [(m.conversation_id, m.family) for m in members]
    origins += [(r["conversation_id"], r["family"]) for r in new]
    splits = assign_splits(origins, version.validation_share)
    start = len(members)
    moved = {
        member.row_hash: split
        for member, split in zip(members, splits[:start], strict=True)
        if member.split != split
    }
    stored.set_splits(tx, version.id, moved)
    added = [
        stored.MemberRow(
            row_hash=record["row_hash"],
            position=start + index,
            preference_id=record["preference_id"],
            split=splits[start + index],
            cohort=record["cohort"],
            item_id=record["item_id"],
            conversation_id=record["conversation_id"],
            family=record["family"],
        )
        for index, record in enumerate(new)
    ]
    stored.put_members(tx, version.id, added, actor=actor, now=now)


def _check_items(version: stored.VersionRow, item_ids: Sequence[str]) -> None:
    if repeated := [item for item, count in Counter(item_ids).items() if count > 1]:
        raise VersionConflict(
            f"dataset {version.name} version {version.version} would hold {len(repeated)} items "
            f"with two sets of labels, {repeated[0]} first: put the new ones in a new version"
        )
