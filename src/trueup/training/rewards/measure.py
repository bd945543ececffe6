"""How far a reward model can be trusted: by head and cohort, and against the length of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trueup.errors import InputError
from trueup.stats.intervals import Estimate, rate_interval
from trueup.training.groups import reject
from trueup.training.rewards.model import Rewards
from trueup.types import ALL_COHORTS, Example

__all__ = ["Calibration", "CohortReward", "HeadReport", "LengthProbe", "measure_rewards"]

BINS = 10
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether s(margin) is how often the better of two answers is the one that people chose.

    Attributes:
        error: expected calibration error (arXiv:1706.04599 eq. 3) over 10 bins from 0.5 to 1.
        brier: mean of (1 - s(r_chosen - r_rejected))^2; 0.25 knows nothing.
        confidence: mean s(|margin|) of each bin that has pairs.
        accuracy: share of each bin's pairs that are in the order of their labels.
        counts: pairs of each bin.
    """

    error: float
    brier: float
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CohortReward:
    """A head's rewards on the pairs of a cohort.

    Attributes:
        cohort: its name; "all" for all together.
        accuracy: share of pairs whose chosen answer has the larger reward, clustered by prompt.
        calibration: of the margins.
        chosen: 0.05, 0.25, 0.5, 0.75 and 0.95 quantiles of the chosen answers' rewards.
        rejected: of the rejected ones'.
        spread: mean standard deviation over an ensemble's members; 0 of a single model.
    """

    cohort: str
    accuracy: Estimate
    calibration: Calibration
    chosen: tuple[float, ...]
    rejected: tuple[float, ...]
    spread: float


@dataclass(frozen=True, slots=True)
class LengthProbe:
    """Whether a head rewards length: what it prefers beside what people did.

    Attributes:
        prefers_longer: share of pairs in which the longer answer has the larger reward.
        people_prefer_longer: share of the same pairs in which the longer answer was chosen.
        accuracy_longer: accuracy where the chosen answer is the longer one.
        accuracy_shorter: where it is the shorter one; far below the former, the head counts words.
        correlation: Spearman's, of differences in reward and in length.
    """

    prefers_longer: Estimate | None
    people_prefer_longer: Estimate | None
    accuracy_longer: Estimate | None
    accuracy_shorter: Estimate | None
    correlation: float


@dataclass(frozen=True, slots=True)
class HeadReport:
    """What a head was found to be on pairs that are about it.

    Attributes:
        head: its name.
        cohorts: all pairs together first, then each cohort.
        length: the probe for length.
    """

    head: str
    cohorts: tuple[CohortReward, ...]
    length: LengthProbe


@dataclass(frozen=True, slots=True)
class _Pair:
    cluster: str
    cohort: str
    chosen: float
    rejected: float
    longer: int
    spread: float

    @property
    def margin(self) -> float:
        return self.chosen - self.rejected


def measure_rewards(
    examples: Sequence[Example], rewards: Sequence[Rewards], heads: Sequence[str]
) -> list[HeadReport]:
    """Measure each head on the pairs that name it; a ranking counts as its neighbouring pairs.

    Neighbours that are tied are no pair.

    Args:
        examples: completions best first; where there are several heads each names its own.
        rewards: what `RewardModel.score` gave for them.
        heads: the model's.

    Returns:
        A report for each head that some row is about.

    Raises:
        InputError: rows with fewer than two completions, or a head that the model does not have.
    """
    reject(
        examples,
        "one completion",
        lambda e: len(e.completions) < 2,
        remedy="rewards are measured on pairs or rankings",
    )
    unknown = [e.id for e in examples if len(heads) > 1 and e.head not in heads]
    if unknown:
        raise InputError(
            f"{len(unknown)} of {len(examples)} rows name no head of {', '.join(heads)} "
            f"({', '.join(unknown[:5])}); name one in each row's `head`"
        )
    by_head: dict[str, list[_Pair]] = {head: [] for head in heads}
    for example, found in zip(examples, rewards, strict=True):
        head = example.head if len(heads) > 1 else heads[0]
        by_head[head] += _pairs(example, found, heads.index(head))
    return [_head(head, pairs) for head, pairs in by_head.items() if pairs]


