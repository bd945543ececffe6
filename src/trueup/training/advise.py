"""Which method fits the rows that there are, and what speaks against training on them at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.training.config import METHODS
from trueup.training.rows import usable_rows
from trueup.types import Example

__all__ = ["Advice", "Evidence", "advise", "evidence_of"]

MANY_PAIRS = 10_000
"""Pairs from which a reward model and online training are worth their price."""
FEW_ROWS = 100
SAFETY = "safety"
"""The head of rows about what should be refused."""
RED_LINE = 0.6
"""Of Krippendorff's alpha, and of the share of agreeing raters."""
SLIGHT = 1.5
MIXED = 0.05


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of the rows of a dataset.

    Attributes:
        pairs: rows with a chosen and a rejected completion, rankings included.
        wanted: rows with a single completion that is wanted.
        unwanted: rows with a single completion that is not.
        agreement: mean share of agreeing rater pairs, in [0, 1]; None where it was not measured.
        strength: mean strength of the preferences, 1 slightly to 3 by far; None if unknown.
        streams: rows by whose labels they rest on: reviewers, end users, models.
        safety: rows about what should be refused; None if unknown.
        simulated: rows that rest on labels a program gave.
        texts: rows that are texts without a prompt.
        rankings: pairs that are rankings of three or more completions.
        alphas: Krippendorff's alpha by the last audit of each queue that rows come from, by name;
            None where there is none.
    """

    pairs: int = 0
    wanted: int = 0
    unwanted: int = 0
    agreement: float | None = None
    strength: float | None = None
    streams: Mapping[str, int] | None = None
    safety: int | None = None
    simulated: int = 0
    texts: int = 0
    rankings: int = 0
    alphas: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.pairs + self.wanted + self.unwanted + self.texts


@dataclass(frozen=True)
class Advice:
    """A method with its reason, what else would do and when, and what to look at first.

    Attributes:
        method: its name as a command has it, or one that this version does not have.
        reason: why.
        otherwise: (method, when to take it instead).
        warnings: what would go into the model with these rows.
    """

    method: str
    reason: str
    otherwise: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def evidence_of(rows: Dataset | Sequence[Example]) -> Evidence:
    """Return what is known of a dataset's rows, or of examples from a file, which say less."""
    if not isinstance(rows, Dataset):
        texts = sum(not row.messages for row in rows)
        pairs = sum(len(row.completions) > 1 for row in rows)
        unwanted = sum(row.desirable is False for row in rows if len(row.completions) == 1)
        wanted = len(rows) - pairs - unwanted - texts
        measured = [row.agreement for row in rows if row.agreement is not None]
        return Evidence(
            pairs=pairs,
            wanted=wanted,
            unwanted=unwanted,
            texts=texts,
            rankings=sum(len(row.completions) > 2 for row in rows),
            agreement=fmean(measured) if measured else None,
            safety=sum(row.head == SAFETY for row in rows) if any(r.head for r in rows) else None,
        )
    found = [row.preference for row in rows]
    measured = [p.agreement for p in found if p.agreement is not None]
    expected = [p.expected for p in found if p.expected is not None]
    pairs = sum(p.rejected is not None for p in found)
    # a correction has none: nobody said by how much it is better
    strengths = [p.strength for p in found if p.strength > 0]
    return Evidence(
        pairs=pairs,
        wanted=len(found) - pairs,
        agreement=fmean(measured) if measured else None,
        strength=fmean(strengths) if strengths else None,
        streams=rows.streams,
        safety=sum(e.refuse is True for e in expected) if expected else None,
        simulated=rows.simulated,
        alphas=rows.alphas,
    )


