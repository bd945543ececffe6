"""Answers a second on one core: each local evaluator, beside DeepEval's and Ragas's local metrics.

    pip install 'trueup[bench-evals]'
    OMP_NUM_THREADS=1 [TRUEUP_DATA=FOLDER] python benchmarks/evaluators/throughput.py

A peer's metric takes part where it needs no model. All get the same rows, in rounds in which each
has its turn, so that a machine that slows down slows all; each round has rows of its own, so that
nothing is remembered. What counts is the processor's time, so that other work on the machine does
not. Rows: with TRUEUP_DATA the answers of XSTest, and the summaries of SummEdits
with 200 words of their documents; else, and for tool calls and JSON, made of the words of docs/.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import inspect
import json
import os
import platform
import random
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import process_time
from typing import Any

from trueup.evals import (
    EVALUATORS,
    Answered,
    Evaluator,
    FormatValidity,
    Groundedness,
    evaluator,
)
from trueup.types import Expected, ToolCall

AIMS = {"refusal": 2000, "groundedness, words alone": 300, "groundedness": 20}
NEAREST = {  # the peer whose work on rows of a kind is most like ours
    "context": "Ragas RougeScore, rouge1 precision",
    "calls": "DeepEval ToolCorrectnessMetric",
    "answer": "DeepEval PatternMatchMetric",
    "json": "DeepEval JsonCorrectnessMetric",
}
WORDS = 200
ANSWER = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
Rows = Sequence[Answered]


@dataclass
class Task:
    """Something that scores rows of a kind; `call` gets what `prepare` makes of them, untimed."""

    name: str
    kind: str
    prepare: Callable[[Rows], Any]
    call: Callable[[Any], object]
    aim: int | None = None


# --- rows


def made(rng: random.Random, count: int) -> dict[str, list[Answered]]:
    """Rows of each kind, of the sentences of the documentation."""
    pages = sorted((Path(__file__).parents[2] / "docs").glob("*.md"))
    text = re.sub(r"[`*|#\[\]]", " ", " ".join(page.read_text() for page in pages))
    said = [" ".join(s.split()) for s in re.split(r"(?<=[.!?])\s", text) if 5 < len(s.split()) < 40]
    words = text.split()
    openings = ["", "Sure. ", "I'm sorry, but I can't help with that. ", "As far as I know, "]
    rows: dict[str, list[Answered]] = {"answer": [], "context": [], "calls": [], "json": []}
    for _ in range(count):
        start = rng.randrange(len(words) - WORDS)
        context = " ".join(words[start : start + WORDS])
        answer = rng.choice(openings) + " ".join(rng.sample(said, 3))
        asked = user(rng.choice(said))
        rows["answer"].append(Answered(asked, (), answer))
        rows["context"].append(Answered(asked, (context,), " ".join(rng.sample(said, 3))))
        rows["calls"].append(calls(rng, asked, said))
        value = {"answer": answer} if rng.random() < 0.8 else {"reply": answer}
        rows["json"].append(Answered(asked, (), json.dumps(value)))
    return rows


def user(text: str) -> tuple[dict[str, Any], ...]:
    return ({"role": "user", "content": text},)


def calls(rng: random.Random, asked: Any, said: list[str]) -> Answered:
    """An answer with one to four calls; in one of three one argument is not what is expected."""
    usual = [
        ToolCall(rng.choice(("search", "update_claim", "refund")), {"id": n, "note": s})
        for n, s in enumerate(rng.sample(said, rng.randint(1, 4)))
    ]
    last = usual[-1]
    wrong = rng.random() < 1 / 3
    done = [*usual[:-1], ToolCall(last.name, {**last.arguments, "id": 99}) if wrong else last]
    answer = "\n".join(call.render() for call in done)
    return Answered(asked, (), answer, Expected(calls=tuple(usual)))


def from_data(folder: Path, rng: random.Random, count: int) -> dict[str, list[Answered]]:
    """Rows of the kinds that the development data has."""
    lines = (folder / "xstest" / "completions_mistral.jsonl").read_text().splitlines()
    answers = [Answered(user(r["prompt"]), (), r["completion"]) for r in map(json.loads, lines)]
    with gzip.open(folder / "summedits" / "data.jsonl.gz", "rt") as packed:
        summaries = [
            Answered(user("Sum it up."), (" ".join(r["doc"].split()[:WORDS]),), r["summary"])
            for r in map(json.loads, packed)
        ]
    return {"answer": drawn(rng, answers, count), "context": drawn(rng, summaries, count)}


def drawn(rng: random.Random, rows: list[Answered], count: int) -> list[Answered]:
    """`count` rows in random order, all of them before any comes again."""
    return [row for _ in range(count // len(rows) + 1) for row in rng.sample(rows, len(rows))][
        :count
    ]


# --- tasks


def own(judge: Evaluator, called: str | None = None) -> Task:
    takes = judge.arguments(Answered((), (), ""))
    kind = (
        "calls"
        if "trajectory" in takes
        else "context"
        if "context" in takes
        else "json"
        if isinstance(judge, FormatValidity)
        else "answer"
    )
    name = called or judge.name
    return Task(
        name,
        kind,
        lambda rows: [judge.arguments(row) for row in rows],
        lambda given: checked(judge, judge.evaluate_many(given)),
        AIMS.get(name),
    )


def checked(judge: Evaluator, scores: Sequence[Any]) -> None:
    """A row that fails is quick, and would count as a fast one."""
    if broken := [score.reason for score in scores if score.reason.startswith("failed:")]:
        raise SystemExit(f"{judge.name} fails on {len(broken)} rows: {broken[0]}")


def ours() -> list[Task]:
    tasks = [own(evaluator(name)) for name in EVALUATORS if name != FormatValidity.name]
    if "network" in inspect.signature(Groundedness).parameters:
        tasks.append(own(Groundedness(network=False), "groundedness, words alone"))
    return [*tasks, own(FormatValidity(schema=ANSWER))]


def ragas_tasks(loop: asyncio.AbstractEventLoop) -> list[Task]:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    from ragas.dataset_schema import SingleTurnSample
    from ragas.messages import AIMessage, HumanMessage
    from ragas.messages import ToolCall as RagasCall
    from ragas.metrics import NonLLMContextRecall
    from ragas.metrics import collections as metrics

    def task(name: str, kind: str, score: Any, prepare: Callable[[Answered], Any]) -> Task:
        async def score_all(given: Any) -> None:
            for row in given:
                await score(**row)

        def call(given: Any) -> None:
            loop.run_until_complete(score_all(given))

        return Task(f"Ragas {name}", kind, lambda rows: [prepare(row) for row in rows], call)

    def texts(row: Answered) -> dict[str, str]:
        return {"reference": row.context[0], "response": row.answer}

    def called(row: Answered) -> dict[str, Any]:
        made, wanted = (
            [RagasCall(name=c.name, args=dict(c.arguments)) for c in some]
            for some in (ToolCall.parse_all(row.answer), row.expected.calls if row.expected else ())
        )
        said = [HumanMessage(content=row.prompt), AIMessage(content="", tool_calls=made)]
        return {"user_input": said, "reference_tool_calls": wanted}

    def passages(row: Answered) -> dict[str, Any]:
        return {
            "sample": SingleTurnSample(  # in its older form alone
                retrieved_contexts=list(row.context), reference_contexts=[row.answer]
            )
        }

    def words(row: Answered) -> dict[str, str]:
        return {"reference": "sorry", "response": row.answer}

    rouge1 = metrics.RougeScore(rouge_type="rouge1", mode="precision")
    recall = NonLLMContextRecall().single_turn_ascore
    return [
        task("RougeScore, rouge1 precision", "context", rouge1.ascore, texts),
        task("RougeScore, rougeL", "context", metrics.RougeScore().ascore, texts),
        task("BleuScore", "context", metrics.BleuScore().ascore, texts),
        task("NonLLMStringSimilarity", "context", metrics.NonLLMStringSimilarity().ascore, texts),
        task("NonLLMContextRecall", "context", recall, passages),
        task("StringPresence", "answer", metrics.StringPresence().ascore, words),
        task("ToolCallAccuracy", "calls", metrics.ToolCallAccuracy().ascore, called),
    ]


def deepeval_tasks() -> list[Task]:
    os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "YES"
    os.environ.setdefault("OPENAI_API_KEY", "none")  # it wants one, and calls nobody here
    from deepeval import metrics
    from deepeval.test_case import LLMTestCase, ToolCallParams
    from deepeval.test_case import ToolCall as DeepEvalCall
    from pydantic import BaseModel

    class Answer(BaseModel):
        answer: str

    def task(metric: Any, kind: str, prepare: Callable[[Answered], Any]) -> Task:
        def call(given: Any) -> None:
            for case in given:
                metric.measure(case, _show_indicator=False) if shows else metric.measure(case)

        shows = "_show_indicator" in inspect.signature(metric.measure).parameters
        name = f"DeepEval {type(metric).__name__}"
        return Task(name, kind, lambda rows: [prepare(row) for row in rows], call)

    def case(row: Answered) -> LLMTestCase:
        expected = row.context[0] if row.context else "sorry"
        return LLMTestCase(input=row.prompt, actual_output=row.answer, expected_output=expected)

    def called(row: Answered) -> LLMTestCase:
        made, wanted = (
            [DeepEvalCall(name=c.name, input_parameters=dict(c.arguments)) for c in some]
            for some in (ToolCall.parse_all(row.answer), row.expected.calls if row.expected else ())
        )
        return LLMTestCase(
            input=row.prompt, actual_output="", tools_called=made, expected_tools=wanted
        )

    alone = {"async_mode": False, "include_reason": False}
    tools = metrics.ToolCorrectnessMetric(
        evaluation_params=[ToolCallParams.INPUT_PARAMETERS], **alone
    )
    return [
        task(metrics.ExactMatchMetric(), "context", case),
        task(metrics.PatternMatchMetric(r"(?i).*\b(sorry|cannot|can't)\b.*"), "answer", case),
        task(tools, "calls", called),
        task(metrics.JsonCorrectnessMetric(expected_schema=Answer, **alone), "json", case),
    ]


# --- rounds


def timed(tasks: Sequence[Task], rows: dict[str, list[Answered]], rounds: int) -> dict[str, Any]:
    """Answers a second of each task in each round, after one round that does not count."""
    rates: dict[str, list[float]] = {task.name: [] for task in tasks}
    for number in range(rounds + 1):
        for task in tasks:
            size = len(rows[task.kind]) // (rounds + 1)
            given = task.prepare(rows[task.kind][number * size : (number + 1) * size])
            begun = process_time()
            task.call(given)
            if number:
                rates[task.name].append(size / (process_time() - begun))
    return rates


def show(tasks: Sequence[Task], rates: dict[str, list[float]]) -> None:
    middle = {name: statistics.median(some) for name, some in rates.items()}
    print("\n| rows | metric | answers a second | slowest and fastest round | aim | times * |")
    print("|" + " --- |" * 6)
    for kind in dict.fromkeys(task.kind for task in tasks):
        some = [task for task in tasks if task.kind == kind]
        nearest = middle.get(NEAREST[kind])
        for task in some:
            low, high = min(rates[task.name]), max(rates[task.name])
            aim = "" if task.aim is None else f"{task.aim:,}"
            star = " *" if task.name == NEAREST[kind] else ""
            times = f"{middle[task.name] / nearest:.2f}" if nearest else ""
            print(
                f"| {kind} | {task.name}{star} | {middle[task.name]:,.0f} "
                f"| {low:,.0f} to {high:,.0f} | {aim} | {times} |"
            )
    print("\n*: the peer whose work on such rows is most like ours; how many times as fast each is")


def peers(loop: asyncio.AbstractEventLoop) -> list[Task]:
    """The peers' tasks; one that is not installed is told and left out."""
    found = []
    for package, build in (("ragas", lambda: ragas_tasks(loop)), ("deepeval", deepeval_tasks)):
        try:
            print(f"{package} {version(package)}")
        except PackageNotFoundError:
            print(f"{package}: not installed (pip install 'trueup[bench-evals]')")
            continue
        found += build()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100, help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rng, count = random.Random(0), arguments.rows * (arguments.rounds + 1)
    rows = made(rng, count)
    if data := os.environ.get("TRUEUP_DATA"):
        rows |= from_data(Path(data), rng, count)
    loop = asyncio.new_event_loop()
    print(f"trueup {version('trueup')}, Python {platform.python_version()}, one core")
    tasks = [*ours(), *peers(loop)]
    rates = timed(tasks, rows, arguments.rounds)
    show(tasks, rates)
    loop.close()


if __name__ == "__main__":
    main()
