"""`train`, as one calls it. Importing it loads no torch; calling it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trueup.errors import MissingExtra
from trueup.training.config import Method
from trueup.training.result import TrainResult
from trueup.training.trackers import Log, Progress

if TYPE_CHECKING:
    from trueup.training.rows import Rows

__all__ = ["train"]


def train(
    method: Method,
    *,
    model: str | Path,
    data: Rows,
    out: str | Path,
    held_out: Rows = (),
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
        data: rows to learn from: examples, a file or folder as `read_examples` takes it, or a
            sealed dataset, whose validation rows are held out where `held_out` gives none.
        out: folder of the run; `out/checkpoint` becomes the trained model, adapters merged.
        held_out: rows for evaluation alone; of a dataset its validation rows, or all where it has
            none.
        reference_cache: folder of reference log-probs, to share among runs; `out/reference` if
            None.
        progress: told what is under way ("reference log-probs", then "steps"), and how many of
            how many are done.
        on_metrics: given each row of metrics once it is written, as `training.trackers.track` is.

    Raises:
        MissingExtra: torch, transformers or peft is not installed.
        InputError: no data, or rows that are no examples or cannot be learnt from; names them.
        DatasetError: the dataset is a draft.
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
    from trueup.training.rows import held_out_rows, rows_for

    rows, aside = rows_for(method, data, "data")
    return run_method(
        method,
        model=model,
        data=rows,
        out=Path(out),
        held_out=held_out_rows(method, held_out) or aside,
        reference_cache=None if reference_cache is None else Path(reference_cache),
        progress=progress,
        on_metrics=on_metrics,
    )


_EXTRA = {"torch", "transformers", "peft", "safetensors"}
