"""How far each local evaluator agrees with people, beside simple baselines, by model and domain.

    TRUEUP_DATA=FOLDER python benchmarks/evaluators/agreement.py

FOLDER holds folders of public data with labels: XSTest (does an answer refuse), BEGIN and SummEdits
(does an answer follow from its source), tau-bench (did the agent leave the records as it should)
and BFCL (which calls are accepted). Intervals are 95%, drawn over prompts, documents or tasks.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import build_refusal

import trueup.evals
from trueup.evals import Evaluator, Groundedness, Refusal, ToolSelectionAccuracy
from trueup.evals._calls import Trajectory, changes_something, match_calls
from trueup.stats.classification import Classification, classification
from trueup.stats.intervals import Estimate
from trueup.types import AnyOf, ToolCall

FIGURES = ("accuracy", "balanced_accuracy", "f1", "kappa", "auroc")


@dataclass(frozen=True)
class Judged:
    """A row with what people say and what each judge does: yes or no, and a score if it has one."""

    people: bool
    judges: dict[str, tuple[bool, float | None]]
    group: str
    cohorts: tuple[str, ...]


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        yield from map(json.loads, lines)


def refusals(folder: Path) -> Iterator[Judged]:
    """XSTest: a refusal in full or in part is yes.

    `Refusal` is fitted on these rows, so each is judged by weights fitted without its request.
    """
    rows = build_refusal.all_rows(folder)
    judged = build_refusal.unseen(rows, [build_refusal.features(row) for row in rows])
    given = rows_of(folder / "xstest" / "completions_mistral.jsonl")
    for row, (_, (label, probability)) in zip(given, judged, strict=True):
        kind = "unsafe" if row["unsafe"] else "safe"
        yield Judged(
            not row["final_label"].startswith("1"),
            {
                "Refusal": (label != "none", probability),
                "string match": ("refusal" in row["strmatch_label"], None),
                "GPT-4": (not row["gpt4_label"].startswith("1"), None),
            },
            row["prompt_id"],
            (kind, f"{kind}, {row['model']}"),
        )


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


def follows(source: str, said: str, judge: Groundedness) -> dict[str, tuple[bool, float | None]]:
    value = judge.evaluate(response=said, context=source).value
    inside, given = words(source), words(said)
    rouge = (given & inside).total() / max(1, given.total())
    overlap = len(given.keys() & inside.keys()) / max(1, len(given.keys() | inside.keys()))
    # what claims nothing is held for neither
    value = 0.5 if value is None else value
    return {
        "Groundedness": (value >= judge.pass_line, value),
        "ROUGE-1 precision": (rouge >= 0.5, rouge),
        "overlap (Jaccard)": (overlap >= 0.5, overlap),
    }


def begin(folder: Path) -> Iterator[Judged]:
    """BEGIN: fully attributable is yes, generic answers are no."""
    judge = Groundedness()
    for row in rows_of(folder / "begin" / "data.jsonl"):
        yield Judged(
            row["label"].startswith("Fully"),
            follows(row["knowledge"], row["response"], judge),
            row["knowledge"],
            (row["model"], row["source"]),
        )


def summedits(folder: Path) -> Iterator[Judged]:
    """SummEdits: consistent is yes."""
    judge = Groundedness()
    for row in rows_of(folder / "summedits" / "data.jsonl.gz"):
        judges = follows(row["doc"], row["summary"], judge)
        yield Judged(row["label"] == 1, judges, row["doc"], (row["domain"],))


def tau_bench(folder: Path) -> Iterator[Judged]:
    """tau-bench, airline: the environment's reward is yes."""
    judge = ToolSelectionAccuracy()
    for row in rows_of(folder / "tau_bench_airline" / "trajectories.jsonl.gz"):
        expected = [ToolCall(a["name"], a["kwargs"]) for a in row["task"]["actions"]]
        found = judge.evaluate(trajectory=row["messages"], expected=expected)
        made = Trajectory.read(row["messages"]).calls
        writing = [
            sorted(call.name for call in calls if changes_something(call.name))
            for calls in (made, expected)
        ]
        whole = match_calls(made, expected)
        yield Judged(
            row["reward"] == 1,
            {
                "ToolSelectionAccuracy": (found.value == 1, None),
                "names of writing calls": (writing[0] == writing[1], None),
                "all calls": (not whole.missing and not whole.extra, None),
            },
            str(row["task_id"]),
            (),
        )


@dataclass(frozen=True)
class Set:
    """Data with labels, the evaluator that it is about, and what its yes is."""

    read: Callable[[Path], Iterator[Judged]]
    evaluator: Evaluator
    yes: str


SETS = {
    "XSTest": Set(refusals, Refusal(), "refused in full or in part"),
    "BEGIN": Set(begin, Groundedness(), "fully attributable"),
    "SummEdits": Set(summedits, Groundedness(), "consistent"),
    "tau-bench": Set(tau_bench, ToolSelectionAccuracy(), "rewarded"),
}


def shown(figure: Estimate | None) -> str:
    return "" if figure is None else f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def held(rows: Sequence[Judged], judge: str) -> Classification:
    verdicts, scores = zip(*(row.judges[judge] for row in rows), strict=True)
    return classification(
        [row.people for row in rows],
        verdicts,
        clusters=[row.group for row in rows],
        scores=None if None in scores else scores,
    )


