"""`trueup queue export`, `import` and `import-labels`: rows and labels in and out of files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

from cyclopts import Parameter

from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json
from trueup.datasets import AddReport, Dataset
from trueup.errors import InputError
from trueup.queues import (
    AnnotationQueue,
    Export,
    Format,
    ImportReport,
    PreferenceSet,
    RowFormat,
    Shape,
    Tool,
)
from trueup.store.files import check_target
from trueup.store.queues import AuditRow, latest_audit

__all__ = ["export", "import_", "import_labels"]

Flag = Annotated[bool, Parameter(negative="")]
Names = Annotated[tuple[str, ...] | None, Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Filters:
    """What narrows or shapes a file of rows.

    Attributes:
        shape: A file's prompts and answers are messages, or plain texts.
        reviewer: Only their labels count; give it several times.
        exclude_reviewer: Theirs do not; give it several times.
        label: Only items on which most reviewers ticked one of these.
        cohort: Only items of these.
        since: Only labels given from this time on, as 2026-04-01 or 2026-04-01T09:00+02:00.
        until: Only labels given before it.
        head: Which reward the rows are about; else "quality", or "safety" of a safety queue.
    """

    shape: Shape = "conversational"
    reviewer: Names = None
    exclude_reviewer: Names = None
    label: Names = None
    cohort: Names = None
    since: str | None = None
    until: str | None = None
    head: str = ""

    @property
    def given(self) -> list[str]:
        """The options that were given."""
        changed = [f.name for f in fields(self) if getattr(self, f.name) != f.default]
        return [f"--{name.replace('_', '-')}" for name in changed]


def export(
    name: str,
    /,
    *,
    format: RowFormat = "paired",
    min_agreement: float = 0.0,
    out: Path | None = None,
    dataset: str | None = None,
    version: str | None = None,
    for_labelling: Path | None = None,
    no_simulated: Flag = False,
    filters: Filters = Filters(),
    force: Flag = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Settle a queue's labels: into a file of rows, a dataset, or neither; or write its items.

    Args:
        name: The queue.
        format: Rows are "paired" (prompt, chosen, rejected) or "unpaired" (prompt, completion,
            label), which a dataset takes too; or "ranked", "reward" or "step", of files alone.
        min_agreement: Least share of agreeing rater pairs on an item; items with one rater are
            left out unless it is 0.
        out: Write the rows here: .jsonl, .parquet or .csv.
        dataset: Add the preferences to this dataset.
        version: The dataset's version.
        for_labelling: Write the items that need reviewers here instead, to be filled in.
        no_simulated: Leave out labels that a program gave.
        force: Overwrite a file that is there.
    """
    if (dataset is None) != (version is None):
        raise InputError("--dataset and --version go together: give both or neither")
    if out:
        check_target(out, overwrite=force)
    plain = not (out or dataset or min_agreement or no_simulated or format != "paired")
    if for_labelling and not (plain and not filters.given):
        raise InputError(
            "--for-labelling writes items, not preferences: leave out --out, --dataset, --format, "
            "--min-agreement, --no-simulated and what narrows a file of rows"
        )
    if dataset is not None or not out:
        _check_preferences(format, filters, out)
    with open_store(store) as opened:
        queue = AnnotationQueue.get(name, store=opened)
        if for_labelling:
            written = queue.export_for_labelling(for_labelling, overwrite=force)
            _report_items(name, written, for_labelling, as_json=as_json)
            return
        settled, added, rows = None, None, None
        if dataset is not None or not out:
            kind = cast(Format, format)
            settled = queue.export(kind, min_agreement, include_simulated=not no_simulated)
        if dataset is not None and version is not None and settled is not None:
            added = Dataset.create_or_get(dataset, version, store=opened).add_rows(settled)
        if out:
            rows = _write(queue, out, format, min_agreement, filters, not no_simulated, force)
        with opened.reading() as tx:
            audit = latest_audit(tx, queue.id)
    if as_json:
        told = _as_json(settled, dataset, version, added) | _rows_as_json(rows)
        show_json(told | {"last_audit": _audit_as_json(audit)})
        return
    if settled is not None:
        _report_preferences(settled, dataset, version, added)
    if rows is not None:
        _report_rows(rows)
    _report_audit(name, audit)


