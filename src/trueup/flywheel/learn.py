"""The training stations: the deployed assistant, the control and the candidate.

Weights lie in a folder named by what they follow from (method, base weights, rows), so a stage that
two recipes share is trained once, and a turn that was killed finds what it had.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import trueup
from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.flywheel.context import Found, Turn
from trueup.store import derived_id
from trueup.store.runs import get_checkpoint, put_checkpoint, put_run
from trueup.training import Method, Recipe, TrainResult, train
from trueup.types import Checkpoint, Example, Run

if TYPE_CHECKING:
    from trueup.models import LoadedModel

__all__ = ["deploy", "train_recipe"]


def deploy(turn: Turn, _: Mapping[str, Found]) -> Found:
    """Make the deployed assistant: the model after a short stage on its own, flawed examples."""
    from trueup.models import load_model  # it loads torch

    config = turn.config.seeded()
    root = _base(turn, load_model(config.model))
    with turn.store.transaction() as tx:
        put_checkpoint(tx, root, turn.actor, turn.now())
    examples = turn.application.seed_examples(config.seed)
    stage = _Stage(turn, "deploy", "deployed", config.deploy, root, None)
    checkpoint, result = stage.run(examples, ())
    return {"checkpoint": checkpoint.id, "base": root.id, "examples": len(examples)} | result


def _base(turn: Turn, loaded: LoadedModel) -> Checkpoint:
    """Return what training starts from as a folder, made of a file or a hub's model if need be."""
    from trueup.models import save_model

    path, digest = Path(turn.config.model).resolve(), loaded.content_hash
    if not list(path.glob("*.safetensors")):
        path = turn.checkpoints / f"base-{digest[:16]}"
        digest = save_model(loaded, None, path)
    return Checkpoint(derived_id("checkpoint", digest), str(path), digest, "base")


def train_recipe(turn: Turn, found: Mapping[str, Found], recipe: Recipe, role: str) -> Found:
    """Train a recipe's stages on the sealed dataset, each from the former's weights."""
    export = found["export"]
    dataset = Dataset.get(export["dataset"], export["version"], store=turn.store)
    with turn.store.reading() as tx:
        checkpoint = get_checkpoint(tx, found["deploy"]["checkpoint"])
    stages = []
    for number, stage in enumerate(recipe.stages, 1):
        last = number == len(recipe.stages)
        runner = _Stage(
            turn, stage.name, role if last else "stage", stage.method, checkpoint, dataset.id
        )
        kind = _kind(stage.data)
        checkpoint, result = runner.run(
            dataset.examples(kind, "train"), dataset.examples(kind, "validation")
        )
        stages.append({"name": stage.name, "checkpoint": checkpoint.id} | result)
    return {"checkpoint": checkpoint.id, "stages": stages}


def _kind(data: str) -> Literal["pairs", "chosen"]:
    kinds: dict[str, Literal["pairs", "chosen"]] = {"pairs": "pairs", "chosen": "chosen"}
    if data in kinds:
        return kinds[data]
    raise InputError(f"recipe: a stage learns from 'chosen' or 'pairs', not from {data!r}")


class _Stage:
    """One call of `train`, with its checkpoint and run put into the store."""

    def __init__(
        self,
        turn: Turn,
        name: str,
        role: str,
        method: Method,
        base: Checkpoint,
        version_id: str | None,
    ) -> None:
        self.turn, self.name, self.role = turn, name, role
        self.method, self.base, self.version_id = method, base, version_id

    def run(
        self, data: Sequence[Example], held_out: Sequence[Example]
    ) -> tuple[Checkpoint, dict[str, Any]]:
        """Train, unless it was done before; return the checkpoint and what is worth telling."""
        rows = [[e.id, list(e.completions), e.weight] for e in (*data, *held_out)]
        key = derived_id("stage", self.method.to_dict(), self.base.content_hash, rows)[:16]
        result = train(
            self.method,
            model=self.base.path,
            data=data,
            held_out=held_out,
            out=self.turn.checkpoints / key,
            progress=self.turn.watch(f"steps of {self.name}"),
        )
        for warning in result.warnings:
            self.turn.events.note(f"{self.name}: {warning}")
        if result.truncated:
            self.turn.events.note(
                f"{self.name}: {result.truncated} completions were cut to "
                f"{self.method.max_length} tokens"
            )
        return self._keep(key, result), {
            "method": self.method.name,
            "metrics": str(result.metrics_path.relative_to(self.turn.store.root)),
            "steps": result.steps,
            "tokens": result.tokens,
            "truncated": result.truncated,
            "warnings": list(result.warnings),
            "rows": len(data),
        }

    def _keep(self, key: str, result: TrainResult) -> Checkpoint:
        checkpoint = Checkpoint(
            derived_id("checkpoint", result.content_hash),
            str(result.checkpoint_path),
            result.content_hash,
            self.role,
        )
        run = Run(
            id=derived_id("run", key),
            stage=self.name,
            method=self.method.name,
            config=self.method.to_dict(),
            base_checkpoint_id=self.base.id,
            checkpoint_id=checkpoint.id,
            dataset_version_id=self.version_id,
            seed=self.method.seed,
            code_revision=code_revision(),
            metrics={"steps": result.steps, "best": result.best_metric},
        )
        turn = self.turn
        with turn.store.transaction() as tx:
            put_checkpoint(tx, checkpoint, turn.actor, turn.now())
            put_run(tx, run, turn.actor, turn.now())
            return get_checkpoint(tx, checkpoint.id)


def code_revision() -> str:
    """Return trueup's version and, in a checkout, its commit."""
    here = Path(trueup.__file__).parent
    found = subprocess.run(
        ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        check=False,
    )
    commit = found.stdout.strip()
    return f"{trueup.__version__}+{commit}" if found.returncode == 0 else trueup.__version__
