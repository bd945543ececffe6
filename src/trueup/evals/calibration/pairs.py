"""How far a judge of pairs agrees with people, and whether order or length decides for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from trueup.errors import InputError, UnknownName
from trueup.evals.calibration.rows import Choice, Pair
from trueup.stats.pairwise import Pairwise, pairwise
from trueup.stats.prediction_powered import PredictionPowered, prediction_powered

__all__ = ["JudgeAgreement", "calibrate_pairs", "judge_pairs"]

_NUMBERS = {"a": 1.0, "b": -1.0, "tie": 0.0, None: float("nan")}


class Compared(Protocol):
    """What a judge chose: with a shown first, and with b shown first."""

    @property
    def chosen(self) -> tuple[Choice | None, Choice | None]:
        """Both choices, None where there is none."""


@dataclass(frozen=True, slots=True)
class JudgeAgreement:
    """A judge's agreement with people on which of two answers is better.

    Attributes:
        judge: its name.
        whole: of all pairs that it judged; None where there are none.
        cohorts: the same of each cohort.
        wins: how often a is better over all pairs, a tie counting half, where people did not see
            some of them; else None.
        wins_by_cohort: the same of each cohort that has pairs of both kinds.
        unscored: pairs that it did not judge, in any order.
    """

    judge: str
    whole: Pairwise | None
    cohorts: Mapping[str, Pairwise]
    wins: PredictionPowered | None
    wins_by_cohort: Mapping[str, PredictionPowered]
    unscored: int


def judge_pairs(
    pairs: Sequence[Pair],
    judge: str,
    compare: Callable[[str, str, str], Compared],
    *,
    threads: int = 8,
    progress: Callable[[int, int], None] | None = None,
) -> list[Pair]:
    """Have a judge choose, and return the pairs with its verdicts.

    Args:
        pairs: what to choose from.
        judge: the name that its verdicts get.
        compare: called with prompt, a and b, such as `trueup.models.judge.Judge.compare`.
        threads: how many pairs at once.
        progress: called with how many pairs are judged, and of how many.
    """
    made: list[Pair] = []
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda pair: compare(pair.prompt, pair.a, pair.b).chosen, pairs)
        for pair, chosen in zip(pairs, found, strict=True):
            made.append(replace(pair, verdicts={**pair.verdicts, judge: chosen}))
            if progress is not None:
                progress(len(made), len(pairs))
    return made


def calibrate_pairs(pairs: Sequence[Pair], judge: str) -> JudgeAgreement:
    """Measure a judge's agreement with people on pairs, its position and its verbosity bias.

    Lengths are in characters. Pairs without a winner count for consistency and position, and for
    the rate at which a wins.

    Args:
        pairs: with the judge's verdicts.
        judge: its name there.

    Raises:
        InputError: there are no pairs.
        UnknownName: no pair has a verdict of that judge; the message lists those there are.
    """
    if not pairs:
        raise InputError("no pairs: give at least one")
    names = sorted({name for pair in pairs for name in pair.verdicts})
    if judge not in names:
        raise UnknownName(
            f"no verdicts of {judge!r}: there are {', '.join(names) or 'none at all'}"
        )
    judged = [pair for pair in pairs if set(pair.verdicts.get(judge, ())) - {None}]
    by_cohort = {
        name: [pair for pair in judged if pair.cohort == name]
        for name in sorted({pair.cohort for pair in judged if pair.cohort})
    }
    wins = {name: _wins(some, judge) for name, some in by_cohort.items()}
    return JudgeAgreement(
        judge,
        _beside(judged, judge) if judged else None,
        {name: _beside(some, judge) for name, some in by_cohort.items()},
        _wins(judged, judge),
        {name: rate for name, rate in wins.items() if rate is not None},
        len(pairs) - len(judged),
    )


def _beside(pairs: Sequence[Pair], judge: str) -> Pairwise:
    return pairwise(
        [_NUMBERS[pair.winner] for pair in pairs],
        [[_NUMBERS[one] for one in pair.verdicts[judge]] for pair in pairs],
        [(len(pair.a) > len(pair.b)) - (len(pair.a) < len(pair.b)) for pair in pairs],
        clusters=_groups(pairs),
    )


def _wins(pairs: Sequence[Pair], judge: str) -> PredictionPowered | None:
    """Return how often a wins; None without pairs of both kinds."""
    told = [pair for pair in pairs if pair.winner is not None]
    alone = [pair for pair in pairs if pair.winner is None]
    if not told or not alone:
        return None
    return prediction_powered(
        [_share(pair.winner) for pair in told],
        [_share(*pair.verdicts[judge]) for pair in told],
        [_share(*pair.verdicts[judge]) for pair in alone],
        clusters=_groups(told),
        clusters_alone=_groups(alone),
    )


def _share(*choices: Choice | None) -> float:
    """Return the share of choices that fall on a, a tie counting half."""
    known = [(1 + _NUMBERS[one]) / 2 for one in choices if one is not None]
    return sum(known) / len(known)


def _groups(pairs: Sequence[Pair]) -> list[str | int]:
    return [pair.group or id(pair) for pair in pairs]
