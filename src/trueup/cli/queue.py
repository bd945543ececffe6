"""`trueup queue`: look at annotation queues, audit them, and move labels in and out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

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
from trueup.datasets import AddReport, Dataset
from trueup.errors import InputError
from trueup.queues import (
    AnnotationQueue,
    AuditReport,
    Format,
    PreferenceSet,
    QueueStats,
    list_queues,
)
from trueup.store.files import check_target

__all__ = ["app"]

app = App(name="queue")
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


@app.command
def export(
    name: str,
    /,
    *,
    format: Format = "paired",
    min_agreement: float = 0.0,
    out: Path | None = None,
    dataset: str | None = None,
    version: str | None = None,
    for_labelling: Path | None = None,
    no_simulated: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Settle a queue's labels into preferences, or write its items for labelling elsewhere.

    Args:
        name: The queue.
        format: "paired" (prompt, chosen, rejected) or "unpaired" (prompt, completion, label).
        min_agreement: Least share of agreeing rater pairs on an item; items with one rater are
            left out unless it is 0.
        out: Write the preferences here, as JSON lines.
        dataset: Add the preferences to this dataset.
        version: The dataset's version.
        for_labelling: Write the items that need reviewers here instead, to be filled in.
        no_simulated: Leave out labels that a program gave.
        force: Overwrite a file that is there.
    """
    if (dataset is None) != (version is None):
        raise InputError("--dataset and --version go together: give both or neither")
    if for_labelling and (out or dataset or min_agreement or no_simulated or format != "paired"):
        raise InputError(
            "--for-labelling writes items, not preferences: leave out --out, --dataset, --format, "
            "--min-agreement and --no-simulated"
        )
    if out:
        check_target(out, overwrite=force)
    with open_store(store) as opened:
        queue = AnnotationQueue.get(name, store=opened)
        if for_labelling:
            written = queue.export_for_labelling(for_labelling, overwrite=force)
            _report_items(name, written, for_labelling, as_json=as_json)
            return
        added: AddReport | None = None
        preferences = queue.export(format, min_agreement, include_simulated=not no_simulated)
        if dataset is not None and version is not None:
            added = Dataset.create_or_get(dataset, version, store=opened).add_rows(preferences)
        if out:
            preferences.write(out, overwrite=force)
    _report_preferences(preferences, out, dataset, version, added, as_json=as_json)


@app.command
def import_labels(
    name: str,
    file: Path,
    /,
    *,
    skip_bad: Annotated[bool, Parameter(negative="")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read labels from the file that `export --for-labelling` wrote and reviewers filled in.

    Args:
        name: The queue.
        file: The filled-in file.
        skip_bad: Leave bad lines out and import the rest.
    """
    with open_store(store) as opened:
        report = AnnotationQueue.get(name, store=opened).import_labels(file, skip_bad=skip_bad)
    if as_json:
        show_json(asdict(report))
        return
    for line, reason in report.rejected:
        say(f"{file} line {line}: {reason}")
    say(
        f"{name}: {report.added} labels added ({report.corrected} of them corrections), "
        f"{report.unchanged} unchanged, {report.unlabelled} lines without labels, "
        f"{len(report.rejected)} lines left out"
    )


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


def _report_items(name: str, written: int, path: Path, *, as_json: bool) -> None:
    if as_json:
        show_json({"queue": name, "items": written, "file": str(path)})
    else:
        say(f"{name}: {written} items written to {path}; fill in their `annotations` lists")


def _report_preferences(
    found: PreferenceSet,
    out: Path | None,
    dataset: str | None,
    version: str | None,
    added: AddReport | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        show_json(
            {
                "queue": found.queue,
                "stream": found.stream,
                "format": found.format,
                "min_agreement": found.min_agreement,
                "simulated": found.simulated,
                "preferences": len(found),
                "left_out": found.left_out,
                "file": out,
                "dataset": dataset,
                "version": version,
                "added": None if added is None else added.added,
                "there_already": None if added is None else added.unchanged,
            }
        )
        return
    where = [f"in {out}"] if out else []
    if added is not None:
        there = f", {added.unchanged} there already" if added.unchanged else ""
        where += [f"in dataset {dataset} version {version} ({added.added} rows new{there})"]
    say(
        f"{found.queue}: {len(found)} {found.format} preferences of stream {found.stream}"
        f"{', some labels simulated' if found.simulated else ''}"
        f"{', ' + ' and '.join(where) if where else ''}"
    )
    for reason, count in found.left_out.items():
        say(f"  left out: {count} ({reason})")
