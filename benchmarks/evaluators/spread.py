"""Rows a second of `trueup eval run`, by where the rows are scored; and that it finds the same.

    python benchmarks/evaluators/spread.py --rows 4000 --ways here processes:2
    python benchmarks/evaluators/spread.py --rows 500 --ways here threads:2 processes:2 ray:local

Each way scores the same made-up traces in a store of its own. Starting the workers counts. Then the
last store is scored once more, where nothing is due, and once as other traces with the same
content, where all is copied.
"""

from __future__ import annotations

import argparse
import random
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from trueup.evals import EVALUATORS, evaluate_traces, evaluator
from trueup.scoring import Workers
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Expected, Score, Trace

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = """the policy covers damage by hail storm fire and water up to 500 dollars for every claim
that is filed within 30 days of March 4 unless the owner was told not to park there because
flooding had never been reported by Ana Diaz or any other agent of the northern office"""


def make_traces(count: int, words: int, prefix: str = "t") -> list[Trace]:
    rng = random.Random(0)

    def text(length: int) -> str:
        said = [
            " ".join(rng.choices(WORDS.split(), k=12)).capitalize() for _ in range(length // 12)
        ]
        return ". ".join(said) + "."

    return [
        Trace(
            id=f"{prefix}{number}",
            conversation_id=f"c{number}",
            cohort="all rows",
            messages=({"role": "user", "content": f"{text(12)} ({number})"},),
            answer=text(60),
            context=(text(words),),
            expected=Expected(facts=("500",), refuse=False),
        )
        for number in range(count)
    ]


def put(store: Store, traces: list[Trace]) -> None:
    with store.transaction() as tx:
        for trace in traces:
            put_trace(tx, trace, source="bench", checkpoint_id=None, actor="bench", now=NOW)


def workers_of(way: str) -> Workers:
    kind, _, given = way.partition(":")
    if kind == "ray":
        return Workers(ray=given or "auto")
    return Workers(int(given) if given else None, processes=kind == "processes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--words", type=int, default=200, help="of each context")
    parser.add_argument("--evaluators", default=",".join(EVALUATORS))
    parser.add_argument("--ways", nargs="+", default=["here", "threads:2", "processes:2"])
    given = parser.parse_args()
    chosen = [evaluator(name) for name in given.evaluators.split(",")]
    traces = make_traces(given.rows, given.words)
    first: dict[str, dict[str, Score]] = {}

    def score(store: Store, traces: list[Trace], way: str) -> dict[str, dict[str, Score]]:
        return evaluate_traces(
            store, traces, chosen, actor="bench", now=NOW, workers=workers_of(way)
        )

    for way in given.ways:
        with TemporaryDirectory() as folder, Store.open(Path(folder) / "store") as store:
            put(store, traces)
            begun = perf_counter()
            found = score(store, traces, way)
            seconds = perf_counter() - begun
            first = first or found
            same = "the same scores" if found == first else "OTHER SCORES"
            print(f"{way:<14} {given.rows / seconds:8.0f} rows/s  {seconds:6.1f} s  {same}")
            if way == given.ways[-1]:
                copies = make_traces(given.rows, given.words, "copy")
                put(store, copies)
                for what, rows in (("again", traces), ("as copies", copies)):
                    begun = perf_counter()
                    score(store, rows, way)
                    print(f"{what:<14} {'':>17}  {perf_counter() - begun:6.1f} s")
            if found != first:
                raise SystemExit(1)


if __name__ == "__main__":
    main()
