"""A store with a labelled queue, so that datasets are filled as they are in use."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from trueup.datasets import Dataset
from trueup.queues import AnnotationQueue, NewItem, PreferenceSet, Submission
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Expected, Label, ToolCall, Trace

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
COHORTS = ("expert-hard", "long-tail-refusal", "tool-heavy")


def make_trace(i: int) -> Trace:
    call = {"name": "look_up", "arguments": {"claim": i}}
    return Trace(
        id=f"trace-{i}",
        conversation_id=f"talk-{i // 2}",
        cohort=COHORTS[i % 3],
        messages=(
            {"role": "system", "content": "You settle claims."},
            {"role": "assistant", "content": None, "tool_calls": [{"function": call}]},
            {"role": "tool", "content": "open", "tool_call_id": "1"},
            {"role": "user", "content": f"Is pipe {i} covered? \u2028 Ja, 水?"},
        ),
        answer=f"Refused {i}.",
        question_type="coverage",
        family=f"family-{i // 4}",
        context=(f"Pipe {i} is covered up to 500.",),
        expected=Expected(calls=(ToolCall("look_up", {"claim": i}),), facts=("covered",)),
    )


@pytest.fixture
def prefer(store: Store) -> Callable[..., PreferenceSet]:
    """Return a function that labels traces of the given numbers and exports the preferences."""

    def export(
        numbers: range,
        *,
        name: str = "prefs",
        alone: bool = False,
        simulated: bool = False,
        inclusion: float = 1.0,
    ) -> PreferenceSet:
        traces = [make_trace(i) for i in numbers]
        with store.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
        queue = AnnotationQueue.create_or_get(name, store=store, now=NOW)
        candidate = None if alone else "Pipe is covered. " + ToolCall("look_up").render()
        queue.add_items(
            [
                NewItem.from_trace(t, reason="sampled", candidate=candidate, inclusion=inclusion)
                for t in traces
            ],
            now=NOW,
        )
        best = "served" if alone else "sampled"
        queue.submit_many(
            [
                Submission(item.id, reviewer, Label(item.answer(best).key, 2), simulated)
                for item in queue.items()
                for reviewer in ("ann", "bob")
            ],
            now=NOW,
        )
        return queue.export("unpaired", min_agreement=0.7, now=NOW)

    return export


@pytest.fixture
def dataset(store: Store) -> Dataset:
    return Dataset.create_or_get("regression", "v1", store=store, actor="ana", now=NOW)
