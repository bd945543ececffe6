"""`trueup train`: one command per method, its flags from the method's configuration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from trueup.cli._given import as_told, from_file
from trueup.cli._named import find_dataset
from trueup.cli._output import JsonOption, StoreOption, open_store, say, show_json, speaks
from trueup.cli._progress import progress_bars
from trueup.cli._rows import datasets_of, is_file, parted, read_held_out, read_rows
from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.report.html import render_training
from trueup.report.model import TrainReport
from trueup.store import derived_id
from trueup.store.stamp import stamp
from trueup.training import METHODS, Method, Reward, TrainResult, read_examples, train
from trueup.training.advise import advise as advice
from trueup.training.advise import evidence_of
from trueup.training.data import weigh_by_agreement
from trueup.training.groups import reject
from trueup.training.trackers import Tracker, track
from trueup.types import Checkpoint, Example, Messages

__all__ = ["app"]


app = App(name="train", config=(from_file, as_told))


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Job:
    """What every `trueup train` command takes beside its method's options.

    Attributes:
        model: a model folder, a .gguf file, a hub name, or smollm2-135m.
        data: JSON lines or a list, a .parquet file, a folder that datasets saved, or a dataset of
            the store: NAME, or NAME@VERSION; several are read one after another. HEAD=DATA are rows
            that are about one head of a reward model, and OWNER/NAME is a data set of the Hugging
            Face hub.
        out: folder of the run; the trained model goes to its checkpoint/.
        held_out: such data for evaluation alone; of a dataset its validation rows, or all where it
            has none. Without it those of `data` are.
        store: the store's folder or URL; else TRUEUP_STORE, else .trueup/.
        weigh_by_agreement: multiply each row's weight by the share of rater pairs that agree on it.
        config: a TOML file with any of these options by name; what the command says goes first.
        track: send the metrics to tensorboard, wandb or mlflow too, where it is installed.
        full: train the full weights instead of adapters.
        json: print the result as JSON.
    """

    model: str
    data: list[str]
    out: Path
    held_out: list[str] | None = None
    store: str | None = None
    weigh_by_agreement: Annotated[bool, Parameter(negative=())] = False
    config: Path | None = None
    track: list[Tracker] = field(default_factory=list)
    full: Annotated[bool, Parameter(negative=())] = False
    json: Annotated[bool, Parameter(negative=())] = False


def _command(kind: type[Method]) -> Callable[..., None]:
    """Return the command of a method, its flags the fields of the method's configuration."""

    def command(job: Job, method: Method | None = None) -> None:
        _run(job, method or kind())

    flags = Annotated[kind | None, Parameter(name="*")]  # type: ignore[valid-type]
    command.__annotations__ = {"job": Job, "method": flags, "return": None}
    command.__doc__ = (kind.__doc__ or "").splitlines()[0]
    return command


for _name, _kind in METHODS.items():
    app.command(_command(_kind), name=_name)