def import_(
    name: str,
    file: Path,
    /,
    *,
    source: Tool = "jsonl",
    prompt: str | None = None,
    answer: Names = None,
    question: Names = None,
    reviewer: str | None = None,
    gold: Flag = False,
    skip_bad: Flag = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read items and labels that another tool exported; the same file twice adds nothing.

    Args:
        name: The queue.
        file: JSON, JSON lines or Parquet.
        source: Argilla's records, Label Studio's tasks, or plain JSON lines (prompt, with chosen
            and rejected or completion and label, and annotator).
        prompt: The field with the prompt.
        answer: The fields with the answers, in their order; give it several times.
        question: THEIRS=OURS, the queue's question for one of the tool's; THEIRS= leaves it out.
        reviewer: Who gave the labels that name nobody.
        gold: The labels, one a record, are known to be right: try reviewers by the items.
        skip_bad: Leave bad records out and import the rest.
    """
    with open_store(store) as opened:
        report = AnnotationQueue.get(name, store=opened).import_annotations(
            file,
            source=source,
            prompt=prompt,
            answers=answer,
            questions=_renamed(question or ()),
            reviewer=reviewer,
            gold=gold,
            skip_bad=skip_bad,
        )
    _report_import(name, file, report, "record", as_json=as_json)


def import_labels(
    name: str,
    file: Path,
    /,
    *,
    skip_bad: Flag = False,
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
    _report_import(name, file, report, "line", as_json=as_json)


def _check_preferences(format: RowFormat, filters: Filters, out: Path | None) -> None:
    """Refuse what preferences, which stay in the store, cannot be told."""
    where = "leave out --dataset" if out else "give --out FILE"
    if filters.given:
        raise InputError(f"{', '.join(filters.given)} is for a file of rows: {where}")
    if format not in ("paired", "unpaired"):
        raise InputError(f"format {format!r} is for a file of rows: {where}")


def _write(
    queue: AnnotationQueue,
    out: Path,
    format: RowFormat,
    min_agreement: float,
    filters: Filters,
    simulated: bool,
    force: bool,
) -> Export:
    return queue.export_rows(
        out,
        format=format,
        shape=filters.shape,
        min_agreement=min_agreement,
        reviewers=filters.reviewer,
        exclude_reviewers=filters.exclude_reviewer or (),
        labels=filters.label,
        cohorts=filters.cohort,
        since=_moment("since", filters.since),
        until=_moment("until", filters.until),
        include_simulated=simulated,
        head=filters.head,
        overwrite=force,
    )


def _moment(option: str, text: str | None) -> datetime | None:
    """Return a time; one in no time zone is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"--{option} is {text!r}; give a time as 2026-04-01T09:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _renamed(given: tuple[str, ...]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for entry in given:
        theirs, sign, ours = entry.partition("=")
        if not sign or not theirs:
            raise InputError(f"--question is {entry!r}; give THEIRS=OURS, or THEIRS= to leave it")
        found[theirs] = ours or None
    return found


def _as_json(
    found: PreferenceSet | None, dataset: str | None, version: str | None, added: AddReport | None
) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "queue": found.queue,
        "stream": found.stream,
        "format": found.format,
        "min_agreement": found.min_agreement,
        "simulated": found.simulated,
        "preferences": len(found),
        "left_out": found.left_out,
        "dataset": dataset,
        "version": version,
        "added": None if added is None else added.added,
        "there_already": None if added is None else added.unchanged,
    }


def _audit_as_json(audit: AuditRow | None) -> dict[str, Any] | None:
    if audit is None:
        return None
    return {"alpha": audit.alpha, "min_alpha": audit.min_alpha, "passed": audit.passed}


def _rows_as_json(made: Export | None) -> dict[str, Any]:
    if made is None:
        return {"file": None}
    found = made.to_json()
    return found | {"file": found.pop("path")}


def _report_items(name: str, written: int, path: Path, *, as_json: bool) -> None:
    if as_json:
        show_json({"queue": name, "items": written, "file": str(path)})
    else:
        say(f"{name}: {written} items written to {path}; fill in their `annotations` lists")


def _report_preferences(
    found: PreferenceSet, dataset: str | None, version: str | None, added: AddReport | None
) -> None:
    where = ""
    if added is not None:
        there = f", {added.unchanged} there already" if added.unchanged else ""
        where = f", in dataset {dataset} version {version} ({added.added} rows new{there})"
    say(
        f"{found.queue}: {len(found)} {found.format} preferences of stream {found.stream}"
        f"{', some labels simulated' if found.simulated else ''}{where}"
    )
    _say_left_out(found.left_out)


def _report_rows(made: Export) -> None:
    say(
        f"{made.queue}: {made.rows} {made.format} rows of stream {made.stream}"
        f"{', some labels simulated' if made.simulated else ''}, in {made.path}"
    )
    _say_left_out(made.left_out)


def _report_audit(name: str, audit: AuditRow | None) -> None:
    """Say that the queue failed its last audit, if it did."""
    if audit is None or audit.passed:
        return
    alpha = "is undefined" if audit.alpha is None else f"was {audit.alpha:.2f}"
    say(
        f"warning: the queue failed its last audit: alpha {alpha}, and the line "
        f"{audit.min_alpha:.2f}; see what raters differ on: trueup queue agreement {name}"
    )


def _say_left_out(left_out: Mapping[str, int]) -> None:
    for reason, count in left_out.items():
        say(f"  left out: {count} ({reason})")


def _report_import(
    name: str, file: Path, report: ImportReport, unit: str, *, as_json: bool
) -> None:
    if as_json:
        show_json(asdict(report))
        return
    for number, reason in report.rejected:
        say(f"{file} {unit} {number}: {reason}")
    say(
        f"{name}: {report.added} labels added ({report.corrected} of them corrections), "
        f"{report.unchanged} unchanged, {report.unlabelled} {unit}s without labels, "
        f"{len(report.rejected)} {unit}s left out"
    )
