"""A store with three checkpoints, and a way to replay scripted answers on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import pytest

from trueup.release.replay import Request, ScoredReplay, replay
from trueup.store import Store
from trueup.store.runs import put_checkpoint
from trueup.types import Checkpoint, Completion, Expected, Score, ToolCall

NOW = datetime(2026, 3, 1, tzinfo=UTC)
Answer = Callable[[Request], str]
"""Returns "right", "wrong" or "refused" for a request."""


@pytest.fixture
def store(store: Store) -> Store:
    with store.transaction() as tx:
        for name in ("baseline", "candidate", "control"):
            checkpoint = Checkpoint(f"{name}-0001", f"/m/{name}", name[0] * 64, name)
            put_checkpoint(tx, checkpoint, "ana", NOW)
    return store


def requests(cohorts: Sequence[str] = ("rest", "tool-heavy"), n: int = 64) -> list[Request]:
    """`n` requests a cohort in 16 families; every eighth ought to be refused."""
    return [
        Request(
            id=f"{cohort}-{i:03d}",
            cohort=cohort,
            family=f"family-{i % 16}",
            question_type="refund",
            messages=({"role": "user", "content": f"{cohort} question {i}"},),
            context=("The policy.",),
            expected=Expected(calls=(ToolCall("lookup"),), refuse=i % 8 == 7),
        )
        for cohort in cohorts
        for i in range(n)
    ]


LABELS = {"refused": "full", "broken": None}


def score(*, messages, context, answer, expected):
    """Score the scripted answers as the evaluators would; "broken" is one that they fail on."""
    right = None if answer == "broken" else float(answer == "right")
    return {
        "tool_selection_accuracy": Score("tool_selection_accuracy", "1", right),
        "task_completion": Score("task_completion", "1", right),
        "groundedness": Score("groundedness", "1", None, reason="nothing is claimed"),
        "refusal": Score("refusal", "1", None, LABELS.get(answer, "none")),
    }


@pytest.fixture
def play(store: Store) -> Callable[..., ScoredReplay]:
    """Replay scripted answers on a checkpoint."""

    def run(
        name: str, answer: Answer, suite: Sequence[Request] = (), *, sampling: object = 1
    ) -> ScoredReplay:
        asked = list(suite) or requests()
        by_text = {str(r.messages[0]["content"]): r for r in asked}

        def sample(prompts):
            texts = [answer(by_text[str(p[0]["content"])]) for p in prompts]
            return [Completion(t, len(t), "stop", 9) for t in texts]

        return replay(
            store,
            f"{name}-0001",
            asked,
            suite="held-out",
            sample=sample,
            score=score,
            sampling={"seed": sampling},
            actor="ana",
            now=NOW,
        )

    return run
