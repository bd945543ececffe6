"""Many answers, each scored once and stored as it comes, so that a killed run goes on."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from typing import Any

from trueup.errors import EvaluationError, InputError
from trueup.scoring._answered import Answered
from trueup.scoring._work import Due, Evaluates, Found
from trueup.scoring._workers import Pool, Workers
from trueup.store import Store
from trueup.store.ids import content_hash
from trueup.store.scores import Subject, find_by_input, get_scores, put_scores
from trueup.types import Score

__all__ = ["Progress", "Scored", "score_answers"]

Progress = Callable[[int, int], None]
"""Called with how many rows are done, and of how many."""

Scored = dict[str, dict[str, Score]]
"""Scores by subject id and evaluator name."""

_QUICK, _SLOW = 0.25, 1.0  # seconds
_MOST = 64  # rows a batch


def score_answers(
    store: Store,
    subject: Subject,
    pages: Iterable[Mapping[str, Answered]],
    evaluators: Sequence[Evaluates],
    *,
    workers: Workers,
    actor: str,
    now: datetime,
) -> Iterator[Scored]:
    """Score answers and store the scores, each in a transaction soon after it was found.

    What an evaluator in its version has scored of a subject is kept. What it has scored under the
    same arguments elsewhere (another trace, another version of a dataset, a row further up) is
    copied and not asked for again. A score that broke is tried again.

    Args:
        store: where the scores are and go.
        subject: what the answers are of.
        pages: the answers by subject id, as many at once as may be held in memory.
        evaluators: what to score them with.
        workers: where.
        actor: who writes.
        now: when, UTC.

    Yields:
        Rows that all evaluators have scored, as they come.

    Raises:
        InputError: two evaluators of one name; see `Workers.start` too.
        EvaluationError: a worker ended, or has another version of an evaluator. What was scored
            is kept.
    """
    run = _Run(store, subject, evaluators, actor, now)
    pool: Pool | None = None
    waiting: dict[Future[Found], list[str]] = {}
    try:
        with ExitStack() as stack:
            for page in pages:
                yield run.begin(page)
                while batch := run.next_batch():
                    # where nothing is due none are started
                    pool = pool or stack.enter_context(workers.start(evaluators))
                    while len(waiting) >= pool.ahead:
                        yield run.take(_next(waiting))
                    waiting[pool.submit([row for _, row in batch])] = [key for key, _ in batch]
            while waiting:
                yield run.take(_next(waiting))
    finally:
        run.take(_found(waiting))  # a run that ends early has waited for what was under way


def _next(waiting: dict[Future[Found], list[str]]) -> list[tuple[list[str], Found]]:
    """Wait for a batch; return those that were found by then, with their subjects."""
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    return _found(waiting) or [([], done.pop().result())]  # which raises: none was found


def _found(waiting: dict[Future[Found], list[str]]) -> list[tuple[list[str], Found]]:
    found = [f for f in waiting if f.done() and not f.cancelled() and f.exception() is None]
    return [(waiting.pop(future), future.result()) for future in found]


@dataclass(slots=True)
class _Row:
    """A row under way: the scores that it has, and by what input each is found or asked for."""

    scores: dict[str, Score]
    inputs: dict[str, str]


class _Run:
    """The rows that are under way."""

    def __init__(
        self,
        store: Store,
        subject: Subject,
        evaluators: Sequence[Evaluates],
        actor: str,
        now: datetime,
    ) -> None:
        self._evaluators = {evaluator.name: evaluator for evaluator in evaluators}
        if len(self._evaluators) < len(evaluators):
            names = [evaluator.name for evaluator in evaluators]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"two evaluators are called {twice}: give one of them")
        self._store, self._subject, self._actor, self._now = store, subject, actor, now
        self._rows: dict[str, _Row] = {}
        self._asked: dict[str, list[str]] = {}  # the rows that wait for an input's score
        self._queue: deque[tuple[str, Due]] = deque()
        self._size = 1

    def begin(self, page: Mapping[str, Answered]) -> Scored:
        """Take on a page, and return the rows of it that need no scoring."""
        versions = {name: evaluator.version for name, evaluator in self._evaluators.items()}
        with self._store.reading() as tx:
            kept = get_scores(tx, self._subject, list(page), versions=versions)
            due = {key: self._due(page[key], kept.get(key, {})) for key in page}
            known = find_by_input(
                tx, [hashed for row in due.values() for hashed, _ in row.values()]
            )
        copies: Scored = {}
        for key, row in due.items():
            inputs = {name: hashed for name, (hashed, _) in row.items()}
            copies[key] = {n: _copy(known[h]) for n, h in inputs.items() if h in known}
            here = {n: s for n, s in kept.get(key, {}).items() if n not in row}
            self._rows[key] = _Row(here | copies[key], inputs)
            missing = {n: given for n, (h, given) in row.items() if h not in known}
            if asked := {n: given for n, given in missing.items() if self._ask(inputs[n], key)}:
                self._queue.append((key, asked))
        self._keep(copies)
        return self._whole(page)

    def next_batch(self) -> list[tuple[str, Due]]:
        """Return rows that take about half a second: no more is lost when the run is killed."""
        return [self._queue.popleft() for _ in range(min(self._size, len(self._queue)))]

    def take(self, done: Iterable[tuple[list[str], Found]]) -> Scored:
        """Store what was found, and return the rows that are whole by it."""
        new: Scored = {}
        for keys, found in done:
            self._pace(len(keys), found.seconds)
            for key, scores in zip(keys, found.rows, strict=True):
                for name, score in scores.items():
                    self._check(name, score)
                    first, *others = self._asked.pop(self._rows[key].inputs[name])
                    new.setdefault(first, {})[name] = score
                    for other in others:
                        new.setdefault(other, {})[name] = _copy(score)
        self._keep(new)
        for key, scores in new.items():
            self._rows[key].scores |= scores
        return self._whole(new)

    def _due(
        self, answered: Answered, kept: Mapping[str, Score]
    ) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """Return the hash of the input, and the input, by the evaluators that have to score it."""
        found = {}
        for name, evaluator in self._evaluators.items():
            if name not in kept or kept[name].broke:
                given = evaluator.arguments(answered)
                found[name] = _input_hash(evaluator, given), given
        return found

    def _ask(self, hashed: str, key: str) -> bool:
        """Have a row wait for the score of an input; return whether it is the first to."""
        waiting = self._asked.setdefault(hashed, [])
        waiting.append(key)
        return len(waiting) == 1

    def _pace(self, rows: int, seconds: float) -> None:
        if seconds > _SLOW:
            self._size = max(1, rows // 2)
        elif seconds < _QUICK and rows == self._size:
            self._size = min(_MOST, 2 * rows)

    def _check(self, name: str, score: Score) -> None:
        wanted = self._evaluators[name]
        if (score.evaluator, score.version) != (name, wanted.version):
            raise EvaluationError(
                f"evaluator {name} {wanted.version}: a worker answered as {score.evaluator} "
                f"{score.version}; have the same trueup everywhere"
            )

    def _keep(self, scores: Scored) -> None:
        rows = [(key, score) for key, some in scores.items() for score in some.values()]
        if rows:
            inputs = {(k, n): h for k in scores for n, h in self._rows[k].inputs.items()}
            with self._store.transaction() as tx:
                put_scores(tx, self._subject, rows, self._actor, self._now, inputs=inputs)

    def _whole(self, keys: Iterable[str]) -> Scored:
        whole = [key for key in keys if len(self._rows[key].scores) == len(self._evaluators)]
        rows = {key: self._rows.pop(key).scores for key in whole}
        return {key: {name: row[name] for name in self._evaluators} for key, row in rows.items()}


def _copy(score: Score) -> Score:
    """Return a score for another subject of the same input: nothing was spent on it."""
    return replace(score, seconds=None, cost=None)


def _input_hash(evaluator: Evaluates, given: Mapping[str, Any]) -> str:
    """Return the hash of all that a score follows from."""
    what = [evaluator.name, evaluator.version, given]
    return content_hash(json.dumps(what, sort_keys=True, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        parts = {part.name: getattr(value, part.name) for part in fields(value)}
        return [type(value).__name__, parts]
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no part of an answer")
