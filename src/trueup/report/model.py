"""What a report is made of: the shape of `report.json`.

Every value is plain JSON. Everything but `simulated`, `verdict` and `table` may be left out, and
its part of the page with it. What changes from one run of the same loop to the next (times of day,
durations) stands under `times` alone, so that two reports can be compared without it.
"""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

__all__ = [
    "Answered",
    "Example",
    "Examples",
    "Headline",
    "LoopReport",
    "Origins",
    "RunFacts",
    "Stage",
    "Station",
    "TrainReport",
    "TreeNode",
    "Value",
    "VerdictPart",
]


class VerdictPart(TypedDict):
    """The gate's answer.

    `outcome` is "ship", "block" or "inconclusive"; `sentence` says why in one line, `reasons` in
    full.
    """

    id: str
    outcome: str
    sentence: str
    reasons: list[str]
    baseline: str
    candidate: str
    control: NotRequired[str | None]


class Value(TypedDict):
    """A mean with the ends of its interval."""

    value: float
    low: float
    high: float


class Headline(TypedDict):
    """One of the numbers at the top: a metric over all cohorts, of each model.

    `better` is "higher" or "lower"; `status` and `delta` are the candidate's against the baseline.
    """

    metric: str
    title: str
    better: str
    status: str
    baseline: Value
    candidate: Value
    control: NotRequired[Value | None]
    delta: Value


class Station(TypedDict):
    """A step of the loop with what it counted, such as 300 traces."""

    name: str
    count: int
    unit: str
    note: NotRequired[str]


class Stage(TypedDict):
    """A training stage and its history.

    `rows` are those of `metrics.jsonl`: `step`, `loss`, `rewards/margin`, `rewards/accuracy`,
    `logps/chosen`, `logps/rejected`; those on held-out data have `eval` true.
    """

    name: str
    method: str
    rows: list[dict[str, Any]]
    note: NotRequired[str]


class TrainReport(TypedDict):
    """One training run on a page of its own.

    `rows` are those of `metrics.jsonl`, `options` the method's, `result` what the run gave.
    """

    title: str
    method: str
    rows: list[dict[str, Any]]
    options: dict[str, Any]
    result: dict[str, Any]


class Origins(TypedDict):
    """Where the dataset's rows came from.

    `origins` counts rows by "sampled", "served" and "corrected"; `cohorts` by cohort.
    """

    name: str
    version: str
    content_hash: str
    rows: int
    origins: dict[str, int]
    cohorts: NotRequired[dict[str, int]]
    splits: NotRequired[dict[str, int]]


class Answered(TypedDict):
    """One model's answer to a request; `scores` by evaluator, None where unscored."""

    text: str
    scores: dict[str, float | None]
    right: bool


class Example(TypedDict):
    """A request that the two models answered differently."""

    request: str
    cohort: str
    question_type: str
    question: str
    expected: str
    baseline: Answered
    candidate: Answered


class Examples(TypedDict):
    """Some that got better and some that got worse, with how many there are of each."""

    better: list[Example]
    worse: list[Example]
    better_total: int
    worse_total: int


class TreeNode(TypedDict):
    """A line of the lineage and what hangs under it."""

    text: str
    children: list[TreeNode]


class RunFacts(TypedDict):
    """How the loop was run; all shown as tables of names and values."""

    seed: NotRequired[int]
    config: NotRequired[dict[str, Any]]
    versions: NotRequired[dict[str, str]]
    facts: NotRequired[dict[str, Any]]


class LoopReport(TypedDict):
    """`report.json`.

    Attributes:
        title: of the page.
        simulated: how many of the labels a program gave; the first line says so where it is not 0.
        labels: how many labels there are in all.
        table: the verdict's rows: `against` "baseline" or "control", `cohort`, `metric`, `title`,
            `status`, `baseline`, `candidate`, `delta`, `low`, `high`, `mde`, `n`, `clusters`,
            `margin`.
        audit: as the audit's own record has it: `alpha`, `interval`, `raw_agreement`, `reviewers`,
            `question_types`, `min_alpha`, `passed`, `advice`.
        times: seconds by step, and when the report was made.
    """

    title: NotRequired[str]
    simulated: int
    labels: NotRequired[int]
    verdict: VerdictPart
    headline: NotRequired[list[Headline]]
    stations: NotRequired[list[Station]]
    table: list[dict[str, Any]]
    audit: NotRequired[dict[str, Any]]
    training: NotRequired[list[Stage]]
    dataset: NotRequired[Origins]
    examples: NotRequired[Examples]
    lineage: NotRequired[TreeNode]
    run: NotRequired[RunFacts]
    times: NotRequired[dict[str, Any]]
