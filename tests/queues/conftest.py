"""A store with traces on it, and a queue with an item for each."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from trueup.queues import AnnotationQueue, NewItem
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Expected, Trace

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def trace(store: Store) -> Callable[..., Trace]:
    """Return a function that stores the trace of a number and returns it."""

    def make(i: int, *, question_type: str = "coverage") -> Trace:
        made = Trace(
            id=f"trace-{i}",
            conversation_id=f"talk-{i}",
            cohort=("expert-hard", "tool-heavy")[i % 2],
            messages=(
                {"role": "system", "content": "You settle claims."},
                {"role": "user", "content": f"Is pipe {i} covered? \u2028 Ja, 水?"},
            ),
            answer=f"served {i}",
            question_type=question_type,
            family=f"family-{i // 2}",
            context=(f"Pipe {i} is covered.",),
            expected=Expected(facts=("covered",), refuse=False),
        )
        with store.transaction() as tx:
            put_trace(tx, made, source="test", checkpoint_id=None, actor="ana", now=NOW)
        return made

    return make


@pytest.fixture
def queue(store: Store) -> AnnotationQueue:
    return AnnotationQueue.create("prefs", store=store, actor="ana", now=NOW)


@pytest.fixture
def add(queue: AnnotationQueue, trace: Callable[..., Trace]) -> Callable[..., str]:
    """Return a function that queues an item and returns its id; no candidate shows one answer."""

    def add_one(i: int, candidate: str | None = "sampled {}", question_type: str = "coverage"):
        new = NewItem.from_trace(
            trace(i, question_type=question_type),
            reason="failed:groundedness",
            candidate=candidate and candidate.format(i),
        )
        before = {item.id for item in queue.items()}
        queue.add_items([new], actor="ana", now=NOW)
        (found,) = {item.id for item in queue.items()} - before
        return found

    return add_one


@pytest.fixture
def vote(queue: AnnotationQueue) -> Callable[..., None]:
    """Return a function that labels an item by what the answers are, one word a reviewer."""
    from trueup.types import Label

    def vote_all(item_id: str, votes: dict[str, str], *, simulated: bool = False) -> None:
        (item,) = [i for i in queue.items() if i.id == item_id]
        keys = {answer.source: answer.key for answer in item.answers}
        for reviewer, word in votes.items():
            word, _, correction = word.partition(":")
            key = keys.get(word, word)
            label = Label(key, 2 if word in keys else 0, (), correction or None)
            queue.submit(item_id, reviewer, label, simulated=simulated, now=NOW)

    return vote_all
