"""What one item's labels come to in each format of an export.

A pair is settled as `_settle` does it. An answer that is shown alone is wanted or not, as more
than half say by preferring it or neither, or by a thumb. A ranking is the mean of its reviewers'
(Borda's count), and answers with equal means stay tied. A step is the first one that more than
half of the reviewers call bad.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from trueup.queues.exports._settle import (
    REPEATED,
    correction_of,
    doubt,
    make_preference,
    origin_of,
    settle_item,
    share,
    split,
)
from trueup.types import Annotation, Item, Preference

__all__ = [
    "Outcome",
    "Trust",
    "rank_reviewers",
    "settle_alone",
    "settle_pair",
    "settle_ranking",
    "settle_step",
]

Votes = Sequence[tuple[str, str]]
"""Who preferred what on one item."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an item settled on.

    Attributes:
        preference: the better answer and the worse one; of a ranking, the best and the last.
            Of an answer that is not wanted, that answer: nothing is preferred, and it only says
            what a row stands on.
        wanted: whether what the preference calls chosen is.
        ranking: the answers, best first, where the format asks for it.
        ranks: each one's place from 1 on; equal ones are tied.
        step: which step of a trajectory it is about, from 0 on.
    """

    preference: Preference
    wanted: bool = True
    ranking: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    step: int | None = None


class Trust(Mapping[str, int]):
    """The reviewers' ranks, 0 the most trusted; worked out when a draw between texts asks for it.

    That takes a pass over all ratings, and most exports need none.
    """

    def __init__(self, read: Callable[[], Iterable[Votes]]) -> None:
        self._read = read
        self._ranks: dict[str, int] | None = None

    def __getitem__(self, reviewer: str) -> int:
        ranks = self._all()
        return ranks.get(reviewer, len(ranks))  # who preferred nothing comes last

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, int]:
        if self._ranks is None:
            self._ranks = rank_reviewers(self._read())
        return self._ranks


def rank_reviewers(items: Iterable[Votes]) -> dict[str, int]:
    """Rank reviewers by how often they say what the others' majority says; by name where even.

    These are the ranks that `trueup.stats.agreement.reviewer_reliability` gives, in memory that
    grows with the reviewers and not with the items.
    """
    names: set[str] = set()
    decided, agreed = Counter[str](), Counter[str]()
    for votes in items:
        counts = Counter(vote for _, vote in votes)
        for reviewer, vote in votes:
            names.add(reviewer)
            others = {value: n - (value == vote) for value, n in counts.items()}
            top = max(others.values())
            leaders = [value for value, n in others.items() if n == top]
            if top and len(leaders) == 1:
                decided[reviewer] += 1
                agreed[reviewer] += leaders[0] == vote
    share = {name: agreed[name] / decided[name] if decided[name] else 0.0 for name in names}
    return {name: rank for rank, name in enumerate(sorted(names, key=lambda n: (-share[n], n)))}


def settle_pair(
    item: Item, annotations: Sequence[Annotation], min_agreement: float, trust: Mapping[str, int]
) -> Outcome | str:
    """Return what the majority prefers over what, or why there is nothing."""
    found = settle_item(item, annotations, min_agreement, trust)
    return found if isinstance(found, str) else Outcome(found)


def settle_alone(
    item: Item,
    annotations: Sequence[Annotation],
    min_agreement: float,
    trust: Mapping[str, int],
    *,
    question: str | None,
) -> Outcome | str:
    """Return whether the majority wants an answer that is shown alone; of several, the pair.

    Where it does not and says what would be right, that is preferred to the answer.

    Args:
        question: name of the thumbs question, whose answer counts where no preference was given.
    """
    if len(item.answers) > 1:
        return settle_pair(item, annotations, min_agreement, trust)
    given = [a for a in annotations if _wanted(a, question) is not None]
    if not given:
        return "no preference or thumb" if annotations else "no labels"
    labels, ruling = split(given)
    agreement = share([_wanted(a, question) for a in labels]) if labels else None
    if ruling is None and (reason := doubt(agreement, min_agreement)):
        return reason
    said = [(a, bool(_wanted(a, question))) for a in ([ruling] if ruling else labels)]
    votes = [wanted for _, wanted in said]
    if 2 * votes.count(votes[0]) == len(votes):
        return "no majority"
    winner = 2 * sum(votes) > len(votes)
    agreeing = [a for a, wanted in said if wanted == winner]
    (answer,) = item.answers
    correction = None if winner else correction_of(agreeing, trust)
    if correction == answer.text.strip():
        return REPEATED
    if correction is not None:
        made = make_preference(item, given, correction, answer.text, "corrected", agreement)
        return Outcome(made)
    origin = origin_of(item, answer.source)
    strength = sum(a.label.strength for a in agreeing) / len(agreeing)
    made = make_preference(item, given, answer.text, None, origin, agreement, strength=strength)
    return Outcome(made, wanted=winner)


def _wanted(annotation: Annotation, question: str | None) -> bool | None:
    """Return whether a reviewer wants the one answer that was shown, if they say."""
    preferred = annotation.label.preferred
    if preferred is not None:
        return None if preferred == "tie" else preferred != "neither"
    thumb: bool | None = annotation.label.answers.get(question or "")
    return thumb


def settle_ranking(
    item: Item,
    annotations: Sequence[Annotation],
    min_agreement: float,
    trust: Mapping[str, int],
    *,
    question: str | None,
) -> Outcome | str:
    """Return the answers by their mean ranks; a pair where nobody was asked to rank."""
    given, ruling = split(
        [a for a in annotations if question is not None and question in a.label.answers]
    )
    if not given and ruling is None:
        pair = settle_pair(item, annotations, min_agreement, trust)
        if isinstance(pair, str):
            return pair
        chosen, rejected = pair.preference.chosen, pair.preference.rejected
        if rejected is None:
            return "no rejected answer"
        return replace(pair, ranking=(chosen, rejected), ranks=(1, 2))
    if len({answer.text for answer in item.answers}) < len(item.answers):
        return "two answers are the same"
    rankings = [_places(a.label.answers[question or ""]) for a in given]
    agreement = _kendall(rankings) if rankings else None
    if ruling is not None:
        rankings = [_places(ruling.label.answers[question or ""])]
    elif reason := doubt(agreement, min_agreement):
        return reason
    sums = {answer.key: sum(places[answer.key] for places in rankings) for answer in item.answers}
    if len(set(sums.values())) == 1:
        return "tie"
    ordered = sorted(item.answers, key=lambda answer: (sums[answer.key], answer.key))
    ranks = tuple(1 + sum(other < sums[a.key] for other in sums.values()) for a in ordered)
    origin = origin_of(item, ordered[0].source)
    texts = tuple(answer.text for answer in ordered)
    counted = [*given, *([ruling] if ruling else [])]
    made = make_preference(
        item, counted, texts[0], texts[-1], origin, agreement, more=("ranking", texts, ranks)
    )
    return Outcome(made, ranking=texts, ranks=ranks)


def settle_step(
    item: Item,
    annotations: Sequence[Annotation],
    min_agreement: float,
    trust: Mapping[str, int],
    *,
    question: str,
) -> Outcome | str:
    """Return the first step that the majority calls bad, with the better one in its place."""
    counted = [a for a in annotations if question in a.label.answers]
    if not counted:
        return "no labels"
    labels, ruling = split(counted)
    given = labels if ruling is None else [ruling]
    marks = [{mark["step"]: mark for mark in a.label.answers[question]} for a in given]
    turns = [n for n, turn in enumerate(item.messages) if turn.get("role") == "assistant"]
    for step in range(len(turns) + 1):
        said = [mark[step]["label"] if step in mark else "" for mark in marks]
        if 2 * said.count("bad") > len(said):
            break
    else:
        return "no bad step"
    agreement = share(said)
    if ruling is None and (reason := doubt(agreement, min_agreement)):
        return reason
    offered = [
        (mark[step]["better"], a.reviewer)
        for a, mark, label in zip(given, marks, said, strict=True)
        if label == "bad" and mark[step]["better"]
    ]
    better = _commonest(offered, trust)
    taken = _step_taken(item, turns, step)
    if not better or taken is None:
        return "no better step" if not better else "several answers, and none that was served"
    end = turns[step] if step < len(turns) else len(item.messages)
    if not end or better == taken.strip():
        return "no prompt before the step" if not end else "the better step repeats the step"
    made = make_preference(
        item, counted, better, taken, "corrected", agreement, more=("step", step)
    )
    return Outcome(replace(made, messages=item.messages[:end]), step=step)


def _step_taken(item: Item, turns: Sequence[int], step: int) -> str | None:
    """Return a step as it was; None where the last one could be any of several answers."""
    from trueup.models import answer_text

    if step < len(turns):
        return answer_text(item.messages[turns[step]])
    shown = item.answer("served") or (item.answers[0] if len(item.answers) == 1 else None)
    return None if shown is None else shown.text


def _commonest(offered: Sequence[tuple[str, str]], trust: Mapping[str, int]) -> str | None:
    """Return the text that most reviewers offer, of equals that of the most trusted of them."""
    counts = Counter(text for text, _ in offered)
    top = [(text, name) for text, name in offered if counts[text] == max(counts.values())]
    if len({text for text, _ in top}) < 2:
        return top[0][0] if top else None
    return min(top, key=lambda entry: (trust[entry[1]], entry[1]))[0]


def _places(ranking: Sequence[str | list[str]]) -> dict[str, int]:
    """Return twice each key's place, those of a tie in the middle of the places they share."""
    found: dict[str, int] = {}
    for entry in ranking:
        tied = [entry] if isinstance(entry, str) else entry
        for key in tied:
            found[key] = 2 * (len(found) - tied.index(key)) + len(tied) + 1
    return found


def _kendall(rankings: Sequence[Mapping[str, int]]) -> float | None:
    """Return the mean over pairs of raters of 1 - Kemeny and Snell's distance; None with one.

    That is the share of pairs of answers that two raters put in one order, where a pair that one
    of them alone ties counts half; see `trueup.stats.distances.ranking_distances`.
    """
    pairs = list(combinations(sorted(rankings[0]), 2))
    if len(rankings) < 2 or not pairs:
        return None
    orders = [[_sign(places[b] - places[a]) for a, b in pairs] for places in rankings]
    apart = [
        sum(abs(x - y) for x, y in zip(one, other, strict=True))
        for one, other in combinations(orders, 2)
    ]
    return 1 - sum(apart) / (2 * len(pairs) * len(apart))


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
