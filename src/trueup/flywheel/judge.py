"""The last stations but one: the same held-out requests on every checkpoint, and the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from trueup.evals.run import score_answer
from trueup.flywheel.application import RequestSet
from trueup.flywheel.collect import evaluators, sampler
from trueup.flywheel.context import Found, Turn
from trueup.release.gate import gate
from trueup.release.margins import Margins, load_margins
from trueup.release.replay import replay
from trueup.types import Completion, Messages

__all__ = ["judge", "replay_on"]


def replay_on(turn: Turn, checkpoint_id: str, who: str, which: RequestSet = "replay") -> Found:
    """Replay held-out requests on one checkpoint; greedily, so that a seed changes nothing."""
    config = turn.config
    requests = turn.application.requests(which, config.seed)
    source = sampler(turn, checkpoint_id)
    sampling = {
        "temperature": 0.0,
        "max_new_tokens": config.max_new_tokens,
        "seed": config.seed,
    }

    def sample(prompts: Sequence[Messages]) -> list[Completion]:
        drawn = source.sample(prompts, max_new_tokens=config.max_new_tokens, seed=config.seed)
        return [completion for (completion,) in drawn]

    scoring = evaluators()
    scored = replay(
        turn.store,
        checkpoint_id,
        requests,
        suite=f"{turn.application.name}/{which}-{config.seed}",
        sample=sample,
        score=partial(score_answer, scoring),
        versions={evaluator.name: evaluator.version for evaluator in scoring},
        sampling=sampling,
        actor=turn.actor,
        now=turn.now(),
        batch=128,
        progress=turn.watch(f"replayed on {who}"),
    )
    cut = sum(a.finish_reason == "length" for a in scored.answers.values())
    if cut:
        turn.events.note(f"{who}: {cut} answers were cut at {config.max_new_tokens} tokens")
    return {"replay": scored.replay.id, "requests": len(requests), "cut": cut}


def judge(turn: Turn, found: Mapping[str, Found]) -> Found:
    """Hold the candidate against the baseline, and against the control beside it."""
    margins = load_margins(turn.config.margins) if turn.config.margins else Margins()
    verdict = gate(
        turn.store,
        found["replay baseline"]["replay"],
        found["replay candidate"]["replay"],
        control_replay_id=found["replay control"]["replay"],
        margins=margins,
        actor=turn.actor,
        now=turn.now(),
    )
    return {"verdict": verdict.id, "outcome": verdict.outcome, "reasons": list(verdict.reasons)}
