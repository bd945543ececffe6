"""`trueup dataset`: look at dataset versions and write them out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from trueup.cli._evaluations import evaluations_as_json, show_evaluations
from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.datasets import Dataset, list_versions
from trueup.errors import DatasetError, InputError
from trueup.store.files import json_line, whole_file

__all__ = ["app"]

app = App(name="dataset")


@app.command(name="list")
def list_(*, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the versions of every dataset."""
    with open_store(store) as opened:
        found = [_summary(dataset) for dataset in list_versions(store=opened)]
    if as_json:
        show_json(found)
        return
    show_table(
        ("dataset", "version", "rows", "simulated", "sealed"),
        [
            (
                v["name"],
                v["version"],
                v["rows"],
                v["simulated"],
                (v["content_hash"] or "draft")[:12],
            )
            for v in found
        ],
    )


@app.command
def show(
    name: str,
    /,
    *,
    version: str | None = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a version holds and how it was evaluated.

    Args:
        name: The dataset.
        version: Its version; the one made last where it is left out.
    """
    with open_store(store) as opened:
        dataset = Dataset.get(name, version, store=opened)
        summary = _summary(dataset)
        evaluations = dataset.evaluations()
    if as_json:
        show_json({**summary, "evaluations": evaluations_as_json(evaluations)})
        return
    show_facts(
        {
            "dataset": f"{dataset.name} {dataset.version}",
            "rows": f"{summary['rows']} ({summary['simulated']} on simulated labels)",
            "sealed": summary["content_hash"] or "no, a draft",
            "file": summary["file"],
        }
    )
    show_table(("cohort", "rows"), summary["cohorts"].items())
    show_table(("split", "rows"), summary["splits"].items())
    if evaluations:
        show_evaluations(evaluations)


@app.command
def seal(
    name: str,
    version: str,
    /,
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close a draft for ever: its rows go to a file, and its hash is of what they say.

    Args:
        name: The dataset.
        version: Its version.
    """
    with open_store(store) as opened:
        dataset = Dataset.get(name, version, store=opened)
        dataset.seal()
        summary = _summary(dataset)
    if as_json:
        show_json(summary)
    else:
        say(f"{name} {version}: {summary['rows']} rows, sealed as {summary['content_hash'][:12]}")


@app.command
def export(
    name: str,
    /,
    *,
    out: Path,
    version: str | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a version to a file of its own.

    Args:
        name: The dataset.
        out: The file; .parquet copies the sealed file, .jsonl writes a row a line.
        version: Its version; the one made last where it is left out.
        force: Overwrite a file that is there.
    """
    if out.suffix not in (".parquet", ".jsonl"):
        raise InputError(f"{out}: name a file that ends in .parquet or .jsonl")
    with open_store(store) as opened:
        dataset = Dataset.get(name, version, store=opened)
        records = dataset.records()
        with whole_file(out, overwrite=force) as temporary:
            if out.suffix == ".jsonl":
                _write_lines(temporary, records)
            elif dataset.path is None:
                raise DatasetError(
                    f"dataset {name} version {dataset.version} is a draft and has no Parquet file "
                    f"yet: seal it (trueup dataset seal {name} {dataset.version}), or write .jsonl"
                )
            else:
                shutil.copyfile(dataset.path, temporary)
    if as_json:
        show_json({"dataset": name, "version": dataset.version, "rows": len(records), "file": out})
    else:
        say(f"{name} {dataset.version}: {len(records)} rows written to {out}")


def _summary(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "version": dataset.version,
        "id": dataset.id,
        "rows": len(dataset),
        "simulated": dataset.simulated,
        "content_hash": dataset.content_hash,
        "file": dataset.path,
        "cohorts": dict(dataset.cohorts),
        "splits": dict(dataset.splits),
        "validation_share": dataset.validation_share,
    }


def _write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json_line(record))
