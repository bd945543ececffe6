"""What the API takes and gives of exports, imports and items, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from trueup.evals import NOT_MEASURED, measured
from trueup.queues import Added, ImportReport, ItemContext, RowFormat, Shape

__all__ = [
    "ExportIn",
    "Kind",
    "RecordsIn",
    "RowsIn",
    "SchemaIn",
    "SpansIn",
    "TracesIn",
    "added_out",
    "context_out",
    "report_out",
]

Kind = Literal["jsonl", "parquet", "csv"]
# PostgreSQL has no text with a null character, so nothing is named so
_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_Names = Annotated[list[_Name], Field(max_length=1000)]
_REJECTED = 100  # bad records that an answer names


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ExportIn(_Strict):
    """Which rows; see `AnnotationQueue.export_rows`. A time in no time zone is UTC."""

    format: RowFormat = "paired"
    kind: Kind = "jsonl"
    shape: Shape = "conversational"
    min_agreement: Annotated[float, Field(ge=0, le=1)] = 0.0
    reviewers: _Names | None = None
    exclude_reviewers: _Names = []
    labels: _Names | None = None
    cohorts: _Names | None = None
    since: datetime | None = None
    until: datetime | None = None
    include_simulated: bool = True
    head: Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")] = ""

    def arguments(self) -> dict[str, Any]:
        """Return what `export_rows` takes beside the file."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "kind"}
        for name in ("since", "until"):
            when = given[name]
            if when is not None and when.tzinfo is None:
                given[name] = when.replace(tzinfo=UTC)
        return given


class _Drawn(_Strict):
    sample: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**32)] = 0


class TracesIn(_Drawn):
    """Items from traces; see `AnnotationQueue.add_traces`."""

    source: Literal["traces"]
    cohorts: _Names | None = None
    failed: bool = False
    failed_by: _Names | None = None


class SpansIn(_Drawn):
    """Items from spans; see `AnnotationQueue.add_spans`."""

    source: Literal["spans"]
    span: _Name | None = None
    cohorts: _Names | None = None
    failed: bool = False
    failed_by: _Names | None = None


class RowsIn(_Drawn):
    """Items from a dataset's rows; see `AnnotationQueue.add_rows`."""

    source: Literal["rows"]
    dataset: _Name
    version: _Name | None = None
    split: Literal["train", "validation"] | None = None
    alone: bool = False


class RecordsIn(_Strict):
    """Items from records; see `AnnotationQueue.add_records`."""

    source: Literal["records"]
    records: list[dict[str, Any]]
    prompt: _Name | None = None
    answers: _Names | None = None
    skip_bad: bool = False


class SchemaIn(_Strict):
    """A label schema as TOML or JSON."""

    text: Annotated[str, Field(max_length=200_000)]


def added_out(added: Added) -> dict[str, Any]:
    """Return what adding did."""
    return asdict(added) | {"rejected": _named(added.rejected)}


def report_out(report: ImportReport) -> dict[str, Any]:
    """Return what an import did."""
    found = asdict(report)
    return found | {"rejected": _named(report.rejected), "left_out": len(report.rejected)}


def context_out(context: ItemContext) -> dict[str, Any]:
    """Return what is known of an item beside what it shows."""
    return {
        "steps": [{"name": c.name, "arguments": dict(c.arguments)} for c in context.steps],
        "scores": [
            {
                "evaluator": score.evaluator,
                "value": score.value,
                "label": score.label,
                "measure": score.measure,
                "reason": score.reason,
                "seconds": score.seconds,
                "cost": score.cost,
                "agreement": [str(one) for one in measured(score.evaluator, score.version)]
                or [NOT_MEASURED],
            }
            for score in context.scores.values()
        ],
    }


def _named(rejected: tuple[tuple[int, str], ...]) -> list[dict[str, Any]]:
    return [{"record": number, "reason": reason} for number, reason in rejected[:_REJECTED]]
