"""The claims assistant as the application that the loop improves."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from trueup.demo.requests import ClaimRequest, Split, flawed_answer, make_requests
from trueup.demo.reviewers import label_items
from trueup.demo.tools import run_tool
from trueup.evals import Groundedness, Refusal, TaskCompletion, ToolSelectionAccuracy
from trueup.evals.run import failed, over_refused, score_answer
from trueup.flywheel.application import RequestSet
from trueup.release.replay import Request
from trueup.traces import build_trace
from trueup.types import Completion, Example, Item, Label, ToolCall, Trace

__all__ = ["ClaimsAssistant"]

# Seeds of the facts: the deployed model's examples and the recorded requests share phrasings, both
# being training, and must not share conversations.
_SEED_FACTS = 1_000_000
_SEEDS_FLAWED = 2
_SEED_PHRASINGS = 2


class ClaimsAssistant:
    """An insurance assistant that answers from policy text and has five tools.

    Attributes:
        per_phrasing: requests of each split made from every phrasing.
        flaw_share: share of the seed examples of a flawed family that carry the flaw.
    """

    name = "claims"

    def __init__(
        self,
        *,
        record_per_phrasing: int = 1,
        replay_per_phrasing: int = 2,
        flaw_share: float = 0.9,
    ) -> None:
        self.record_per_phrasing = record_per_phrasing
        self.replay_per_phrasing = replay_per_phrasing
        self.flaw_share = flaw_share
        self._records: dict[str, Mapping[str, Any]] = {}
        self._evaluators = (Groundedness(), TaskCompletion(), ToolSelectionAccuracy(), Refusal())

    def seed_examples(self, seed: int) -> list[Example]:
        """Return the deployed assistant's training examples, flaws included."""
        rng = random.Random(seed)
        requests = make_requests("train", per_phrasing=_SEEDS_FLAWED, seed=_SEED_FACTS + seed)
        examples = []
        for request in requests:
            flawed = flawed_answer(request)
            phrasing, copy = map(int, request.id.rpartition("/")[2].split("-"))
            # a habit takes more examples than a format; half of the phrasings it never met
            if phrasing >= _SEED_PHRASINGS or copy >= (_SEEDS_FLAWED if flawed else 1):
                continue
            wrong = flawed is not None and rng.random() < self.flaw_share
            answer = flawed if flawed is not None and wrong else request.reference
            examples.append(Example(request.id, request.messages, (answer,)))
        return examples

    def claim_requests(self, split: Split, seed: int) -> list[ClaimRequest]:
        """Return a split's requests with their facts and reference answers."""
        count = self.record_per_phrasing if split == "train" else self.replay_per_phrasing
        return make_requests(split, per_phrasing=count, seed=seed)

    def requests(self, which: RequestSet, seed: int) -> list[Request]:
        """Return the requests of one split."""
        made = self.claim_requests(which, seed)
        self._records.update((r.id, r.record) for r in made)
        return [
            Request(r.id, r.cohort, r.family, r.question_type, r.messages, r.context, r.expected)
            for r in made
        ]

    def trace(
        self,
        request: Request,
        completion: Completion,
        *,
        id: str,
        model: str,
        started_at: datetime,
        latency_ms: float,
    ) -> Trace:
        """Carry the answer's tool calls out on the request's facts and return the whole."""
        steps = ToolCall.parse_all(completion.text)
        return build_trace(
            id=id,
            conversation_id=request.id,
            cohort=request.cohort,
            question_type=request.question_type,
            family=request.family,
            messages=tuple(request.messages),
            answer=completion.text,
            context=request.context,
            steps=steps,
            expected=request.expected,
            model=model,
            started_at=started_at,
            latency_ms=latency_ms,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.tokens,
            results=[run_tool(step, self._records[request.id]) for step in steps],
        )

    def simulated_labels(
        self, items: Sequence[Item], *, overlap: int, seed: int
    ) -> Iterator[tuple[str, str, Label]]:
        """Yield the labels of the made-up reviewers; see `trueup.demo.reviewers`."""
        by_id = {r.id: r.reference for r in self.claim_requests("train", seed)}
        references = {item.trace_id: by_id[item.conversation_id] for item in items}
        return label_items(items, self._faults, references, overlap=overlap, seed=seed)

    def _faults(self, item: Item, answer: str) -> tuple[str, ...]:
        scores = score_answer(
            self._evaluators,
            messages=item.messages,
            context=item.context,
            answer=answer,
            expected=item.expected,
        )
        wrong = set(failed(scores))
        faults = []
        if over_refused(scores, item.expected):
            faults.append("unsafe_refusal")
        if "tool_selection_accuracy" in wrong:
            faults.append("wrong_tool")
        if not faults and wrong:
            faults.append("missing_context")
        return tuple(faults)
