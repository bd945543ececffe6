"""`trueup replay`: requests answered once more, and what a candidate newly refuses."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from cyclopts import App, Parameter

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_json,
    show_table,
)
from trueup.cli._progress import progress_bar
from trueup.cli.trace import check_cohort
from trueup.errors import InputError
from trueup.evals.run import score_answer
from trueup.flywheel.collect import evaluators
from trueup.queues import AnnotationQueue
from trueup.release.over_refusals import NewRefusals, new_refusals, queue_refusals, requests_of
from trueup.release.replay import Request, find_replays, load_replays
from trueup.release.replay import replay as replay_on
from trueup.store import Store
from trueup.store.runs import get_checkpoint
from trueup.store.stamp import stamp
from trueup.store.traces import list_traces

__all__ = ["app"]

app = App(name="replay")

_EXCERPT = 60  # characters of a text in a table


@app.command
def run(
    checkpoint: Annotated[tuple[str, ...], Parameter(negative="")],
    /,
    *,
    cohort: str | None = None,
    source: str | None = None,
    limit: int | None = None,
    max_new_tokens: int = 256,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replay the store's traces on checkpoints, so that two of them can be compared.

    A replay that was stopped goes on where it was, and a finished one costs nothing.

    Args:
        checkpoint: The checkpoints' ids, such as baseline and candidate.
        cohort: Only traces of this cohort.
        source: Only traces from this file or part.
        limit: At most so many, the first by id.
        max_new_tokens: Where an answer is cut.
    """
    with open_store(store) as opened:
        with opened.reading() as tx:
            check_cohort(tx, cohort)
            requests = requests_of(list_traces(tx, cohort=cohort, source=source, limit=limit))
        if not requests:
            raise InputError(
                f"store {opened.address} has no such traces: `trueup trace list` prints those there"
                " are"
            )
        suite = "/".join(["traces", *(name for name in (cohort, source) if name)])
        made = [_replay(opened, key, requests, suite, max_new_tokens) for key in checkpoint]
    if as_json:
        show_json(made)
        return
    show_table(tuple(made[0]), [tuple(row.values()) for row in made])


@app.command
def over_refusals(
    baseline: str,
    candidate: str,
    /,
    *,
    queue: str | None = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find requests that the baseline answered and the candidate refuses; queue them for people.

    Args:
        baseline: A checkpoint that was replayed.
        candidate: One that was replayed on the same requests.
        queue: Put them into this queue, both answers side by side; the same twice is once.
    """
    with open_store(store) as opened:
        into = None if queue is None else AnnotationQueue.get(queue, store=opened)
        with opened.reading() as tx:
            pair = load_replays(tx, find_replays(tx, [baseline, candidate]))
        refusals = new_refusals(*pair)
        added = None
        if into is not None and refusals.found:
            added = queue_refusals(opened, refusals, into)
    if as_json:
        show_json(_as_json(refusals) | {"added": None if added is None else asdict(added)})
        return
    _show(refusals)
    if added is not None:
        say(f"{queue}: {added.items} items added, {added.there_already} there already")


def _show(refusals: NewRefusals) -> None:
    """Print what was found, or that nothing was."""
    if not refusals.found:
        say(f"{refusals.candidate} refuses nothing that {refusals.baseline} answered")
    else:
        show_table(
            ("request", "cohort", "refuses", "baseline answered", "candidate answers"),
            [
                (
                    refusal.candidate.request.id,
                    refusal.candidate.request.cohort,
                    refusal.label,
                    _excerpt(refusal.baseline.text),
                    _excerpt(refusal.candidate.text),
                )
                for refusal in refusals.found
            ],
        )
    for reason, count in refusals.left_out.items():
        say(f"  left out: {count} ({reason})")


def _replay(
    store: Store, key: str, requests: list[Request], suite: str, max_new_tokens: int
) -> dict[str, Any]:
    from trueup.models import LocalSampler, load_model

    with store.reading() as tx:
        checkpoint = get_checkpoint(tx, key)
    sampler = LocalSampler(load_model(store.locate(checkpoint.path), dtype="auto"))
    actor, now = stamp()
    scoring = evaluators()
    with progress_bar(f"replaying on {checkpoint.id[:12]}") as progress:
        made = replay_on(
            store,
            checkpoint.id,
            requests,
            suite=suite,
            sample=lambda prompts: [
                drawn for (drawn,) in sampler.sample(prompts, max_new_tokens=max_new_tokens)
            ],
            score=partial(score_answer, scoring),
            versions={evaluator.name: evaluator.version for evaluator in scoring},
            sampling={"temperature": 0.0, "max_new_tokens": max_new_tokens, "seed": 0},
            actor=actor,
            now=now,
            progress=progress,
        )
    cut = sum(answer.finish_reason == "length" for answer in made.answers.values())
    return {
        "checkpoint": checkpoint.id,
        "replay": made.replay.id,
        "suite": suite,
        "requests": len(requests),
        "cut": cut,
    }


def _as_json(refusals: NewRefusals) -> dict[str, Any]:
    return {
        "baseline": refusals.baseline,
        "candidate": refusals.candidate,
        "found": [
            {
                "request": refusal.candidate.request.id,
                "cohort": refusal.candidate.request.cohort,
                "label": refusal.label,
                "baseline": refusal.baseline.text,
                "candidate": refusal.candidate.text,
            }
            for refusal in refusals.found
        ],
        "left_out": refusals.left_out,
    }


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[: _EXCERPT - 3]}..."
