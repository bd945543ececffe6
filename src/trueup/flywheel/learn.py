"""The training stations: the deployed assistant, the control and the candidate.

Weights lie in a folder named by what they follow from (method, base weights, rows), so a stage that
two recipes share is trained once, and a turn that was killed finds what it had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trueup.datasets import Dataset
from trueup.errors import InputError
from trueup.evals import find_refusal
from trueup.flywheel.context import Found, Turn
from trueup.flywheel.record import record_run
from trueup.stats.flow import balanced_subset
from trueup.store import derived_id
from trueup.store.runs import get_checkpoint, put_checkpoint
from trueup.training import Method, Recipe, TrainResult, train
from trueup.types import Checkpoint, Example, ToolCall

if TYPE_CHECKING:
    from trueup.models import LoadedModel

__all__ = ["balanced_pairs", "deploy", "train_recipe"]


def deploy(turn: Turn, _: Mapping[str, Found]) -> Found:
    """Make the deployed assistant: the model after a short stage on its own, flawed examples."""
    from trueup.models import load_model  # it loads torch

    config = turn.config.seeded()
    loading = turn.watch("model loaded")
    loading(0, 1)
    root = _base(turn, load_model(config.model))
    loading(1, 1)
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
    place = turn.store.relative(path)
    return Checkpoint(derived_id("checkpoint", digest), place, digest, "base")


def train_recipe(turn: Turn, found: Mapping[str, Found], recipe: Recipe, role: str) -> Found:
    """Train a recipe's stages on the sealed dataset, each from the former's weights."""
    export = found["export"]
    dataset = Dataset.get(export["dataset"], export["version"], store=turn.store)
    dataset.seal(actor=turn.actor, now=turn.now())  # what is trained on may not change
    with turn.store.reading() as tx:
        checkpoint = get_checkpoint(tx, found["deploy"]["checkpoint"])
    stages = []
    for number, stage in enumerate(recipe.stages, 1):
        last = number == len(recipe.stages)
        runner = _Stage(
            turn, stage.name, role if last else "stage", stage.method, checkpoint, dataset.id
        )
        data, held_out = (_rows(dataset, stage.data, split) for split in ("train", "validation"))
        checkpoint, result = runner.run(data, held_out)
        stages.append(
            {"name": stage.name, "data": stage.data, "checkpoint": checkpoint.id} | result
        )
    return {"checkpoint": checkpoint.id, "stages": stages}


def _rows(dataset: Dataset, data: str, split: str) -> list[Example]:
    """Return the rows that a stage asks for; held-out pairs are measured on as they are."""
    if data == "chosen":
        return dataset.examples("chosen", split)
    pairs = dataset.examples("pairs", split)
    if data == "pairs" or split != "train":
        return pairs
    balanced = balanced_pairs(pairs)
    if pairs and not balanced:
        raise InputError(
            f"recipe: the {len(pairs)} pairs of {dataset.name} {dataset.version} all point one "
            "way, so none are balanced; raise passed_share, or have the stage learn from 'pairs'"
        )
    return balanced


def balanced_pairs(pairs: Sequence[Example]) -> list[Example]:
    """Return the largest choice of pairs in which each act is chosen as often as it is rejected.

    A pair moves probability from the act that was rejected to the one that was chosen. The pairs
    that reviewers of a flawed assistant make mostly point one way, away from its habits, and a
    preference stage learns that way and not what tells the requests apart: it unlearns refusals
    that are right with those that are not. Balanced, no act gains or loses as a whole.
    """
    acts = [(_act(pair.completions[0]), _act(pair.completions[1])) for pair in pairs]
    return [pairs[index] for index in balanced_subset(acts)]


def _act(answer: str) -> str:
    """Return what an answer does: the first tool it calls, "refusal" or "answer"."""
    calls = ToolCall.parse_all(answer)
    if calls:
        return f"call {calls[0].name}"
    return "refusal" if find_refusal(answer)[0] == "full" else "answer"


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
            model=self.turn.store.locate(self.base.path),
            data=data,
            held_out=held_out,
            out=self.turn.checkpoints / key,
            progress=self._tell,
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

    def _tell(self, what: str, done: int, total: int) -> None:
        self.turn.events.progress(f"{what} of {self.name}", done, total)

    def _keep(self, key: str, result: TrainResult) -> Checkpoint:
        return record_run(
            self.turn.store,
            key,
            result,
            stage=self.name,
            role=self.role,
            method=self.method,
            base=self.base,
            version_id=self.version_id,
            actor=self.turn.actor,
            now=self.turn.now(),
        )