def advise(evidence: Evidence, rows: Sequence[Example] = ()) -> Advice:
    """Return the method that fits, with the reason.

    Args:
        evidence: what is known of the rows.
        rows: the rows themselves, where they are at hand: what training would refuse among them is
            a warning too.
    """
    method, reason, otherwise = _method(evidence)
    if evidence.rankings:
        learnt = f"of which {method} takes the best answer and the best of those that are worse"
        when = f"to learn from all of {evidence.rankings} rankings, {learnt}"
        otherwise = (("reward", when), *otherwise)
    return Advice(method, reason, otherwise, (*_refused(method, rows), *_warnings(evidence)))


def _refused(method: str, rows: Sequence[Example]) -> list[str]:
    if rows and method in METHODS:
        try:
            usable_rows(METHODS[method](), rows)
        except InputError as error:
            return [f"{method} would refuse these rows: {error}"]
    return []


def _method(found: Evidence) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    singles = found.wanted + found.unwanted
    if found.texts:
        rest = found.rows - found.texts
        mixed = f", beside {rest} rows with prompts: part them" if rest else ""
        return "cpt", f"{found.texts} rows are texts without a prompt{mixed}", ()
    if not found.pairs and not found.unwanted:
        return "sft", f"all {found.wanted} rows are answers to imitate; none is rejected", ()
    if not found.pairs:
        return (
            "kto",
            f"{found.wanted} single answers are wanted and {found.unwanted} are not: only KTO "
            "learns from thumbs without pairs",
            (),
        )
    if singles > found.pairs:
        return (
            "kto",
            f"{singles} single answers beside {found.pairs} pairs: KTO learns from both, a pair "
            "as two rows",
            (("dpo", "if the single answers are left out, or taught by sft first"),),
        )
    if found.pairs >= MANY_PAIRS:
        return (
            "dpo",
            f"{found.pairs} pairs, {MANY_PAIRS} or more: DPO is still the least that can go wrong",
            (
                ("ppo", "with a reward model that holds up and a large budget for sampling"),
                ("orpo", "if there is to be a single pass without a supervised stage before"),
            ),
        )
    reason = f"{found.pairs} pairs, fewer than {MANY_PAIRS}: too few for a reward model"
    others = (
        ("kto", "if the labels are noisy or many more of one kind come in as thumbs"),
        ("orpo", "if there is to be a single pass without a supervised stage before"),
    )
    if found.strength is not None and found.strength < SLIGHT:
        why = f"{reason}, and the preferences are slight ({found.strength:.1f} of 3): IPO's margin"
        return (
            "ipo",
            f"{why} has a target, where DPO's grows without end",
            (("dpo", "if they are clear"), *others),
        )
    return "dpo", reason, others


def _warnings(found: Evidence) -> list[str]:
    told = []
    if found.rows < FEW_ROWS:
        told.append(
            f"only {found.rows} rows: {FEW_ROWS} or more are needed to tell gain from noise"
        )
    if found.agreement is not None and found.agreement < RED_LINE:
        told.append(
            f"the raters agree on {found.agreement:.0%} of their comparisons, under "
            f"{RED_LINE:.0%}: audit the queue before you train on it"
        )
    for queue, alpha in found.alphas.items():
        if alpha is None:
            told.append(f"no audit of queue {queue} has an alpha: trueup queue audit {queue}")
        elif alpha < RED_LINE:
            told.append(
                f"the last audit of queue {queue} found an alpha of {alpha:.2f}, under {RED_LINE}: "
                f"see what its raters differ on, trueup queue agreement {queue}"
            )
    streams = {name: n for name, n in (found.streams or {}).items() if n}
    if len(streams) > 1:
        parts = ", ".join(f"{n} {name}" for name, n in sorted(streams.items()))
        told.append(f"labels of several streams are mixed ({parts}): train on each by itself")
    if found.safety is not None and MIXED < found.safety / max(1, found.rows) < 1 - MIXED:
        told.append(
            f"safety and quality are mixed ({found.safety} of {found.rows} rows are about what to "
            "refuse): give each a stage of its own, or a head of the reward model"
        )
    if found.simulated:
        told.append(f"{found.simulated} rows rest on simulated labels: a program gave them")
    return told
