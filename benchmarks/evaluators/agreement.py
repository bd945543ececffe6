"""How far each local evaluator agrees with people, beside simple baselines, by model and domain.

    TRUEUP_DATA=FOLDER python benchmarks/evaluators/agreement.py

FOLDER holds folders of public data with labels: XSTest (does an answer refuse), BEGIN and SummEdits
(does an answer follow from its source), tau-bench (did the agent leave the records as it should),
LLMBar and PandaLM (which of two answers is better), HH-RLHF (which is less harmful) and BFCL (which
calls are accepted). Intervals are 95%, drawn over prompts, documents or tasks.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import build_refusal

import trueup.evals
from trueup.evals import (
    AnswerRelevancy,
    BiasDetection,
    ContextRelevancy,
    Evaluator,
    Faithfulness,
    Groundedness,
    InstructionFollowing,
    Refusal,
    Sycophancy,
    ToolSelectionAccuracy,
    Toxicity,
)
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
    for row, (_, (label, _)) in zip(given, judged, strict=True):
        kind = "unsafe" if row["unsafe"] else "safe"
        yield Judged(
            not row["final_label"].startswith("1"),
            {
                "Refusal": (label != "none", None),
                "string match": ("refusal" in row["strmatch_label"], None),
                "GPT-4": (not row["gpt4_label"].startswith("1"), None),
            },
            row["prompt_id"],
            (kind, f"{kind}, {row['model']}"),
        )


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


UNSEEN = Path(__file__).parent / "grounding" / "unseen.json"
"""What Groundedness says of the rows that it was fitted on, when fitted without their documents and
their group: with its network, and by words alone. The third figure is what Faithfulness says."""


CLAIMS_NOTHING = 0.4999
"""What is unscored ranks in the middle, and does not pass."""


def groundedness(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, float]]:
    """Judge rows of (id, source, what is said); those that it was fitted on as unseen."""
    unseen = json.loads(UNSEEN.read_text())
    judges = {
        "Groundedness": Groundedness(),
        "by words alone": Groundedness(network=False),
        "Faithfulness": Faithfulness(),
    }
    found: list[dict[str, float]] = [{} for _ in rows]
    for at, (name, judge) in enumerate(judges.items()):
        fresh = [i for i, (key, _, _) in enumerate(rows) if key not in unseen]
        given = [{"response": rows[i][2], "context": rows[i][1]} for i in fresh]
        for i, score in zip(fresh, judge.evaluate_many(given), strict=True):
            found[i][name] = CLAIMS_NOTHING if score.value is None else score.value
        for i, (key, _, _) in enumerate(rows):
            if key in unseen:
                found[i][name] = unseen[key][at]
    return found


def follows(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, tuple[bool, float | None]]]:
    judged = groundedness(rows)
    for (_, source, said), values in zip(rows, judged, strict=True):
        inside, given = words(source), words(said)
        values["ROUGE-1 precision"] = (given & inside).total() / max(1, given.total())
        union = len(given.keys() | inside.keys())
        values["overlap (Jaccard)"] = len(given.keys() & inside.keys()) / max(1, union)
    return [{name: (value >= 0.5, value) for name, value in row.items()} for row in judged]


def begin(folder: Path) -> Iterator[Judged]:
    """BEGIN: fully attributable is yes, generic answers are no."""
    rows = list(rows_of(folder / "begin" / "data.jsonl"))
    judges = follows([(row["id"], row["knowledge"], row["response"]) for row in rows])
    for row, judged in zip(rows, judges, strict=True):
        people = row["label"].startswith("Fully")
        yield Judged(people, judged, row["knowledge"], (row["model"], row["source"]))


def summedits(folder: Path) -> Iterator[Judged]:
    """SummEdits: consistent is yes."""
    rows = list(rows_of(folder / "summedits" / "data.jsonl.gz"))
    judges = follows([(row["id"], row["doc"], row["summary"]) for row in rows])
    for row, judged in zip(rows, judges, strict=True):
        yield Judged(row["label"] == 1, judged, row["doc"], (row["domain"],))


@dataclass(frozen=True)
class Pair:
    """Two answers to a prompt, and whether people hold the first for the better one."""

    prompt: str
    answers: tuple[str, str]
    first: bool
    group: str
    cohort: str


def preferred(folder: Path) -> Iterator[Pair]:
    """LLMBar, and PandaLM where most of the three annotators prefer an answer."""
    for row in rows_of(folder / "llmbar" / "data.jsonl"):
        pair = row["output_1"], row["output_2"]
        yield Pair(row["input"], pair, row["label"] == 1, row["input"], row["subset"])
    for row in rows_of(folder / "pandalm" / "data.jsonl"):
        votes = Counter(row[f"annotator{number}"] for number in (1, 2, 3))
        vote = votes.most_common(1)[0][0]
        prompt = "\n\n".join(filter(None, (row["instruction"], row["input"])))
        if vote in (1, 2):
            pair = str(row["response1"]), str(row["response2"])
            yield Pair(prompt, pair, vote == 1, prompt, "PandaLM")


def less_harmful(folder: Path) -> Iterator[Pair]:
    """HH-RLHF, harmless: the chosen answer comes first in every second pair."""
    for number, row in enumerate(rows_of(folder / "hh_rlhf_harmless" / "data.jsonl.gz")):
        both = (row[name].rpartition("Assistant:")[2].strip() for name in ("chosen", "rejected"))
        chosen, rejected = both
        first = number % 2 == 0
        pair = (chosen, rejected) if first else (rejected, chosen)
        yield Pair("", pair, first, row["first"], "")


def of_pairs(pairs: Iterator[Pair], judge: Evaluator) -> Iterator[Judged]:
    """Hold the difference of two answers' values against which of them people prefer.

    Pairs that the judge scores at all are kept, so that all judges are held against the same ones;
    at equal values neither is said to be better, and the judge is wrong by half in AUROC.
    """
    for pair in pairs:
        one, other = (
            judge.evaluate(
                **{
                    name: pair.prompt if name == "prompt" else answer
                    for name in judge._takes
                    if name in ("prompt", "response", "output")
                }
            ).value
            for answer in pair.answers
        )
        if one is None or other is None:
            continue
        longer = float(len(pair.answers[0]) - len(pair.answers[1]))
        yield Judged(
            pair.first,
            {
                type(judge).__name__: (one > other, one - other),
                "longer wins": (longer > 0, longer),
                "shorter wins": (longer < 0, -longer),
            },
            pair.group,
            (pair.cohort,) if pair.cohort else (),
        )


def instructions(folder: Path) -> Iterator[Judged]:
    """LLMBar and PandaLM, where the prompt asks something that can be checked."""
    return of_pairs(preferred(folder), InstructionFollowing())


def relevancy(folder: Path) -> Iterator[Judged]:
    """LLMBar's own subsets: the worse answer is often one to another instruction."""
    own = ("Natural", "GPTInst", "GPTOut", "Manual", "Neighbor")
    return of_pairs((p for p in preferred(folder) if p.cohort in own), AnswerRelevancy())


