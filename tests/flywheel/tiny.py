"""A small application on a random model: what a turn of the loop is tested with.

Run as a script it runs a turn, and kills itself without warning where it is told to:
`python tiny.py MODEL STORE [STATION]`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from trueup.flywheel.config import LoopConfig
from trueup.flywheel.context import Silent, Turn
from trueup.flywheel.workflow import run_turn
from trueup.release.replay import Request
from trueup.store import Store
from trueup.traces import build_trace
from trueup.training import DPO, SFT, Recipe, Stage
from trueup.types import Completion, Example, Expected, Item, Label, ToolCall, Trace

REFERENCE = ToolCall("lookup", {"id": "C-1"}).render()
COHORTS = ("expert-hard", "long-tail-refusal", "tool-heavy")


def config(model: Path | str, **changes: object) -> LoopConfig:
    """A turn of a few steps."""
    short = {"lora_rank": 4, "batch_size": 4, "max_steps": 2, "precision": "fp32"}
    sft = SFT(lr=1e-2, **short)
    settings = LoopConfig(
        model=str(model),
        samples=4,
        max_new_tokens=40,  # a random model ends about one answer in seven by then
        min_agreement=0.0,
        deploy=sft,
        recipe=Recipe((Stage("sft", sft, "chosen"), Stage("dpo", DPO(lr=1e-2, **short), "pairs"))),
        control=Recipe((Stage("sft", sft, "chosen"),)),
    )
    return replace(settings, **changes)


class TinyApp:
    """Twenty-four requests to train on, twelve to replay, and reviewers who agree or do not."""

    name = "tiny"

    def __init__(self, *, agreeing: bool = True) -> None:
        self.agreeing = agreeing

    def seed_examples(self, seed: int) -> list[Example]:
        return [Example(f"s{i}", _ask(f"seed {i}"), (REFERENCE,)) for i in range(8)]

    def requests(self, which: str, seed: int) -> list[Request]:
        return [
            Request(
                id=f"{which}-{i}",
                cohort=COHORTS[i % 3],
                family=f"family-{i % 6}",
                question_type=f"type-{i % 2}",
                messages=_ask(f"{which} {i}?"),
                context=("The record is C-1.",),
                expected=Expected(calls=(ToolCall("lookup", {"id": "C-1"}),), refuse=False),
            )
            for i in range(24 if which == "train" else 12)
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
        return build_trace(
            id=id,
            conversation_id=request.id,
            cohort=request.cohort,
            question_type=request.question_type,
            family=request.family,
            messages=tuple(request.messages),
            answer=completion.text,
            context=request.context,
            expected=request.expected,
            model=model,
            started_at=started_at,
            latency_ms=latency_ms,
        )

    def simulated_labels(
        self, items: Sequence[Item], *, overlap: int, seed: int
    ) -> Iterator[tuple[str, str, Label]]:
        # how many of a random model's items have two answers differs between processors
        paired_first = sorted(items, key=lambda i: (-len(i.answers), i.conversation_id))
        for number, item in enumerate(paired_first):
            for turn, reviewer in enumerate(("ada", "ben", "cleo")[:overlap]):
                odd = not self.agreeing and turn == number % overlap
                if (number + odd) % 2 or len(item.answers) == 1:
                    yield (
                        item.id,
                        reviewer,
                        Label("neither", labels=("wrong_tool",), correction=REFERENCE),
                    )
                else:
                    key = item.answer("sampled").key
                    yield item.id, reviewer, Label(key, 2, ("better_answer",))


def _ask(text: str) -> tuple[dict[str, str], ...]:
    return ({"role": "system", "content": "Be brief."}, {"role": "user", "content": text})


class KilledAt(Silent):
    """Ends the process as a power cut would, when a station begins."""

    def __init__(self, station: str | None) -> None:
        self.fatal = station

    def station(self, name: str, number: int, total: int) -> None:
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()
        if name == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    model, store, *rest = sys.argv[1:]
    with Store.open(store) as opened:
        run_turn(Turn(opened, config(model), TinyApp(), KilledAt(*rest or [None])))
