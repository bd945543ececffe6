"""What a training run gives back; needs no torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

__all__ = ["TrainResult"]


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A finished run.

    Attributes:
        checkpoint_path: a Hugging Face folder with the trained model, adapters merged.
        content_hash: of its weights.
        steps: optimiser steps done.
        metrics_path: JSON lines: one object a step with at least step, loss, seconds and tokens;
            those of evaluations have `eval: true`.
        best_metric: lowest loss on the held-out rows; None without any.
        truncated: how many training completions were cut to `max_length`.
        warnings: what a person should know, one line each.
        seconds: time spent on steps and evaluations, over all attempts.
        tokens: tokens of all rows seen, prompts counted with each completion.
    """

    checkpoint_path: Path
    content_hash: str
    steps: int
    metrics_path: Path
    best_metric: float | None
    truncated: int
    warnings: tuple[str, ...]
    seconds: float
    tokens: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON can hold them."""
        paths = {
            "checkpoint_path": str(self.checkpoint_path),
            "metrics_path": str(self.metrics_path),
        }
        return asdict(self) | paths | {"warnings": list(self.warnings)}

    def to_json(self) -> str:
        """Return `to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def read(cls, path: Path) -> TrainResult:
        """Read what `to_json` wrote beside the checkpoint, wherever the folder has moved to."""
        values = json.loads(path.read_text())
        for name in ("checkpoint_path", "metrics_path"):
            values[name] = path.parent / Path(values[name]).name
        return cls(**values | {"warnings": tuple(values["warnings"])})
