"""What a judge answered, read without guessing, and several votes made one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from pydantic import BaseModel, ValidationError

from trueup.models._rubric import Rubric, verdict_of

__all__ = ["Judgement", "Vote", "answer_of", "combine", "read_vote"]


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer of a judge.

    Attributes:
        label: the grade that it gave, "no claim" and its like where there was no part to grade;
            None where there is no verdict.
        value: what that is worth, from 0 to 1.
        reason: why, in its words.
        evidence: what it quotes; of parts those that are not worth 1.
        fault: why there is no label.
        raw: the text of its answer, as it came.
        cost: US dollars; 0 where it was kept from before, None where they are not known.
        cached: whether it was kept from before.
    """

    label: str | None = None
    value: float | None = None
    reason: str = ""
    evidence: tuple[str, ...] = ()
    fault: str = ""
    raw: str = ""
    cost: float | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge's votes come to.

    Attributes:
        label: what most of the votes say; None where none leads, or no more than half are valid.
        value: the mean of the valid votes' values; None where the label has none.
        reason, evidence: those of the first vote with that label.
        fault: why it is unscored.
        votes: all of them, raw answers included.
        disagreement: share of the pairs of valid votes that give different labels.
        spread: the largest difference between two votes' values.
        cost: US dollars; None where they are not known.
        seconds: wall time.
    """

    label: str | None
    value: float | None
    reason: str
    evidence: tuple[str, ...]
    fault: str
    votes: tuple[Vote, ...]
    disagreement: float
    spread: float
    cost: float | None
    seconds: float


def answer_of(response: Mapping[str, Any]) -> tuple[str, str]:
    """Return the text of a chat completion, and what is wrong with it or "".

    A refusal, an answer that was cut off, and one without text are no verdicts, whatever they hold.
    """
    choices = response.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        return "", f"the server's answer holds no message: {json.dumps(response):.200}"
    text, refusal = message.get("content"), message.get("refusal")
    text = text if isinstance(text, str) else ""
    if refusal or choice.get("finish_reason") == "content_filter":
        return text or str(refusal or ""), f"the judge refused: {refusal or 'content filter'}"
    if choice.get("finish_reason") == "length":
        return text, "the judge's answer was cut off: raise max_tokens"
    return text, "" if text.strip() else "the judge's answer is empty"


def read_vote(text: str, rubric: Rubric) -> Vote:
    """Read a verdict out of a judge's answer: the one JSON object in it that has the schema.

    Where several that differ have it, none is taken: one of them may be quoted from what is judged.
    """
    _, _, said = text.rpartition("</think>")
    verdicts: list[BaseModel] = []
    fault = f"the judge's answer holds no JSON object: {said.strip()!r:.200}"
    for found in _objects(said):
        try:
            verdict = verdict_of(rubric).model_validate(found)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            fault = f"the judge's verdict is not as its schema has it: {where}: {first['msg']}"
        else:
            verdicts += [verdict] if verdict not in verdicts else []
    if len(verdicts) > 1:
        fault = f"the judge gave {len(verdicts)} different verdicts in one answer"
    if len(verdicts) != 1:
        return Vote(fault=fault, raw=text)
    return _graded(verdicts[0].model_dump(), rubric, text)


def _objects(text: str) -> list[Any]:
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
        else:
            found.append(value)
    return found


def _graded(verdict: Mapping[str, Any], rubric: Rubric, raw: str) -> Vote:
    worth = {grade.label: grade.value for grade in rubric.grades}
    if not rubric.each:
        label, evidence = verdict["label"], tuple(verdict["evidence"])
        return Vote(label, worth[label], verdict["reasoning"], evidence, raw=raw)
    parts = [(part, worth[part["label"]]) for part in verdict["parts"]]
    values = [value for _, value in parts if value is not None]
    if not values:
        return Vote(f"no {rubric.each}", reason=f"the judge found no {rubric.each}", raw=raw)
    value = fmean(values)
    short = [part for part, worth in parts if worth is not None and worth < 1]
    return Vote(
        rubric.summary[0 if value == 1 else 2 if value == 0 else 1],
        value,
        f"{len(values) - len(short)} of {len(values)}: each {rubric.each} graded",
        tuple(f"{part['part']} [{part['label']}: {part['reasoning']}]" for part in short),
        raw=raw,
    )


def combine(votes: Sequence[Vote], seconds: float) -> Judgement:
    """Make one judgement of votes: the label by plurality, the value by mean.

    More than half of the votes must be valid, and one label must lead, or it is unscored.
    """
    valid = [vote for vote in votes if vote.label is not None]
    pairs = list(combinations(valid, 2))
    values = [vote.value for vote in valid if vote.value is not None]
    costs = [vote.cost for vote in votes]
    leading = Counter(vote.label for vote in valid).most_common(2)
    divided = len(leading) == 2 and leading[0][1] == leading[1][1]
    fault = _fault(votes, valid, divided and not values)
    label = None if fault or divided else leading[0][0]
    first = next((vote for vote in valid if divided or vote.label == label), Vote())
    return Judgement(
        label,
        fmean(values) if values and first.value is not None and not fault else None,
        first.reason,
        first.evidence,
        fault,
        tuple(votes),
        sum(a.label != b.label for a, b in pairs) / len(pairs) if pairs else 0.0,
        max(values) - min(values) if values else 0.0,
        None if None in costs else sum(filter(None, costs)),
        seconds,
    )


def _fault(votes: Sequence[Vote], valid: Sequence[Vote], undecided: bool) -> str:
    if 2 * len(valid) <= len(votes):
        lost = [vote for vote in votes if vote.label is None]
        why = "; ".join(dict.fromkeys(vote.fault for vote in lost))
        return why if len(votes) == 1 else f"{len(lost)} of {len(votes)} votes are void: {why}"
    if undecided:
        return "the votes are divided: " + ", ".join(str(vote.label) for vote in valid)
    return ""