@app.command
def advise(
    data: str,
    /,
    *,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which method fits a dataset, why, and what to look at before it is trained on.

    Args:
        data: A dataset of the store, NAME or NAME@VERSION, or a file or folder as training takes.
    """
    rows: Sequence[Example] = ()
    if is_file(data):
        rows = read_examples(data)
        evidence = evidence_of(rows)
    else:
        with open_store(store) as opened:
            evidence = evidence_of(find_dataset(data, opened))
    found = advice(evidence, rows)
    if as_json:
        show_json({"evidence": asdict(evidence), **asdict(found)})
        return
    say(f"{found.method}: {found.reason}")
    for method, when in found.otherwise:
        say(f"  or {method}, {when}")
    for warning in found.warnings:
        say(f"warning: {warning}")


@app.command
def compare(
    first: str,
    second: str,
    /,
    *,
    data: str,
    limit: int = 20,
    max_new_tokens: int = 128,
    as_json: JsonOption = False,
) -> None:
    """Show what two checkpoints answer to the same prompts, greedily, side by side.

    Args:
        first: A model folder, a .gguf file, a hub name, or smollm2-135m.
        second: Another.
        data: A file or folder as training takes, of which the prompts are read.
        limit: Prompts to answer, from the beginning of the file.
        max_new_tokens: Where an answer is cut.
    """
    from trueup.models import LocalSampler, load_model

    if limit < 1:
        raise InputError(f"compare: limit is {limit}; it must be 1 or more")
    rows = read_examples(data)[:limit]
    reject(rows, "no prompt", lambda row: not row.messages, remedy="give rows that have one")
    reject(rows, "tools, which are not sampled with", lambda row: bool(row.tools))
    prompts = [row.messages for row in rows]
    answers = []
    with progress_bars(hidden=as_json) as progress:
        for name in (first, second):
            found = LocalSampler(load_model(name, dtype="auto")).sample(
                prompts,
                max_new_tokens=max_new_tokens,
                progress=partial(progress, f"answers of {name}"),
            )
            answers.append([answer.text for (answer,) in found])
    table = list(zip((_asked(p) for p in prompts), *answers, strict=True))
    if as_json:
        show_json([dict(zip(("prompt", "first", "second"), row, strict=True)) for row in table])
        return
    for asked, one, other in table:
        say(f"> {asked}")
        say(f"  {first}: {one}")
        say(f"  {second}: {'the same' if other == one else other}")
    same = sum(one == other for _, one, other in table)
    say(f"{same} of {len(table)} answers are the same")


def _asked(messages: Messages) -> str:
    return str(messages[-1].get("content") or "")


def _run(job: Job, method: Method) -> None:
    _check_heads(job.data, method)
    rows, aside = read_rows(job.data, method, job.store)
    if job.held_out:
        aside = read_held_out(job.held_out, method, job.store)
    if not aside and (method.keep == "best" or method.eval_every is not None):
        raise InputError(
            "--keep best and --eval-every measure on held-out rows and there are none: give "
            "--held-out, or leave them out"
        )
    datasets = datasets_of(job.data, job.store)
    finished = (job.out / "result.json").exists()
    rows = weigh_by_agreement(rows) if job.weigh_by_agreement else rows
    method = replace(method, lora_rank=None) if job.full else method
    with (
        progress_bars(hidden=job.json or not speaks()) as bars,
        track(*(job.track if speaks() else ()), folder=job.out, config=method.to_dict()) as log,
    ):

        def on_metrics(row: Mapping[str, Any]) -> None:
            log(row)
            shown.update(_note(row))
            bars.note("steps", "  ".join(shown.values()))

        shown: dict[str, str] = {}
        result = train(
            method,
            model=job.model,
            data=rows,
            out=job.out,
            held_out=aside,
            progress=bars,
            on_metrics=on_metrics,
        )
    if not speaks():
        return
    page = _report(job, method, result)
    _record(job, method, result, datasets)
    if job.json:
        print(result.to_json())  # noqa: T201
    else:
        if finished:
            say("this run was finished before: nothing was trained anew")
        _summary(result, page)


def _record(job: Job, method: Method, result: TrainResult, datasets: Sequence[Dataset]) -> None:
    """Put the run into the store that holds its datasets, a row for each of them."""
    if not datasets:
        return
    from trueup.flywheel.record import record_run  # no other command of this room needs it

    digest = json.loads((job.out / "run.json").read_text(encoding="utf-8"))["model"]
    actor, now = stamp()
    files = [name for _, name in map(parted, job.data) if is_file(name)]
    with open_store(job.store) as store:
        # a name that is no folder, as of a hub, stands as it was given
        folder = Path(job.model).expanduser().exists()
        place = store.relative(job.model) if folder else job.model
        base = Checkpoint(derived_id("checkpoint", digest), place, digest, "base")
        for dataset in datasets:
            record_run(
                store,
                derived_id("train", result.content_hash, digest, dataset.id, method.to_dict()),
                result,
                stage=job.out.name,
                role="candidate",
                method=method,
                base=base,
                version_id=dataset.id,
                actor=actor,
                now=now,
                files=files,
            )


def _check_heads(data: Sequence[str], method: Method) -> None:
    """Refuse rows that are named to be about a head which the method does not have."""
    heads = method.heads if isinstance(method, Reward) else ()
    for head, _ in map(parted, data):
        if head and head not in heads:
            which = (
                f"give --heads {head}" if isinstance(method, Reward) else "train reward has them"
            )
            raise InputError(
                f"--data {head}=... is about a head and {method.name} has none of that name: "
                f"{which}, or leave {head}= out"
            )


def _note(row: Mapping[str, Any]) -> dict[str, str]:
    """Return what the bar says of a row of metrics, by what it is about."""
    if not row.get("eval"):
        rate = row["tokens"] / row["seconds"]
        return {"loss": f"loss {row['loss']:.4f}", "rate": f"{rate:,.0f} tok/s"}
    if "rewards/accuracy" in row:
        return {"held out": f"held-out acc. {row['rewards/accuracy']:.2f}"}
    return {"held out": f"held-out loss {row['loss']:.4f}"}


def _report(job: Job, method: Method, result: TrainResult) -> Path:
    """Write the run's page beside its checkpoint and return where."""
    lines = result.metrics_path.read_text(encoding="utf-8").splitlines()
    report: TrainReport = {
        "title": job.out.name,
        "method": method.name,
        "rows": [json.loads(line) for line in lines],
        "options": {
            "model": job.model,
            "data": ", ".join(job.data),
            **({"held_out": ", ".join(job.held_out)} if job.held_out else {}),
            **asdict(method),
        },
        "result": result.to_dict(),
    }
    page = job.out / "report.html"
    page.write_text(render_training(report), encoding="utf-8")
    return page


def _summary(result: TrainResult, page: Path) -> None:
    steps = f"{result.steps} step{'' if result.steps == 1 else 's'}"
    say(f"{steps}, {result.tokens} tokens, {result.seconds:.0f} s")
    if result.best_metric is not None:
        say(f"lowest held-out loss {result.best_metric:.4f}")
    say(f"{result.truncated} completions cut to fit")
    for warning in result.warnings:
        say(f"warning: {warning}")
    say(f"metrics: {result.metrics_path}")
    say(f"report: {page}")
    say(f"checkpoint: {result.checkpoint_path} ({result.content_hash[:12]})")
