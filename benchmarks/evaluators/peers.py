"""DeepEval's and Ragas's metrics that need no model, timed for `throughput.py`.

Run by an interpreter of their own, since they want other versions of what trueup stands on. Says
first which metrics there are; then answers each line of JSON, a metric's name and rows, with the
seconds of the processor that it took to score them.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from time import process_time
from typing import Any

Row = dict[str, Any]  # prompt, context, answer, made and wanted calls


@dataclass
class Metric:
    """A metric, the kind of rows it is for, and what it makes of one before it is timed."""

    name: str
    kind: str
    prepare: Callable[[Row], Any]
    score: Callable[[list[Any]], object]


def ragas_metrics() -> list[Metric]:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    from ragas.dataset_schema import SingleTurnSample
    from ragas.messages import AIMessage, HumanMessage, ToolCall
    from ragas.metrics import NonLLMContextRecall
    from ragas.metrics import collections as metrics

    loop = asyncio.new_event_loop()

    def metric(name: str, kind: str, score: Any, prepare: Callable[[Row], Any]) -> Metric:
        async def score_all(given: list[Any]) -> None:
            for row in given:
                await score(**row)

        return Metric(
            f"Ragas {name}", kind, prepare, lambda given: loop.run_until_complete(score_all(given))
        )

    def texts(row: Row) -> Row:
        return {"reference": row["context"], "response": row["answer"]}

    def words(row: Row) -> Row:
        return {"reference": "sorry", "response": row["answer"]}

    def passages(row: Row) -> Row:
        both = {"retrieved_contexts": [row["context"]], "reference_contexts": [row["answer"]]}
        return {"sample": SingleTurnSample(**both)}

    def called(row: Row) -> Row:
        made, wanted = (
            [ToolCall(name=name, args=arguments) for name, arguments in row[some]]
            for some in ("made", "wanted")
        )
        said = [HumanMessage(content=row["prompt"]), AIMessage(content="", tool_calls=made)]
        return {"user_input": said, "reference_tool_calls": wanted}

    rouge1 = metrics.RougeScore(rouge_type="rouge1", mode="precision")
    recall = NonLLMContextRecall().single_turn_ascore  # there in its older form alone
    return [
        metric("RougeScore, rouge1 precision", "context", rouge1.ascore, texts),
        metric("RougeScore, rougeL", "context", metrics.RougeScore().ascore, texts),
        metric("BleuScore", "context", metrics.BleuScore().ascore, texts),
        metric("NonLLMStringSimilarity", "context", metrics.NonLLMStringSimilarity().ascore, texts),
        metric("NonLLMContextRecall", "context", recall, passages),
        metric("StringPresence", "answer", metrics.StringPresence().ascore, words),
        metric("ToolCallAccuracy", "calls", metrics.ToolCallAccuracy().ascore, called),
    ]


def deepeval_metrics() -> list[Metric]:
    os.environ["DEEPEVAL_TELEMETRY_OPT_OUT"] = "YES"
    os.environ.setdefault("OPENAI_API_KEY", "none")  # it wants one, and calls nobody here
    from deepeval import metrics
    from deepeval.test_case import LLMTestCase, ToolCall, ToolCallParams
    from pydantic import BaseModel

    class Answer(BaseModel):
        answer: str

    def metric(made: Any, kind: str, prepare: Callable[[Row], Any]) -> Metric:
        shows = "_show_indicator" in inspect.signature(made.measure).parameters
        quiet = {"_show_indicator": False} if shows else {}

        def score(given: list[Any]) -> None:
            for case in given:
                made.measure(case, **quiet)

        return Metric(f"DeepEval {type(made).__name__}", kind, prepare, score)

    def case(row: Row) -> LLMTestCase:
        return LLMTestCase(
            input=row["prompt"],
            actual_output=row["answer"],
            expected_output=row["context"] or "sorry",
        )

    def called(row: Row) -> LLMTestCase:
        made, wanted = (
            [ToolCall(name=name, input_parameters=arguments) for name, arguments in row[some]]
            for some in ("made", "wanted")
        )
        return LLMTestCase(
            input=row["prompt"], actual_output="", tools_called=made, expected_tools=wanted
        )

    alone = {"async_mode": False, "include_reason": False}
    compared = [ToolCallParams.INPUT_PARAMETERS]
    tools = metrics.ToolCorrectnessMetric(evaluation_params=compared, **alone)
    refuses = metrics.PatternMatchMetric(r"(?i).*\b(sorry|cannot|can't)\b.*")
    return [
        metric(metrics.ExactMatchMetric(), "context", case),
        metric(refuses, "answer", case),
        metric(tools, "calls", called),
        metric(metrics.JsonCorrectnessMetric(expected_schema=Answer, **alone), "json", case),
    ]


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the peers print is no answer
    found: dict[str, Metric] = {}
    versions = {}
    for package, build in (("ragas", ragas_metrics), ("deepeval", deepeval_metrics)):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
        found |= {metric.name: metric for metric in build()}
    kinds = {name: metric.kind for name, metric in found.items()}
    print(json.dumps({"versions": versions, "metrics": kinds}), file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        metric = found[asked["metric"]]
        given = [metric.prepare(row) for row in asked["rows"]]
        begun = process_time()
        metric.score(given)
        print(json.dumps(process_time() - begun), file=out, flush=True)


if __name__ == "__main__":
    main()
