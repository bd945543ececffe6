"""Held-out requests, answered by a checkpoint and scored: the ground that a verdict stands on.

A replay's id follows from the checkpoint, the requests and the sampling, and an answer's from its
replay and request, so a replay that was cut off goes on where it stopped, and a finished one costs
nothing to ask for again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from trueup.errors import GateError
from trueup.store import Store, Tx, derived_id
from trueup.store.releases import (
    Replay,
    ReplayAnswer,
    Request,
    get_replay,
    get_replay_answers,
    list_replays,
    put_replay,
    put_replay_answers,
    suite_hash,
)
from trueup.store.runs import get_checkpoint
from trueup.store.scores import get_scores, put_scores, scored_versions
from trueup.types import Completion, Expected, Messages, Score

__all__ = [
    "Request",
    "Sample",
    "ScoreAnswer",
    "ScoredReplay",
    "check_versions",
    "find_replays",
    "load_replay",
    "load_replays",
    "replay",
]

Sample = Callable[[Sequence[Messages]], Sequence[Completion]]
"""Returns one answer to each prompt, in order."""


class ScoreAnswer(Protocol):
    """Scores one answer, by evaluator."""

    def __call__(
        self,
        *,
        messages: Messages,
        context: Sequence[str],
        answer: str,
        expected: Expected | None,
    ) -> Mapping[str, Score]:
        """Return what each evaluator found."""


@dataclass(frozen=True, slots=True)
class ScoredReplay:
    """A replay with its answers and their scores, by request id."""

    replay: Replay
    answers: Mapping[str, ReplayAnswer]
    scores: Mapping[str, Mapping[str, Score]]


def replay(
    store: Store,
    checkpoint_id: str,
    requests: Sequence[Request],
    *,
    suite: str,
    sample: Sample,
    score: ScoreAnswer,
    sampling: Mapping[str, Any],
    actor: str,
    now: datetime,
    versions: Mapping[str, str] | None = None,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> ScoredReplay:
    """Answer the requests that have no answer yet, score them, and return the whole replay.

    Each batch lands in one transaction with its scores. Answers that lack a score of `versions`, or
    have one that broke, are scored again, so that two replays can be compared.

    Args:
        store: where the checkpoint is, and where the replay goes.
        checkpoint_id: whose answers these are; an id or a prefix.
        requests: the held-out requests, with distinct ids.
        suite: a name for them.
        sample: draws one answer a prompt; must follow `sampling`.
        score: scores one answer.
        sampling: how answers are drawn (temperature, seed, ...), as JSON values; part of the id.
        actor: who writes.
        now: when, UTC.
        versions: by which `score` scores, by evaluator; None scores what has no score at all.
        batch: requests a call of `sample`, and answers that are scored again at once.
        progress: called with requests done and in all.

    Raises:
        GateError: there are no requests, or two share an id.
        UnknownName: no such checkpoint.
    """
    _check(requests, suite)
    with store.transaction() as tx:
        checkpoint = get_checkpoint(tx, checkpoint_id)
        digest = suite_hash(requests)
        key = derived_id("replay", checkpoint.id, checkpoint.content_hash, digest, dict(sampling))
        put_replay(tx, Replay(key, checkpoint.id, suite, digest, dict(sampling)), actor, now)
        answered = {a.request.id: a for a in get_replay_answers(tx, key)}
        ids = [answer.id for answer in answered.values()]
        scored = get_scores(tx, "replay_answer", ids, versions=versions)
    missing = [r for r in requests if r.id not in answered]
    for start in range(0, len(missing), batch):
        if progress:
            progress(len(requests) - len(missing) + start, len(requests))
        part = missing[start : start + batch]
        completions = sample([r.messages for r in part])
        found = [_score(score, r, c.text) for r, c in zip(part, completions, strict=True)]
        with store.transaction() as tx:
            pairs = list(zip(part, completions, strict=True))
            ids = put_replay_answers(tx, key, pairs, actor, now)
            rows = [(k, s) for k, by_name in zip(ids, found, strict=True) for s in by_name]
            put_scores(tx, "replay_answer", rows, actor, now)
    stale = [a for a in answered.values() if _is_stale(scored.get(a.id, {}), versions)]
    for start in range(0, len(stale), batch):
        again = stale[start : start + batch]
        rows = [(a.id, s) for a in again for s in _score(score, a.request, a.text)]
        with store.transaction() as tx:
            put_scores(tx, "replay_answer", rows, actor, now)
    if progress:
        progress(len(requests), len(requests))
    with store.reading() as tx:
        return load_replay(tx, key, versions)


def load_replays(tx: Tx, replay_ids: Sequence[str]) -> list[ScoredReplay]:
    """Return finished replays to be compared: each evaluator's scores in one version.

    It is the newest in which all of them were scored; where there is none, each has its own.

    Raises:
        UnknownName, GateError: as `load_replay` does.
    """
    whole = [_whole(tx, key) for key in replay_ids]
    each = [scored_versions(tx, "replay_answer", [a.id for a in answers]) for _, answers in whole]
    shared: dict[str, str] = {}
    for name in set.intersection(*map(set, each)) if each else ():
        common = set.intersection(*(set(one[name]) for one in each))
        if common:
            newest = {version: max(one[name][version] for one in each) for version in common}
            shared[name] = _newest(newest)
    return [
        _scored(tx, *found, {name: _newest(versions) for name, versions in one.items()} | shared)
        for found, one in zip(whole, each, strict=True)
    ]


def _newest(versions: Mapping[str, datetime]) -> str:
    return max(versions, key=lambda version: (versions[version], version))


def load_replay(tx: Tx, replay_id: str, versions: Mapping[str, str] | None = None) -> ScoredReplay:
    """Return a finished replay by its id or a prefix of it, with the scores of these versions.

    Without any it has the latest of each evaluator.

    Raises:
        UnknownName: no replay answers to the id.
        GateError: it is unfinished.
    """
    return _scored(tx, *_whole(tx, replay_id), versions)


def _whole(tx: Tx, replay_id: str) -> tuple[Replay, list[ReplayAnswer]]:
    """Return a replay with its answers, all of them."""
    found = get_replay(tx, replay_id)
    answers = get_replay_answers(tx, found.id)
    if suite_hash(a.request for a in answers) != found.suite_hash:
        raise GateError(
            f"replay {found.id} of checkpoint {found.checkpoint_id} is unfinished "
            f"({len(answers)} answers to {found.suite}): run it again, it goes on where it stopped"
        )
    return found, answers


def _scored(
    tx: Tx, found: Replay, answers: Sequence[ReplayAnswer], versions: Mapping[str, str] | None
) -> ScoredReplay:
    scores = get_scores(tx, "replay_answer", [a.id for a in answers], versions=versions)
    return ScoredReplay(
        found,
        {a.request.id: a for a in answers},
        {a.request.id: scores.get(a.id, {}) for a in answers},
    )


def find_replays(tx: Tx, checkpoint_ids: Sequence[str]) -> list[str]:
    """Return one replay id for each checkpoint: the newest that all have in common.

    Args:
        tx: an open transaction.
        checkpoint_ids: ids or prefixes.

    Raises:
        UnknownName: a checkpoint does not exist.
        GateError: one was never replayed, or they share no requests and sampling.
    """
    choices: list[dict[str, str]] = []
    for name in checkpoint_ids:
        checkpoint = get_checkpoint(tx, name)
        replays = list_replays(tx, checkpoint.id)
        if not replays:
            raise GateError(
                f"checkpoint {checkpoint.id} was never replayed: "
                "replay the held-out requests on it first, by `trueup demo replay` or `trueup loop`"
            )
        # oldest first, so that the newest of a kind is the one that stays
        choices.append({derived_id(r.suite_hash, r.sampling): r.id for r in reversed(replays)})
    for kind in reversed(choices[0]):
        if all(kind in other for other in choices[1:]):
            return [other[kind] for other in choices]
    raise GateError(
        f"checkpoints {', '.join(checkpoint_ids)} were not replayed on the same requests with the "
        "same sampling: replay each of them on one suite with one configuration"
    )


def check_versions(first: ScoredReplay, second: ScoredReplay, names: Iterable[str]) -> None:
    """Refuse two replays that one of these evaluators scored in different versions.

    Raises:
        GateError: names the evaluator and its versions.
    """
    for name in names:
        one, other = _versions(first, name), _versions(second, name)
        if one and other and len(one | other) > 1:
            raise GateError(
                f"replays {first.replay.id} and {second.replay.id} cannot be compared: {name} "
                f"scored them in the versions {', '.join(sorted(one | other))}; replay both "
                "checkpoints again, which keeps their answers and scores them anew"
            )


def _versions(replayed: ScoredReplay, name: str) -> set[str]:
    return {scores[name].version for scores in replayed.scores.values() if name in scores}


def _check(requests: Sequence[Request], suite: str) -> None:
    if not requests:
        raise GateError(f"suite {suite!r} holds no requests: there is nothing to replay")
    seen: set[str] = set()
    for request in requests:
        if request.id in seen:
            raise GateError(
                f"suite {suite!r}: request id {request.id!r} occurs twice; make ids unique"
            )
        seen.add(request.id)


def _is_stale(scores: Mapping[str, Score], versions: Mapping[str, str] | None) -> bool:
    """Say whether an answer lacks a score, or one of the versions asked for, or has one broken."""
    missing = not scores if versions is None else not versions.keys() <= scores.keys()
    return missing or any(score.broke for score in scores.values())


def _score(score: ScoreAnswer, request: Request, answer: str) -> list[Score]:
    found = score(
        messages=request.messages,
        context=request.context,
        answer=answer,
        expected=request.expected,
    )
    return list(found.values())
