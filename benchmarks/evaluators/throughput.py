"""Answers a second on one core: each local evaluator, beside DeepEval's and Ragas's local metrics.

    python -m venv peers && peers/bin/pip install --group bench-evals  # pip 25.1
    OMP_NUM_THREADS=1 [TRUEUP_DATA=FOLDER] python benchmarks/evaluators/throughput.py \\
        --peers peers/bin/python

A peer's metric takes part where it needs no model; see `peers.py`. All get the same rows, in rounds
in which each has its turn, so that a machine that slows down slows all; each round has rows of its
own, so that nothing is remembered. What counts is the processor's time, so that other work on the
machine does not. Rows: with TRUEUP_DATA the answers of XSTest, and the summaries of SummEdits with
200 words of their documents; else, and for tool calls and JSON, made of the words of docs/.
"""

from __future__ import annotations

import argparse
import gzip
import inspect
import json
import os
import platform
import random
import re
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
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
    """Something that scores rows of a kind.

    `seconds` scores what `prepare` makes of them, and returns the processor's time that it took.
    """

    name: str
    kind: str
    prepare: Callable[[Rows], Any]
    seconds: Callable[[Any], float]
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
        lambda given: scored(judge, given),
        AIMS.get(name),
    )


def scored(judge: Evaluator, given: Sequence[dict[str, Any]]) -> float:
    """Seconds to score rows, none of which may fail: that would be quick."""
    begun = process_time()
    scores = judge.evaluate_many(given)
    seconds = process_time() - begun
    if broken := [score.reason for score in scores if score.reason.startswith("failed:")]:
        raise SystemExit(f"{judge.name} fails on {len(broken)} rows: {broken[0]}")
    return seconds


def ours() -> list[Task]:
    tasks = [own(evaluator(name)) for name in EVALUATORS if name != FormatValidity.name]
    if "network" in inspect.signature(Groundedness).parameters:
        tasks.append(own(Groundedness(network=False), "groundedness, words alone"))
    return [*tasks, own(FormatValidity(schema=ANSWER))]


class Peers:
    """DeepEval and Ragas, in a process of their own."""

    def __init__(self, python: str) -> None:
        command = [python, "-W", "ignore", str(Path(__file__).with_name("peers.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._about = self._read()
        self.versions = self._about["versions"]

    def tasks(self) -> list[Task]:
        return [Task(name, kind, plain, self._timer(name)) for name, kind in self._metrics()]

    def close(self) -> None:
        self._process.communicate()

    def _metrics(self) -> Iterable[tuple[str, str]]:
        metrics: dict[str, str] = self._about["metrics"]
        return metrics.items()

    def _timer(self, name: str) -> Callable[[Any], float]:
        def seconds(rows: Any) -> float:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"metric": name, "rows": rows}) + "\n")
            self._process.stdin.flush()
            return float(self._read())

        return seconds

    def _read(self) -> Any:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise SystemExit("the peers' process has ended; what it said stands above")
        return json.loads(line)


def plain(rows: Rows) -> list[dict[str, Any]]:
    """Rows as JSON that a peer can make its own of."""
    return [
        {
            "prompt": row.prompt,
            "context": row.context[0] if row.context else "",
            "answer": row.answer,
            "made": [(c.name, dict(c.arguments)) for c in ToolCall.parse_all(row.answer)],
            "wanted": [
                (c.name, dict(c.arguments)) for c in (row.expected.calls if row.expected else ())
            ],
        }
        for row in rows
    ]


# --- rounds


def timed(tasks: Sequence[Task], rows: dict[str, list[Answered]], rounds: int) -> dict[str, Any]:
    """Answers a second of each task in each round, after one round that does not count."""
    rates: dict[str, list[float]] = {task.name: [] for task in tasks}
    for number in range(rounds + 1):
        for task in tasks:
            size = len(rows[task.kind]) // (rounds + 1)
            given = task.prepare(rows[task.kind][number * size : (number + 1) * size])
            seconds = task.seconds(given)
            if number:
                rates[task.name].append(size / seconds)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100, help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", metavar="PYTHON", help="an interpreter that has them")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    rng, count = random.Random(0), arguments.rows * (arguments.rounds + 1)
    rows = made(rng, count)
    if data := os.environ.get("TRUEUP_DATA"):
        rows |= from_data(Path(data), rng, count)
    print(f"trueup {version('trueup')}, Python {platform.python_version()}, one core")
    tasks, peers = ours(), Peers(arguments.peers) if arguments.peers else None
    if peers is not None:
        tasks += peers.tasks()
        print(", ".join(f"{name} {number}" for name, number in peers.versions.items()))
    rates = timed(tasks, rows, arguments.rounds)
    show(tasks, rates)
    if peers is not None:
        peers.close()


if __name__ == "__main__":
    main()
