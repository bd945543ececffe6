"""What one turn of the loop is told, and where it is read from."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from trueup.datasets import check_name
from trueup.errors import InputError
from trueup.release.margins import load_margins
from trueup.store import content_hash
from trueup.training import DPO, SFT, Recipe, Stage
from trueup.training.config import from_mapping

__all__ = ["ROWS", "LoopConfig", "load_config"]

ROWS = ("chosen", "pairs", "balanced")
"""What a stage can learn from: see `trueup.flywheel.learn`."""

_SUPERVISED = SFT(lr=1e-3, epochs=2, schedule="linear")


def _recipe() -> Recipe:
    return Recipe(
        (
            Stage("sft", _SUPERVISED, data="chosen"),
            Stage("dpo", DPO(lr=2e-5, beta=0.1, nll_weight=0.5, max_steps=16), data="balanced"),
        )
    )


def _control() -> Recipe:
    return Recipe((Stage("sft", _SUPERVISED, data="chosen"),))


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """One turn of the loop.

    Attributes:
        model: what the deployed assistant is made from: a folder, a hub name or `smollm2-135m`.
        seed: of everything that is drawn: facts, samples, reviewers, adapters, bootstraps.
        queue: the annotation queue's name.
        dataset: where the exported preferences go.
        version: as which version; None takes the first of v1, v2 ... that is free for them.
        overlap: reviewers per item.
        min_alpha: the red line of the audit.
        min_agreement: share of agreeing rater pairs that an item needs to be trained on.
        samples: answers drawn for each queued request, of which the best is shown.
        temperature: of those samples; the recorded and replayed answers are greedy.
        passed_share: share of the requests answered well that are queued all the same, spread
            evenly over the families.
        max_new_tokens: tokens an answer may have.
        validation_share: share of the dataset's conversations held out of training.
        deploy: how the deployed assistant was trained on its own examples.
        recipe: the candidate's stages.
        control: the control's: what the candidate has to beat to be worth its price.
        margins: the gate's `gate.toml`; None takes the defaults.
        record_per_phrasing, replay_per_phrasing: requests made from each of the demo's phrasings.
    """

    model: str = "smollm2-135m"
    seed: int = 0
    queue: str = "rlhf-prefs-2026q2"
    dataset: str = "claims-preferences"
    version: str | None = None
    overlap: int = 3
    min_alpha: float = 0.6
    min_agreement: float = 0.3
    samples: int = 2
    temperature: float = 1.0
    passed_share: float = 0.5
    max_new_tokens: int = 48
    validation_share: float = 0.1
    deploy: SFT = field(default_factory=lambda: _SUPERVISED)
    recipe: Recipe = field(default_factory=_recipe)
    control: Recipe = field(default_factory=_control)
    margins: str | None = None
    record_per_phrasing: int = 1
    replay_per_phrasing: int = 2

    def __post_init__(self) -> None:
        """Refuse values that no turn can use.

        Raises:
            InputError: names the key, its value and what it must be.
        """
        counts = "overlap samples max_new_tokens record_per_phrasing replay_per_phrasing"
        for name in counts.split():
            self._require(name, getattr(self, name) >= 1, "1 or more")
        for name in ("min_alpha", "min_agreement", "passed_share", "validation_share"):
            self._require(name, 0 <= getattr(self, name) <= 1, "from 0 to 1")
        self._require("seed", 0 <= self.seed < 2**32, "from 0 to 4294967295")
        self._require("temperature", 0 <= self.temperature < math.inf, "0 or more")
        check_name("dataset", self.dataset)
        if self.version is not None:
            check_name("version", self.version)
        for stage in (*self.recipe.stages, *self.control.stages):
            if stage.data not in ROWS:
                raise InputError(
                    f"stage {stage.name}: data is {stage.data!r}; give {', '.join(ROWS)}"
                )

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"loop config: {name} is {getattr(self, name)}; it must be {rule}")

    def seeded(self) -> LoopConfig:
        """Return the same with this turn's seed in every training stage."""
        return replace(
            self,
            deploy=replace(self.deploy, seed=self.seed),
            recipe=_seeded(self.recipe, self.seed),
            control=_seeded(self.control, self.seed),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON and TOML can hold it."""
        simple = {f.name: getattr(self, f.name) for f in fields(self)}
        return simple | {
            "deploy": asdict(self.deploy),
            "recipe": self.recipe.to_dict(),
            "control": self.control.to_dict(),
        }

    @property
    def key(self) -> str:
        """What tells turns apart: twelve digits of the hash of all that a result depends on."""
        return content_hash(self.to_dict())[:12]


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    return Recipe(
        tuple(replace(stage, method=replace(stage.method, seed=seed)) for stage in recipe.stages)
    )


def load_config(path: str | Path | None, **flags: Any) -> LoopConfig:
    """Read a `loop.toml`; flags that are not None take the place of what it says.

    Raises:
        InputError: the file cannot be read, or says what no loop understands.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(
                f"loop config {path}: {error}; see docs/loop.md for its keys"
            ) from error
    values |= {name: value for name, value in flags.items() if value is not None}
    return _from_dict(values, str(path or "flags"))


def _from_dict(values: Mapping[str, Any], source: str) -> LoopConfig:
    parsed = dict(values)
    for name, read in (
        ("deploy", SFT.from_dict),
        ("recipe", Recipe.from_dict),
        ("control", Recipe.from_dict),
    ):
        if name in parsed:
            if not isinstance(parsed[name], Mapping):
                raise InputError(f"{source}: {name} is {parsed[name]!r}; write it as a table")
            parsed[name] = read(parsed[name])
    config = from_mapping(LoopConfig, parsed, source)
    if config.margins is not None:
        load_margins(config.margins)  # now, and not when all else is done
    return config
