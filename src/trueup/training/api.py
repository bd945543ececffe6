"""`train`, as one calls it. Importing it loads no torch; calling it does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from trueup.errors import InputError, MissingExtra
from trueup.training.config import Method
from trueup.training.result import TrainResult
from trueup.training.trackers import Log, Progress
from trueup.types import Example

__all__ = ["train"]


def train(
    method: Method,
    *,
    model: str | Path,
    data: Iterable[Example],
    out: str | Path,
    held_out: Iterable[Example] = (),
    reference_cache: str | Path | None = None,
    progress: Progress | None = None,
    on_metrics: Log | None = None,
) -> TrainResult:
    """Train `model` on `data` and save the result under `out`.

    A run that was killed goes on from its last saved state when it is called again with the same
    `out`, to the same weights bit for bit on a CPU; one that is finished returns at once.

    Args:
        method: `SFT(...)`, `DPO(...)` or another of `METHODS`.
        model: anything `trueup.models.load_model` takes.
        data: rows to learn from.
        out: folder of the run; `out/checkpoint` becomes the trained model, adapters merged.
        held_out: rows for evaluation alone.
        reference_cache: folder of reference log-probs, to share among runs; `out/reference` if
            None.
        progress: told what is under way ("reference log-probs", then "steps"), and how many of
            how many are done.
        on_metrics: given each row of metrics once it is written, as `training.trackers.track` is.

    Raises:
        MissingExtra: torch, transformers or peft is not installed.
        InputError: no data, or rows that are no examples or cannot be learnt from; names them.
        PromptTooLong: prompts that leave no room for a completion.
        ModelError: the model cannot be loaded.
        TrainingError: `out` holds another run, or the device lacks what was asked for.
        LossNotFinite: the loss became NaN or infinite; the last saved state stays.
    """
    try:
        from trueup.training._run import run_method
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in _EXTRA:
            raise MissingExtra(
                f"training needs {error.name}: pip install 'trueup[train]'"
            ) from error
        raise
    return run_method(
        method,
        model=model,
        data=_examples(data, "data"),
        out=Path(out),
        held_out=_examples(held_out, "held_out"),
        reference_cache=None if reference_cache is None else Path(reference_cache),
        progress=progress,
        on_metrics=on_metrics,
    )


_EXTRA = {"torch", "transformers", "peft", "safetensors"}


def _examples(rows: Iterable[Example], name: str) -> list[Example]:
    found: list[Any] = [rows] if isinstance(rows, str | Path) else list(rows)
    for row in found:
        if not isinstance(row, Example):
            raise InputError(
                f"{name} holds a {type(row).__name__} where an Example is due; read files with "
                "trueup.training.read_examples"
            )
    return found
