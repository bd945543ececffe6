"""What a version of a dataset holds, as it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from trueup.datasets._draft import collect
from trueup.datasets._files import file_path, read_file, write_file
from trueup.datasets._records import Record, to_preference, version_hash
from trueup.datasets._row import Row
from trueup.datasets._splits import TRAIN
from trueup.errors import DatasetError, InputError
from trueup.store import Store, Tx
from trueup.store import datasets as stored
from trueup.store.queues import latest_audit
from trueup.store.reads import log_read_of_version
from trueup.store.scores import RowsOf, get_scores, put_scores
from trueup.store.stamp import stamp
from trueup.types import Example, Score

__all__ = ["Version"]


class Version:
    """A version of a dataset, to read; a sealed one is verified at every reading."""

    def __init__(self, store: Store, row: stored.VersionRow) -> None:
        self._store = store
        self._row = row
        self._sealed_rows: tuple[Row, ...] | None = None

    @property
    def id(self) -> str:
        """The version's id in the store."""
        return self._row.id

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self._row.name

    @property
    def version(self) -> str:
        """The version's name."""
        return self._row.version

    @property
    def validation_share(self) -> float:
        """Share of the conversation groups that are held out."""
        return self._row.validation_share

    @property
    def sealed(self) -> bool:
        """Whether it can no longer change."""
        return self.content_hash is not None

    @property
    def content_hash(self) -> str | None:
        """The hash over its rows and their splits; None while it is a draft."""
        if self._row.content_hash is None:
            with self._store.reading() as tx:
                self._refresh(tx)
        return self._row.content_hash

    @property
    def path(self) -> Path | None:
        """The Parquet file; None while it is a draft."""
        sealed = self.content_hash
        return file_path(self._store.root, self.name, self.version, sealed) if sealed else None

    def __repr__(self) -> str:
        state = f"sealed {self.content_hash[:12]}" if self.content_hash else "draft"
        return f"Dataset({self.name!r}, {self.version!r}, {state}, {len(self)} rows)"

    def __len__(self) -> int:
        if self._sealed_rows is not None:
            return len(self._sealed_rows)
        with self._store.reading() as tx:
            return self._refresh(tx).rows

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows())

    def rows(
        self, *, split: str | None = None, actor: str | None = None, now: datetime | None = None
    ) -> Sequence[Row]:
        """Return the rows in the order they were added, of one split where it is given.

        That `actor` read rows of queues about safety is logged.

        Raises:
            DatasetError: the file does not hold what was sealed.
            StoreError: a text of a draft's row was erased.
        """
        found = self._sealed_rows
        if found is None:
            found = tuple(self._to_row(record) for record in self.records(actor=actor, now=now))
            if self.sealed:
                self._sealed_rows = found
        return [row for row in found if split in (None, row.split)]

    def records(self, *, actor: str | None = None, now: datetime | None = None) -> list[Record]:
        """Return the rows by column, as the file holds them; see `rows` for what it raises."""
        log_read_of_version(self._store, self.id, actor=actor, now=now)
        path, sealed = self.path, self.content_hash
        if path is None or sealed is None:
            with self._store.reading() as tx:
                return collect(tx, self.id)
        if not path.exists():
            with self._store.reading() as tx:
                self._write(collect(tx, self.id))
        return read_file(path, sealed)

    def examples(
        self,
        kind: Literal["pairs", "chosen"] = "pairs",
        split: str | None = TRAIN,
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> list[Example]:
        """Return the rows for training.

        Args:
            kind: "pairs" gives chosen and rejected of the rows that have both; "chosen" the chosen
                answer of every row.
            split: "train", "validation", or None for both.
            actor: who reads them, for the log; see `rows`.
            now: when.

        Raises:
            DatasetError: the version is a draft: what is trained on may not change.
            InputError: an unknown kind.
        """
        if kind not in ("pairs", "chosen"):
            raise InputError(f"kind {kind!r} is neither 'pairs' nor 'chosen'")
        if not self.sealed:
            raise DatasetError(
                f"dataset {self.name} version {self.version} is a draft: seal it before "
                f"training (trueup dataset seal {self.name} {self.version})"
            )
        pair = kind == "pairs"
        return [
            row.example(pair=pair)
            for row in self.rows(split=split, actor=actor, now=now)
            if not pair or row.rejected is not None
        ]

    @property
    def cohorts(self) -> Mapping[str, int]:
        """Rows by cohort."""
        with self._store.reading() as tx:
            members = stored.list_members(tx, self.id)
        return dict(sorted(Counter(member.cohort for member in members).items()))

    @property
    def splits(self) -> Mapping[str, int]:
        """Rows by split."""
        with self._store.reading() as tx:
            members = stored.list_members(tx, self.id)
        return dict(sorted(Counter(member.split for member in members).items()))

    @property
    def simulated(self) -> int:
        """Rows that rest on a label that a program gave."""
        with self._store.reading() as tx:
            members = stored.list_members(tx, self.id)
            return stored.count_simulated(tx, [member.preference_id for member in members])

    @property
    def streams(self) -> Mapping[str, int]:
        """Rows by whose labels they rest on: reviewer, end_user or ai."""
        with self._store.reading() as tx:
            members = stored.list_members(tx, self.id)
            return stored.count_streams(tx, [member.preference_id for member in members])

    @property
    def alphas(self) -> Mapping[str, float | None]:
        """Krippendorff's alpha by the last audit of each queue that rows come from, by its name.

        None where a queue was never audited, or alpha is undefined.
        """
        with self._store.reading() as tx:
            members = stored.list_members(tx, self.id)
            queues = stored.list_sources(tx, [member.preference_id for member in members])
            audits = {name: latest_audit(tx, key) for key, name in queues.items()}
        return {name: found.alpha if found else None for name, found in sorted(audits.items())}

    def evaluations(self) -> list[stored.CohortEvaluation]:
        """Return what evaluators found on it, the latest last."""
        with self._store.reading() as tx:
            return stored.list_evaluations(tx, self.id)

    def scores(self, versions: Mapping[str, str] | None = None) -> dict[str, dict[str, Score]]:
        """Return the stored scores of its rows, by row hash and evaluator.

        Args:
            versions: of these evaluators in these versions alone; None gives the latest of each.
        """
        with self._store.reading() as tx:
            rows = [member.row_hash for member in stored.list_members(tx, self.id)]
            return get_scores(tx, RowsOf(self.id), rows, versions=versions)

    def _refresh(self, tx: Tx) -> stored.VersionRow:
        found = stored.find_version(tx, self.name, self.version)
        assert found is not None  # versions are never deleted
        self._row = found
        return found

    def _write(self, records: list[Record]) -> str:
        sealed = version_hash(records)
        write_file(file_path(self._store.root, self.name, self.version, sealed), records)
        return sealed

    def _to_row(self, record: Record) -> Row:
        key = record["row_hash"]

        def attach(scores: Mapping[str, Score]) -> None:
            actor, now = stamp()
            with self._store.transaction() as tx:
                put_scores(tx, RowsOf(self.id), [(key, s) for s in scores.values()], actor, now)

        return Row(key, record["split"], to_preference(record), attach)
