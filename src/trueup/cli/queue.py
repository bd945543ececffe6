"""`trueup queue`: make annotation queues, fill them, look at them, and move labels in and out."""

from __future__ import annotations

from cyclopts import App

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.cli._quality import activity, agreement
from trueup.cli._queue_add import add
from trueup.cli._queue_files import export, import_, import_labels
from trueup.cli._queue_setup import create, set_
from trueup.queues import AnnotationQueue, AuditReport, QueueStats, list_queues

__all__ = ["app"]

app = App(name="queue")
app.command(create)
app.command(set_, name="set")
app.command(add)
app.command(export)
app.command(import_, name="import")
app.command(import_labels)
app.command(agreement)
app.command(activity)


@app.command(name="list")
def list_(*, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the queues."""
    with open_store(store) as opened:
        stats = [queue.stats() for queue in list_queues(store=opened)]
    if as_json:
        show_json([s.to_json() for s in stats])
        return
    show_table(
        ("queue", "stream", "items", "done", "annotations", "reviewers"),
        [(s.name, s.stream, s.items, s.done, s.annotations, len(s.reviewers)) for s in stats],
    )


@app.command
def stats(name: str, /, *, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Show how far a queue has come.

    Args:
        name: The queue.
    """
    with open_store(store) as opened:
        found = AnnotationQueue.get(name, store=opened).stats()
    if as_json:
        show_json(found.to_json())
    else:
        _show_stats(found)


@app.command
def audit(
    name: str,
    /,
    *,
    min_alpha: float = 0.6,
    seed: int = 0,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how far a queue's labels agree; under the line is an error.

    Args:
        name: The queue.
        min_alpha: The line that Krippendorff's alpha is held against.
        seed: Of the bootstrap.
    """
    with open_store(store) as opened:
        report = AnnotationQueue.get(name, store=opened).audit(min_alpha, seed)
    if as_json:
        show_json(report.to_json())
    else:
        _show_audit(report)
    report.require()


def _show_stats(found: QueueStats) -> None:
    show_facts(
        {
            "queue": found.name,
            "stream": found.stream,
            "items": f"{found.items} ({found.done} done, {found.started} started)",
            "annotations": f"{found.annotations} ({found.simulated} simulated, "
            f"{found.corrections} replaced), {found.overlap} an item",
        }
    )
    for title, counts in (
        ("reviewer", found.reviewers),
        ("cohort", found.cohorts),
        ("question type", found.question_types),
        ("queued because", found.reasons),
    ):
        if counts:
            show_table((title, "count"), counts.items())


def _show_audit(report: AuditReport) -> None:
    alpha, interval = report.alpha, report.interval
    ends = "" if interval.low is None else f" [{interval.low:.3f}, {interval.high:.3f}]"
    show_facts(
        {
            "queue": report.queue,
            "annotations": f"{report.annotations} on {report.items} items "
            f"({report.simulated} simulated)",
            "alpha": f"undefined: {alpha.reason}"
            if alpha.value is None
            else f"{alpha.value:.3f}{ends}",
            "line": report.min_alpha,
            "raw agreement": report.raw_agreement,
            "passed": report.passed,
        }
    )
    show_table(
        ("reviewer", "rated", "agrees", "low", "high", "alpha without"),
        [(r.rater, r.rated, r.agreement, r.low, r.high, r.alpha_without) for r in report.reviewers],
    )
    show_table(
        ("question type", "items", "pairs", "disagree"),
        [(g.group, g.units, g.pairs, g.share) for g in report.question_types],
    )
    show_table(
        ("label", "alpha", "ticked", "note"),
        [
            (entry.label, entry.alpha.value, entry.ticked, entry.alpha.reason)
            for entry in report.labels
        ],
    )
    if report.passed and report.advice:
        say(report.advice)
