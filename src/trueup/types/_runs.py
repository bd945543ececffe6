"""What is trained on and what comes of it: examples, completions, runs, checkpoints, verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trueup.types._traces import Message

__all__ = [
    "Checkpoint",
    "Completion",
    "Example",
    "Run",
    "Verdict",
    "VerdictOutcome",
]

VerdictOutcome = Literal["ship", "block", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and its completions: what every training method learns from.

    Attributes:
        id: the row's content hash, or any stable name.
        messages: the prompt, OpenAI-shaped; none where the completion is a text to read on.
        completions: texts, best first: one for SFT, (chosen, rejected) for pairs, or a ranking.
        weight: multiplies this example's share of the loss.
        desirable: whether a single completion is wanted; None where nobody said so.
        margin: by how much the reward of a chosen completion is to exceed the rejected one's.
        head: which of a reward model's heads the order is about, as "safety"; empty for the only.
        cohort: what kind of request it is, to report apart.
        agreement: share of rater pairs that agree on it, in [0, 1]; None with one rater or unknown.
        ranks: each completion's place, never falling; equal ones are tied, and neither is better.
            Empty is each a place of its own.
        tools: JSON schemas of the functions that the prompt offers, as chat templates take them.
    """

    id: str
    messages: tuple[Message, ...]
    completions: tuple[str, ...]
    weight: float = 1.0
    desirable: bool | None = None
    margin: float = 0.0
    head: str = ""
    cohort: str = ""
    agreement: float | None = None
    ranks: tuple[int, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a sampler drew for a prompt.

    `finish_reason` is "stop" at the end-of-sequence token and "length" when cut at the limit.
    """

    text: str
    tokens: int
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Run:
    """One training stage that was run: what went in, and how."""

    id: str
    stage: str
    method: str
    config: Mapping[str, Any]
    base_checkpoint_id: str
    checkpoint_id: str
    dataset_version_id: str | None
    seed: int
    code_revision: str
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder of weights, by content: `content_hash` is the hash of its safetensors."""

    id: str
    path: str
    content_hash: str
    role: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer on a candidate, with the table that it rests on."""

    id: str
    outcome: VerdictOutcome
    baseline_checkpoint_id: str
    candidate_checkpoint_id: str
    reasons: tuple[str, ...]
    table: tuple[Mapping[str, Any], ...]
    margins: Mapping[str, Any]