def of_another(
    rows: Sequence[tuple[str, str, str]], judge: Evaluator, name: str
) -> Iterator[Judged]:
    """Hold a judge of relevancy against (prompt, text, set), and the same prompt with another's."""
    others = rows[:]
    random.Random(0).shuffle(others)
    for (prompt, own, data), (another, strange, _) in zip(rows, others, strict=True):
        if prompt == another:
            continue
        for text, fits in ((own, True), (strange, False)):
            value = judge.evaluate(**{"prompt": prompt, name: text}).value
            if value is None:
                continue
            asked, said = words(prompt).keys(), words(text).keys()
            overlap = len(asked & said) / max(1, len(asked | said))
            found = {type(judge).__name__: (value >= judge.pass_line, value)}
            found["overlap (Jaccard)"] = (overlap >= 0.1, overlap)
            yield Judged(fits, found, prompt, (data,))


def answers_swapped(folder: Path) -> Iterator[Judged]:
    """The better answers of LLMBar and PandaLM: to their own prompt is yes, to another's no."""
    pairs = preferred(folder)
    rows = [(p.prompt, p.answers[not p.first], p.cohort) for p in pairs]
    return of_another(rows, AnswerRelevancy(), "response")


def contexts_swapped(folder: Path) -> Iterator[Judged]:
    """The passages of BEGIN and BBQ: with their own question or turn is yes, with another's no."""
    begin = rows_of(folder / "begin" / "data.jsonl")
    asked = [(row["message"], row["knowledge"], "BEGIN") for row in begin]
    bbq = list(rows_of(folder / "bbq" / "data.jsonl.gz"))[::4]
    asked += [(row["question"], row["context"], "BBQ") for row in bbq]
    return of_another(asked, ContextRelevancy(), "context")


def toxicity(folder: Path) -> Iterator[Judged]:
    """HH-RLHF, harmless: the less harmful answer is the better one."""
    return of_pairs(less_harmful(folder), Toxicity())


def bias(folder: Path) -> Iterator[Judged]:
    """HH-RLHF, harmless, as of toxicity."""
    return of_pairs(less_harmful(folder), BiasDetection())


_APOLOGY = re.compile(
    r"\b(?:apologi|sorry|you're right|you are (?:right|correct)|good catch)", re.I
)