def _pairs(example: Example, rewards: Rewards, head: int) -> list[_Pair]:
    values, spread = rewards.mean[:, head], rewards.spread[:, head]
    prompt = "\n".join(str(turn.get("content")) for turn in example.messages)
    return [
        _Pair(
            cluster=prompt,
            cohort=example.cohort,
            chosen=float(values[k]),
            rejected=float(values[k + 1]),
            longer=rewards.lengths[k] - rewards.lengths[k + 1],
            spread=float((spread[k] + spread[k + 1]) / 2),
        )
        for k in range(len(values) - 1)
        if not example.ranks or example.ranks[k] < example.ranks[k + 1]
    ]


def _head(head: str, pairs: Sequence[_Pair]) -> HeadReport:
    named = sorted({pair.cohort for pair in pairs} - {""})
    cohorts = [_cohort(ALL_COHORTS, pairs)]
    cohorts += [_cohort(name, [p for p in pairs if p.cohort == name]) for name in named]
    return HeadReport(head, tuple(cohorts), _length(pairs))


def _cohort(name: str, pairs: Sequence[_Pair]) -> CohortReward:
    accuracy = _rate([pair.margin > 0 for pair in pairs], pairs)
    assert accuracy is not None
    return CohortReward(
        cohort=name,
        accuracy=accuracy,
        calibration=_calibration(np.array([pair.margin for pair in pairs])),
        chosen=_quantiles([pair.chosen for pair in pairs]),
        rejected=_quantiles([pair.rejected for pair in pairs]),
        spread=float(np.mean([pair.spread for pair in pairs])),
    )


def _calibration(margins: NDArray[np.float64]) -> Calibration:
    sure = 1 / (1 + np.exp(-np.abs(margins)))
    right = margins > 0
    bins = np.minimum(((sure - 0.5) * 2 * BINS).astype(int), BINS - 1)
    filled = [bins == b for b in range(BINS) if (bins == b).any()]
    confidence = tuple(float(sure[b].mean()) for b in filled)
    accuracy = tuple(float(right[b].mean()) for b in filled)
    counts = tuple(int(b.sum()) for b in filled)
    gaps = [n * abs(c - a) for n, c, a in zip(counts, confidence, accuracy, strict=True)]
    brier = float(np.square(np.where(right, 1 - sure, sure)).mean())
    return Calibration(sum(gaps) / len(margins), brier, confidence, accuracy, counts)


def _length(pairs: Sequence[_Pair]) -> LengthProbe:
    from scipy.stats import spearmanr

    unequal = [pair for pair in pairs if pair.longer]
    longer = [pair for pair in pairs if pair.longer > 0]
    shorter = [pair for pair in pairs if pair.longer < 0]
    varied = len({pair.longer for pair in pairs}) > 1 and len({p.margin for p in pairs}) > 1
    return LengthProbe(
        prefers_longer=_rate([pair.margin * pair.longer > 0 for pair in unequal], unequal),
        people_prefer_longer=_rate([pair.longer > 0 for pair in unequal], unequal),
        accuracy_longer=_rate([pair.margin > 0 for pair in longer], longer),
        accuracy_shorter=_rate([pair.margin > 0 for pair in shorter], shorter),
        correlation=float(spearmanr([p.margin for p in pairs], [p.longer for p in pairs]).statistic)
        if varied
        else 0.0,
    )


def _rate(hits: Sequence[bool], pairs: Sequence[_Pair]) -> Estimate | None:
    return rate_interval(hits, [pair.cluster for pair in pairs]) if pairs else None


def _quantiles(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(q) for q in np.quantile(values, QUANTILES))
