"""Metrics to TensorBoard, Weights & Biases or MLflow, where they are installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from trueup.errors import InputError, MissingExtra, TrainingError

__all__ = ["TRACKERS", "Log", "Progress", "Tracker", "track"]

Tracker = Literal["tensorboard", "wandb", "mlflow"]
TRACKERS: tuple[Tracker, ...] = get_args(Tracker)
Log = Callable[[Mapping[str, Any]], None]
"""Takes a row of metrics as `metrics.jsonl` has it."""
Progress = Callable[[str, int, int], None]
"""Told what is under way, how much of it is done, and of how much."""


@contextmanager
def track(*names: Tracker, folder: str | Path, config: Mapping[str, Any]) -> Iterator[Log]:
    """Send the metrics of a run to trackers: hand what this gives to `train` as `on_metrics`.

    A run that goes on where it was stopped goes on in TensorBoard and Weights & Biases too; MLflow
    begins another run. Where each sends to is for its own environment variables to say.

    Args:
        names: which; none sends nowhere.
        folder: of the run; TensorBoard's events go to its tensorboard/.
        config: what the run was told, shown beside it.

    Raises:
        InputError: an unknown tracker.
        MissingExtra: one is not installed.
        TrainingError: one cannot be begun.
    """
    unknown = [name for name in names if name not in TRACKERS]
    if unknown:
        raise InputError(f"no tracker {', '.join(unknown)}; there are {', '.join(TRACKERS)}")
    with ExitStack() as stack:
        logs = []
        for name in names:
            try:
                logs.append(stack.enter_context(_MAKERS[name](Path(folder), config)))
            except ModuleNotFoundError as error:
                raise MissingExtra(f"tracking by {name} needs it: pip install {name}") from error
            except Exception as error:  # each raises errors of its own: no key, no network
                told = " ".join(str(error).split())[:200]
                raise TrainingError(
                    f"tracking by {name} cannot begin ({told}); set it up, or leave it out"
                ) from error

        def log(row: Mapping[str, Any]) -> None:
            where = "held_out" if row.get("eval") else "train"
            values = {
                f"{where}/{key}": float(value)
                for key, value in row.items()
                if key != "step" and isinstance(value, int | float) and not isinstance(value, bool)
            }
            for one in logs:
                one(int(row["step"]), values)

        yield log


_Send = Callable[[int, Mapping[str, float]], None]


@contextmanager
def _tensorboard(folder: Path, config: Mapping[str, Any]) -> Iterator[_Send]:
    from torch.utils.tensorboard import SummaryWriter

    writers: list[SummaryWriter] = []

    def send(step: int, values: Mapping[str, float]) -> None:
        if not writers:
            # what a run that was killed wrote of steps that are done again is taken back
            path = str(folder / "tensorboard")
            writers.append(SummaryWriter(path, purge_step=step))
            table = "\n".join(f"    {key} = {value}" for key, value in config.items())
            writers[0].add_text("config", table)
        for name, value in values.items():
            writers[0].add_scalar(name, value, step)

    try:
        yield send
    finally:
        for writer in writers:
            writer.close()


@contextmanager
def _wandb(folder: Path, config: Mapping[str, Any]) -> Iterator[_Send]:
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        dir=folder,
        name=folder.name,
        id=sha256(str(folder.resolve()).encode()).hexdigest()[:16],
        resume="allow",
        config=dict(config),
    )
    try:
        yield lambda step, values: run.log(dict(values), step=step)
    finally:
        run.finish()


@contextmanager
def _mlflow(folder: Path, config: Mapping[str, Any]) -> Iterator[_Send]:
    import mlflow

    with mlflow.start_run(run_name=folder.name):
        mlflow.log_params(dict(config))
        yield lambda step, values: mlflow.log_metrics(dict(values), step=step)


_MAKERS: Mapping[str, Callable[[Path, Mapping[str, Any]], Any]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
