"""A version of a dataset: rows that are gathered, sealed, and never change after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from trueup.datasets._draft import check_rows, collect, put_rows
from trueup.datasets._evaluate import score_rows, summarise
from trueup.datasets._files import check_name
from trueup.datasets._version import Version
from trueup.errors import DatasetError, InputError, UnknownName, VersionConflict, VersionSealed
from trueup.scoring import Evaluates, Progress, Workers
from trueup.store import Store, default_store
from trueup.store import datasets as stored
from trueup.store.stamp import stamp
from trueup.store.traces import cohorts as known_cohorts
from trueup.types import Preference, Score

__all__ = ["AddReport", "Dataset", "list_versions"]

VALIDATION_SHARE = 0.1
HERE = Workers()


@dataclass(frozen=True, slots=True)
class AddReport:
    """What `Dataset.add_rows` did: rows that are new, and rows that were there already."""

    added: int
    unchanged: int


class Dataset(Version):
    """One version of a dataset.

    It is a draft, and takes rows, until it is sealed; evaluating seals it, and training asks for a
    sealed one. A sealed version lies in a Parquet file that is verified at every reading.
    Every write takes `actor`, else TRUEUP_ACTOR or the login name, and `now`, else the clock.
    """

    @classmethod
    def create_or_get(
        cls,
        name: str,
        version: str,
        *,
        validation_share: float | None = None,
        store: Store | None = None,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> Dataset:
        """Make an empty draft, or return the version that is there.

        Args:
            name: the dataset's name.
            version: the version's name.
            validation_share: share of the conversation groups to hold out; None takes 0.1 for a
                new version and what an existing one has.
            store: where; None takes the default store, making it if need be.
            actor: who makes it.
            now: when.

        Raises:
            InputError: a name cannot be a file's, or the share is not one.
            VersionConflict: the version is there with another share.
        """
        check_name("dataset", name)
        check_name("version", version)
        share = VALIDATION_SHARE if validation_share is None else validation_share
        if not 0 <= share <= 1:
            raise InputError(f"validation_share is {share}: give a share from 0 to 1")
        store = store or default_store(create=True)
        actor, now = stamp(actor, now)
        with store.transaction() as tx:
            stored.put_version(tx, name, version, validation_share=share, actor=actor, now=now)
            row = stored.find_version(tx, name, version)
        assert row is not None
        if validation_share not in (None, row.validation_share):
            raise VersionConflict(
                f"dataset {name} version {version} exists with validation_share "
                f"{row.validation_share:g}, not {validation_share:g}: take a new version"
            )
        return cls(store, row)

    @classmethod
    def get(cls, name: str, version: str | None = None, *, store: Store | None = None) -> Dataset:
        """Return a version; without a name the one that was made last.

        Raises:
            UnknownName: there is none; the message lists those there are.
            StoreError: there is no store.
        """
        store = store or default_store()
        with store.reading() as tx:
            known = stored.list_versions(tx)
        found = [r for r in known if r.name == name and version in (None, r.version)]
        if found:
            return cls(store, found[-1])
        have = ", ".join(f"{row.name} {row.version}" for row in known) or "none yet"
        raise UnknownName(
            f"no dataset {name}{f' version {version}' if version else ''} in {store.address}: "
            f"there is {have}"
        )

    def add_rows(
        self,
        preferences: Sequence[Preference],
        *,
        actor: str | None = None,
        now: datetime | None = None,
    ) -> AddReport:
        """Add preferences that a queue exported; those that are there already change nothing.

        The splits of a draft are laid anew, so that no conversation and no family of it is on both
        sides.

        Raises:
            VersionSealed: rows that are not there yet, and the version can no longer change.
            VersionConflict: a row of an item that the version holds with other labels.
            UnknownName: a preference that no queue of this store exported.
            DatasetError: a preference that says something else than the store's.
        """
        actor, now = stamp(actor, now)
        with self._store.transaction() as tx:
            stored.lock_version(tx, self.id)
            version = self._refresh(tx)
            held = {member.row_hash for member in stored.list_members(tx, self.id)}
            given = {record["row_hash"]: record for record in check_rows(tx, preferences)}
            new = [record for key, record in given.items() if key not in held]
            if new and version.content_hash is not None:
                raise VersionSealed(
                    f"dataset {self.name} version {self.version} is sealed with {version.rows} "
                    f"rows and {len(new)} of the {len(given)} given are not among them: "
                    "give them a new version"
                )
            if new:
                put_rows(tx, version, new, actor=actor, now=now)
        return AddReport(len(new), len(preferences) - len(new))

    def takes(self, preferences: Sequence[Preference]) -> bool:
        """Say whether adding these would leave the version with exactly them.

        A sealed version does so where it holds them and nothing else, a draft where it holds
        nothing else.

        Raises:
            UnknownName, DatasetError: as `add_rows` does.
        """
        with self._store.reading() as tx:
            held = {member.row_hash for member in stored.list_members(tx, self.id)}
            given = {record["row_hash"] for record in check_rows(tx, preferences)}
        return held == given if self.sealed else held <= given

    def seal(self, *, actor: str | None = None, now: datetime | None = None) -> str:
        """Write the rows to their file and close the version for ever; return its content hash.

        Raises:
            DatasetError: it holds no rows.
        """
        actor, now = stamp(actor, now)
        with self._store.transaction() as tx:
            stored.lock_version(tx, self.id)
            version = self._refresh(tx)
            if version.content_hash is not None:
                return version.content_hash
            if not version.rows:
                raise DatasetError(
                    f"dataset {self.name} version {self.version} holds no rows: "
                    "add what a queue exports"
                )
            sealed = self._write(collect(tx, self.id))
            stored.seal_version(tx, self.id, sealed, actor=actor, now=now)
        return sealed

    def evaluate(
        self,
        evaluators: Sequence[Evaluates],
        *,
        cohorts: Sequence[str] | None = None,
        workers: Workers = HERE,
        actor: str | None = None,
        now: datetime | None = None,
        progress: Progress | None = None,
    ) -> dict[str, dict[str, Score]]:
        """Score the chosen answers; the scores are stored as they come.

        The version is sealed. What is scored already, here or as the same answer elsewhere, is not
        scored again: a run that was killed goes on where it was.

        Args:
            evaluators: what scores; see `Evaluates`.
            cohorts: of which rows; None takes all.
            workers: where to score; see `Workers`.
            actor: who evaluates.
            now: when.
            progress: called with how many rows are done, and of how many.

        Returns:
            The scores by row hash, in the rows' order, and evaluator name.

        Raises:
            UnknownName: a cohort that neither a row nor a trace is of; nothing is changed.
            DatasetError: the version holds no rows.
            InputError, EvaluationError: as `score_answers` does.
        """
        actor, now = stamp(actor, now)
        wanted = self._cohorts(cohorts)
        self.seal(actor=actor, now=now)
        rows = [row for row in self.rows(actor=actor, now=now) if row.cohort in wanted]
        return score_rows(
            self._store,
            self.id,
            rows,
            evaluators,
            workers=workers,
            actor=actor,
            now=now,
            progress=progress,
        )

    def add_evaluation(
        self,
        evaluators: Sequence[Evaluates],
        *,
        threshold: float,
        cohorts: Sequence[str] | None = None,
        workers: Workers = HERE,
        actor: str | None = None,
        now: datetime | None = None,
        progress: Progress | None = None,
    ) -> list[stored.CohortEvaluation]:
        """Score the chosen answers, hold each cohort's mean against a line, and record both.

        Unscored rows are counted beside the mean. Failing is recorded, not raised; so is a cohort
        that the store knows and this version has no rows of.

        Args:
            evaluators, cohorts, workers, actor, now, progress: see `evaluate`.
            threshold: the least mean over scored rows that passes, in [0, 1].

        Returns:
            One result an evaluator and cohort, in the order given.

        Raises:
            InputError: the threshold is not a share; see `evaluate` for the others.
        """
        if not 0 <= threshold <= 1:
            raise InputError(f"threshold is {threshold}: give a mean score from 0 to 1")
        actor, now = stamp(actor, now)
        wanted = self._cohorts(cohorts)
        scores = self.evaluate(
            evaluators, cohorts=wanted, workers=workers, actor=actor, now=now, progress=progress
        )
        cohort_of = {row.row_hash: row.cohort for row in self.rows(actor=actor, now=now)}
        results = []
        for evaluator, cohort in product(evaluators, wanted):
            mine = {k: s[evaluator.name] for k, s in scores.items() if cohort_of[k] == cohort}
            results.append(
                summarise(self.id, evaluator, cohort, mine, threshold=threshold, now=now)
            )
        with self._store.transaction() as tx:
            for result in results:
                stored.put_evaluation(tx, result, actor=actor)
        return results

    def _cohorts(self, wanted: Sequence[str] | None) -> list[str]:
        """Return which cohorts are meant: those of the rows, if none are named."""
        with self._store.reading() as tx:
            mine = {member.cohort for member in stored.list_members(tx, self.id)}
            known = {*known_cohorts(tx), *mine}
        if wanted is None:
            return sorted(mine)
        if unknown := [cohort for cohort in wanted if cohort not in known]:
            raise UnknownName(
                f"no cohort {unknown[0]!r} in {self._store.address}: "
                f"there are {', '.join(sorted(known)) or 'none'}"
            )
        return list(dict.fromkeys(wanted))


def list_versions(*, store: Store | None = None) -> list[Dataset]:
    """Return every version of every dataset, by name and in order of making.

    Raises:
        StoreError: there is no store.
    """
    store = store or default_store()
    with store.reading() as tx:
        return [Dataset(store, row) for row in stored.list_versions(tx)]
