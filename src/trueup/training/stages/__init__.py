"""Recipes: what is trained in what order, each stage from the checkpoint of the one before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trueup.errors import InputError, UnknownName
from trueup.training.api import train
from trueup.training.config import METHODS, Method
from trueup.training.result import TrainResult
from trueup.training.trackers import Progress
from trueup.types import Example

__all__ = ["Recipe", "Stage", "run_recipe"]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class Stage:
    """One training run of a recipe.

    Attributes:
        name: of its folder; lower-case letters, digits and hyphens.
        method: what trains.
        data: which of the rows handed to `run_recipe` it learns from.
    """

    name: str
    method: Method
    data: str

    def __post_init__(self) -> None:
        """Refuse names that cannot be folders."""
        if not _NAME.fullmatch(self.name):
            raise InputError(f"stage {self.name!r}: use lower-case letters, digits and hyphens")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Stage:
        """Read a stage from a mapping with `name`, `method`, `data` and the method's options.

        Raises:
            InputError: a key is missing or unknown, or a value is of the wrong type.
        """
        options = dict(values)
        missing = [key for key in ("name", "method", "data") if key not in options]
        if missing:
            raise InputError(f"stage {values.get('name', '?')}: {', '.join(missing)} is missing")
        name, method, data = (str(options.pop(key)) for key in ("name", "method", "data"))
        if method not in METHODS:
            raise UnknownName(f"stage {name}: no method {method}; there are {', '.join(METHODS)}")
        return cls(name, METHODS[method].from_dict(options), data)

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads."""
        return {"name": self.name, "data": self.data, **self.method.to_dict()}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Stages in the order in which they run; at least one, names distinct."""

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        """Refuse recipes that cannot run."""
        names = [stage.name for stage in self.stages]
        if not names:
            raise InputError("a recipe needs at least one stage")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"stages named twice: {', '.join(twice)}; give each its own name")

        scored = [stage.name for stage in self.stages if stage.method.has_rewards]
        if scored:
            raise InputError(
                f"stage {scored[0]}: a reward model answers nothing that a later stage or a "
                "release could go on from; train it by itself, with trueup train reward"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Read a recipe from a mapping with a list of `stages`, as TOML's [[stages]] gives it.

        Raises:
            InputError: a key is missing or unknown, or a value is of the wrong type.
        """
        unknown = sorted(set(values) - {"stages"})
        if unknown:
            raise InputError(f"recipe: no key {', '.join(unknown)}; it takes stages")
        stages = values.get("stages", ())
        if not isinstance(stages, list | tuple) or not all(isinstance(s, Mapping) for s in stages):
            raise InputError("recipe: stages is not a list of tables; write each as [[stages]]")
        return cls(tuple(Stage.from_dict(stage) for stage in stages))

    def to_dict(self) -> dict[str, Any]:
        """Return what `from_dict` reads."""
        return {"stages": [stage.to_dict() for stage in self.stages]}


def run_recipe(
    recipe: Recipe,
    *,
    model: str | Path,
    data: Mapping[str, Sequence[Example]],
    out: str | Path,
    held_out: Mapping[str, Sequence[Example]] | None = None,
    reference_cache: str | Path | None = None,
    progress: Progress | None = None,
) -> list[TrainResult]:
    """Run every stage, the first from `model` and each other from the checkpoint before it.

    Stages that an earlier call finished return at once; the one that it left goes on.

    Args:
        recipe: the stages.
        model: what `trueup.training.train` takes.
        data: rows by the names that the stages ask for.
        out: folder that holds one run's folder per stage, named like it.
        held_out: rows for evaluation by the same names, where there are any.
        reference_cache: as `train` takes it.
        progress: told as by `train`, the steps counted over all stages.

    Returns:
        The stages' results in order; the last one's checkpoint is the recipe's.

    Raises:
        UnknownName: a stage asks for rows that `data` does not have.
        TrainingError, InputError, ModelError: as `train` does.
    """
    for stage in recipe.stages:
        if stage.data not in data:
            raise UnknownName(
                f"stage {stage.name}: no rows named {stage.data}; there are {', '.join(data)}"
            )
    steps = [s.method.total_steps(s.method.rows(data[s.data])) for s in recipe.stages]
    results: list[TrainResult] = []
    for index, stage in enumerate(recipe.stages):
        results.append(
            train(
                stage.method,
                model=results[-1].checkpoint_path if results else model,
                data=data[stage.data],
                out=Path(out) / stage.name,
                held_out=(held_out or {}).get(stage.data, ()),
                reference_cache=reference_cache,
                progress=_shifted(progress, sum(steps[:index]), sum(steps)),
            )
        )
    return results


def _shifted(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Count a stage's steps on top of those of the stages before it."""
    if progress is None:
        return None

    def tell(what: str, done: int, of: int) -> None:
        if what == "steps":
            done, of = before + done, total
        progress(what, done, of)

    return tell
