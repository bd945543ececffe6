"""How far an evaluator agrees with people: its verdicts held against labels that people gave."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import InputError
from trueup.evals.base import Evaluator
from trueup.stats.classification import Classification, classification
from trueup.types import Score

__all__ = ["HumanAgreement", "Labelled", "calibrate", "read_labelled"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """What an evaluator is given, and what people say of it.

    Attributes:
        given: the evaluator's keyword arguments.
        label: whether it is good; or, of an evaluator that only finds something, what people find.
        cohort: what figures are told apart by; empty is none.
        group: what resembles each other, such as answers to one prompt; empty stands alone.
    """

    given: Mapping[str, Any]
    label: bool | str
    cohort: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class HumanAgreement:
    """An evaluator's agreement with people, on rows that it could score.

    Attributes:
        evaluator, version: of which it was measured.
        positive: the labels that count as yes; empty where people say whether it is good.
        whole: of all rows that were scored; None where none was.
        cohorts: the same of each cohort.
        unscored: why rows were not scored, with how many.
    """

    evaluator: str
    version: str
    positive: tuple[str, ...]
    whole: Classification | None
    cohorts: Mapping[str, Classification]
    unscored: Mapping[str, int]


def calibrate(
    evaluator: Evaluator,
    rows: Sequence[Labelled],
    *,
    positive: Sequence[str] = (),
    negative: str = "none",
    seed: int = 0,
) -> HumanAgreement:
    """Measure an evaluator's agreement with people.

    Where labels are true and false, its verdict is whether the value reaches its pass line, and
    AUROC is of the value. Where they are texts, its verdict is its own label; those in `positive`
    count as yes, or all but `negative` where none is named, and there is no AUROC.

    Args:
        evaluator: what is measured.
        rows: at least one; labels all of one kind.
        positive: labels that count as yes.
        negative: the label that counts as no where `positive` is empty.
        seed: of the intervals' draws.

    Raises:
        InputError: there are no rows, labels are of both kinds, or `positive` names one that nobody
            gives, or is given with labels that are true and false.
    """
    graded = _graded(rows, positive)
    named = tuple(positive) or (
        () if graded else tuple(sorted({str(row.label) for row in rows} - {negative}))
    )
    scores = evaluator.evaluate_many(row.given for row in rows)
    found = [score.value if graded else score.label for score in scores]
    judged = [
        (row, score) for row, score, one in zip(rows, scores, found, strict=True) if one is not None
    ]
    unscored = Counter(
        score.reason for score, one in zip(scores, found, strict=True) if one is None
    )
    labels = {row.label for row in rows} | {score.label for score in scores}
    if strange := [name for name in positive if name not in labels]:
        said = ", ".join(sorted({str(row.label) for row in rows}))
        raise InputError(f"no label {strange[0]!r}: people say {said}")

    def beside(some: Sequence[tuple[Labelled, Score]]) -> Classification:
        return classification(
            [row.label if graded else row.label in named for row, _ in some],
            [
                (score.value or 0.0) >= evaluator.pass_line if graded else score.label in named
                for _, score in some
            ],
            clusters=[row.group or number for number, (row, _) in enumerate(some)],
            scores=[score.value for _, score in some] if graded else None,  # type: ignore[arg-type]
            seed=seed,
        )

    cohorts = sorted({row.cohort for row, _ in judged if row.cohort})
    return HumanAgreement(
        evaluator.name,
        evaluator.version,
        named,
        beside(judged) if judged else None,
        {name: beside([pair for pair in judged if pair[0].cohort == name]) for name in cohorts},
        unscored,
    )


def _graded(rows: Sequence[Labelled], positive: Sequence[str]) -> bool:
    """Return whether labels are true and false, and not texts; see `calibrate`."""
    if not rows:
        raise InputError("no labelled rows: give at least one")
    kinds = {isinstance(row.label, bool) for row in rows}
    if len(kinds) > 1:
        raise InputError("labels are true or false in some rows and texts in others: make them one")
    graded = kinds.pop()
    if graded and positive:
        raise InputError("labels are true and false, which need no positive ones: leave them out")
    return graded


def read_labelled(path: Path, evaluator: Evaluator) -> list[Labelled]:
    """Read labelled rows: JSON lines, each the evaluator's arguments beside `label`.

    `cohort` and `group` may stand beside them; without a group, rows of one prompt are one.

    Raises:
        InputError: the file cannot be read, or a line makes no row; the message names it.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}; give JSON lines in UTF-8") from error
    return [
        _row(line, f"{path}:{number}", evaluator)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]


def _row(line: str, where: str, evaluator: Evaluator) -> Labelled:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: broken JSON: {error}") from error
    if not isinstance(read, dict) or not isinstance(read.get("label"), bool | str):
        raise InputError(f"{where}: an object with `label`, true or false or a text, is needed")
    label, cohort = read.pop("label"), read.pop("cohort", "")
    group = read.pop("group", None)
    evaluator.check(read, where)
    if not isinstance(cohort, str) or not isinstance(group, str | None):
        raise InputError(f"{where}: `cohort` and `group` are texts")
    return Labelled(read, label, cohort, str(read.get("prompt", "")) if group is None else group)