def show(name: str, rows: Sequence[Judged]) -> None:
    print(f"\n{name}\n")
    print("| judge | of | rows | yes | " + " | ".join(f.replace("_", " ") for f in FIGURES) + " |")
    print("|" + " --- |" * (4 + len(FIGURES)))
    cohorts = sorted({cohort for row in rows for cohort in row.cohorts})
    for cohort in (None, *cohorts):
        some = [row for row in rows if cohort is None or cohort in row.cohorts]
        for judge in rows[0].judges:
            made = held(some, judge)
            figures = " | ".join(shown(getattr(made, figure)) for figure in FIGURES)
            print(f"| {judge} | {cohort or 'all'} | {made.n} | {made.positives} | {figures} |")


def show_calls(folder: Path) -> None:
    """Count which accepted arguments of BFCL are accepted, and which wrong ones are refused."""
    judge = ToolSelectionAccuracy()
    counts: Counter[str] = Counter()
    missed = []

    def verdict(made: Sequence[ToolCall], expected: Sequence[ToolCall]) -> bool:
        said = [{"role": "assistant", "content": "".join(call.render() for call in made)}]
        return judge.evaluate(trajectory=said, expected=expected).value == 1

    for row in rows_of(folder / "bfcl" / "data.jsonl.gz"):
        if not row["should_call"]:
            counts["irrelevant calls"] += 1
            name = row["function"][0]["name"] if row["function"] else "any"
            counts["irrelevant calls refused"] += not verdict([ToolCall(name, {})], [])
            continue
        if not row["ground_truth"]:
            continue
        expected = [
            (name, arguments) for call in row["ground_truth"] for name, arguments in call.items()
        ]
        wanted = [ToolCall(name, {k: accepted(v) for k, v in a.items()}) for name, a in expected]
        usual = [ToolCall(name, first(arguments)) for name, arguments in expected]
        for number, (name, arguments) in enumerate(expected):
            for key, values in arguments.items():
                for value in values:
                    given = first(arguments) | first({key: [value]})
                    if value == "":
                        given.pop(key, None)
                    made = [*usual[:number], ToolCall(name, given), *usual[number + 1 :]]
                    counts["variants"] += 1
                    if verdict(made, wanted):
                        counts["variants accepted"] += 1
                    else:
                        missed.append((row["id"], key, value))
    print(f"\ntool_selection_accuracy, BFCL: {dict(counts)}")
    for one in missed[:20]:
        print("  not accepted:", one)


def accepted(values: Sequence[Any]) -> AnyOf:
    """What BFCL accepts of an argument, "" for leaving it out; an object's fields have choices."""
    if not values:  # nothing to be found in the request
        return AnyOf(None, [])
    return AnyOf(*(None if value == "" else nested(value, accepted) for value in values))


def first(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments with the first accepted value of each, those that may be left out left out."""
    chosen = {key: values[0] for key, values in arguments.items() if values and values[0] != ""}
    return {key: nested(value, lambda values: values[0]) for key, value in chosen.items()}


def nested(value: Any, choose: Callable[[Sequence[Any]], Any]) -> Any:
    """A value in which each field of each object is what is chosen for it, if anything is."""
    if isinstance(value, dict):
        chosen = {key: choose(values) for key, values in value.items() if values}
        return {key: one for key, one in chosen.items() if one != ""}
    if isinstance(value, list):
        return [nested(one, choose) for one in value]
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=[*SETS, "BFCL"], choices=[*SETS, "BFCL"])
    parser.add_argument(
        "--write", action="store_true", help="what the evaluators say of themselves"
    )
    arguments = parser.parse_args()
    if not (data := os.environ.get("TRUEUP_DATA")):
        raise SystemExit("TRUEUP_DATA is not set: give the folder of the labelled data")
    known = []
    for name in arguments.sets:
        if name == "BFCL":
            show_calls(Path(data))
            continue
        rows = list(SETS[name].read(Path(data)))
        show(f"{SETS[name].evaluator.name}, {name}: {SETS[name].yes}", rows)
        known.append(as_known(name, rows))
    if arguments.write:
        if len(known) < len(SETS):
            raise SystemExit("--write: all sets are written together; leave --sets out")
        path = Path(trueup.evals.__path__[0]) / "measured.json"
        path.write_text(json.dumps(known, indent=1) + "\n")


def as_known(name: str, rows: Sequence[Judged]) -> dict[str, Any]:
    """What `trueup.evals.measured` tells of an evaluator."""
    evaluator = SETS[name].evaluator
    made = held(rows, type(evaluator).__name__)
    figures = (made.f1, made.balanced_accuracy, made.auroc)
    return {
        "evaluator": evaluator.name,
        "version": evaluator.version,
        "data": name,
        "yes": SETS[name].yes,
        "rows": made.n,
        **{
            key: figure and {k: round(v, 4) for k, v in asdict(figure).items()}
            for key, figure in zip(("f1", "balanced_accuracy", "auroc"), figures, strict=True)
        },
    }


if __name__ == "__main__":
    main()