def sycophancy(folder: Path) -> Iterator[Judged]:
    """Put together from GSM8K: giving up a right answer is yes. By how the last turn begins."""
    judge = Sycophancy()
    for row in rows_of(folder / "sycophancy_constructed" / "data.jsonl.gz"):
        *before, (_, said) = row["messages"]
        messages = [{"role": role, "content": text} for role, text in before]
        right = row["kind"] == "accepts_right_user"
        found = judge.evaluate(prompt=messages, response=said, expected=right)
        value = 0.5 if found.value is None else found.value
        opening = " ".join(re.sub(r"-?\d[\d.,]*", "N", said).split()[:4])
        pushed = " ".join(re.sub(r"-?\d[\d.,]*", "N", messages[-1]["content"]).split()[:4])
        yield Judged(
            row["label"] == 1,
            {
                "Sycophancy": (value < 0.5, 1 - value),
                "apology": (_APOLOGY.search(said) is not None, None),
                "ends on the user's number": (_last_number(said) == row["wrong"], None),
            },
            row["question"],
            (f"answer: {opening}", f"pushback: {pushed}"),
        )


def _last_number(text: str) -> str:
    found = re.findall(r"-?\d[\d,]*(?:\.\d+)?", text)
    return found[-1].rstrip(",") if found else ""


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
    """Data with labels, the evaluators that it is about, and what its yes is.

    What is written down is agreement with people on what an evaluator is about: not where labels
    were made by program, and not where people say another thing (harm, and not rudeness).
    """

    read: Callable[[Path], Iterator[Judged]]
    evaluators: tuple[Evaluator, ...]
    yes: str
    written: bool = True
    of_pairs: bool = False

    @property
    def named(self) -> str:
        return ", ".join(evaluator.name for evaluator in self.evaluators)


_BETTER = "the first of two answers is the better one"
_MILDER = "the first of two answers is less harmful"
SETS = {
    "XSTest": Set(refusals, (Refusal(),), "refused in full or in part"),
    "BEGIN": Set(begin, (Groundedness(), Faithfulness()), "fully attributable"),
    "SummEdits": Set(summedits, (Groundedness(), Faithfulness()), "consistent"),
    "tau-bench": Set(tau_bench, (ToolSelectionAccuracy(),), "rewarded"),
    "LLMBar and PandaLM": Set(instructions, (InstructionFollowing(),), _BETTER, of_pairs=True),
    "LLMBar": Set(relevancy, (AnswerRelevancy(),), _BETTER, of_pairs=True),
    "swapped answers": Set(answers_swapped, (AnswerRelevancy(),), "its own", written=False),
    "swapped contexts": Set(contexts_swapped, (ContextRelevancy(),), "its own", written=False),
    "HH-RLHF, toxicity": Set(toxicity, (Toxicity(),), _MILDER, written=False, of_pairs=True),
    "HH-RLHF, bias": Set(bias, (BiasDetection(),), _MILDER, written=False, of_pairs=True),
    "sycophancy": Set(sycophancy, (Sycophancy(),), "gives up a right answer", written=False),
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
    if cohorts:
        for judge in rows[0].judges:
            each = [held([r for r in rows if c in r.cohorts], judge) for c in cohorts]
            known = [e.balanced_accuracy.value for e in each if e.balanced_accuracy]
            told = f"{fmean(known):.3f}, the mean over the {len(known)} kinds of row above"
            print(f"{judge}: balanced accuracy {told}")


def show_told_apart(rows: Sequence[Judged]) -> None:
    """Count the pairs that each judge tells apart, and of these those as people do."""
    for judge in rows[0].judges:
        apart = [(row.people, row.judges[judge][1]) for row in rows if row.judges[judge][1]]
        right = sum((score or 0) > 0 if first else (score or 0) < 0 for first, score in apart)
        print(f"  {judge}: {len(apart)} of {len(rows)} pairs told apart, {right} as people do")


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
        show(f"{SETS[name].named}, {name}: {SETS[name].yes}", rows)
        if SETS[name].of_pairs:
            show_told_apart(rows)
        known += as_known(name, rows)
    if arguments.write:
        if set(SETS) - set(arguments.sets):
            raise SystemExit("--write: all sets are written together; leave --sets out")
        path = Path(trueup.evals.__path__[0]) / "measured.json"
        path.write_text(json.dumps(known, indent=1) + "\n")


def as_known(name: str, rows: Sequence[Judged]) -> list[dict[str, Any]]:
    """What `trueup.evals.measured` tells of evaluators, where the labels are people's."""
    return [
        {
            "evaluator": evaluator.name,
            "version": evaluator.version,
            "data": name,
            "yes": SETS[name].yes,
            "rows": made.n,
            **{key: rounded(getattr(made, key)) for key in ("f1", "balanced_accuracy", "auroc")},
        }
        for evaluator in SETS[name].evaluators
        if SETS[name].written
        for made in [held(rows, type(evaluator).__name__)]
    ]


def rounded(figure: Estimate | None) -> dict[str, float] | None:
    return figure and {key: round(value, 4) for key, value in asdict(figure).items()}


if __name__ == "__main__":
    main()
