"""`trueup demo`: the loop's stations on the claims assistant, one at a time.

What they write is what `trueup loop` would write for the same settings, so the two can be mixed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from trueup.cli._output import JsonOption, StoreOption, show_facts, show_json
from trueup.cli.loop import open_turn
from trueup.flywheel.collect import enqueue as enqueue_station
from trueup.flywheel.collect import evaluate as evaluate_station
from trueup.flywheel.collect import record as record_station
from trueup.flywheel.config import load_config
from trueup.flywheel.context import Found, Turn
from trueup.flywheel.judge import replay_on
from trueup.flywheel.learn import deploy as deploy_station
from trueup.flywheel.learn import train_recipe
from trueup.flywheel.settle import label as label_station
from trueup.store.runs import get_checkpoint

__all__ = ["app"]

app = App(name="demo")

ConfigOption = Annotated[Path | None, Parameter(name="--config", help="A loop.toml.")]
SeedOption = Annotated[int | None, Parameter(name="--seed", help="Of everything that is drawn.")]


@app.command
def deploy(
    *,
    config: ConfigOption = None,
    seed: SeedOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Train the deployed assistant on its flawed examples; prints its checkpoint."""
    _visit(lambda turn: deploy_station(turn, {}), config, seed, store, json, create=True)


@app.command
def record(
    checkpoint: str,
    /,
    *,
    config: ConfigOption = None,
    seed: SeedOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Ask a checkpoint the demo's requests and keep its answers as traces, scored.

    Args:
        checkpoint: the checkpoint's id.
    """

    def visit(turn: Turn) -> Found:
        found = record_station(turn, _deployed(turn, checkpoint))
        return found | evaluate_station(turn, {})

    _visit(visit, config, seed, store, json)


@app.command
def enqueue(
    checkpoint: str,
    /,
    *,
    config: ConfigOption = None,
    seed: SeedOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Queue the recorded traces that failed, with a better sample of the checkpoint beside each.

    Args:
        checkpoint: the id of the checkpoint to sample from.
    """
    _visit(
        lambda turn: enqueue_station(turn, _deployed(turn, checkpoint)), config, seed, store, json
    )


@app.command
def label(
    *,
    config: ConfigOption = None,
    seed: SeedOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Have the simulated reviewers label the queue; each label says that it is simulated."""
    _visit(
        lambda turn: label_station(turn, {"enqueue": {"queue": turn.config.queue}}),
        config,
        seed,
        store,
        json,
    )


@app.command
def train(
    checkpoint: str,
    dataset: str,
    version: str,
    /,
    *,
    role: Literal["candidate", "control"] = "candidate",
    config: ConfigOption = None,
    seed: SeedOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Train a recipe's stages on a dataset version, sealing it; the store keeps the checkpoints.

    Args:
        checkpoint: the id of the checkpoint to start from.
        dataset: the dataset's name.
        version: which of its versions.
        role: whose recipe.
    """

    def visit(turn: Turn) -> Found:
        settings = turn.config.seeded()
        recipe = settings.control if role == "control" else settings.recipe
        export = {"export": {"dataset": dataset, "version": version}}
        return train_recipe(turn, _deployed(turn, checkpoint) | export, recipe, role)

    _visit(visit, config, seed, store, json)


@app.command
def replay(
    checkpoint: str,
    /,
    *,
    on: Literal["validation", "replay"] = "replay",
    config: ConfigOption = None,
    seed: SeedOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Replay held-out requests on a checkpoint, for `trueup gate` to compare.

    Args:
        checkpoint: the checkpoint's id.
        on: the requests: "validation", which recipes are chosen on, or "replay", which the loop's
            gate judges by and which no recipe should have seen.
    """
    _visit(lambda turn: replay_on(turn, checkpoint, "checkpoint", on), config, seed, store, json)


def _deployed(turn: Turn, name: str) -> dict[str, Found]:
    """Return what the station `deploy` would have found, of an id or its beginning."""
    with turn.store.reading() as tx:
        return {"deploy": {"checkpoint": get_checkpoint(tx, name).id}}


def _visit(
    station: Callable[[Turn], Found],
    config: Path | None,
    seed: int | None,
    store: str | None,
    as_json: bool,
    *,
    create: bool = False,
) -> None:
    settings = load_config(config, seed=seed)
    with open_turn(settings, store=store, quiet=as_json, create=create) as turn:
        found = station(turn)
    if as_json:
        show_json(found)
    else:
        show_facts(found)
