from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import InputError, MissingExtra, TrainingError
from trueup.training import SFT, train
from trueup.training.trackers import track
from trueup.types import Example

ROWS = [
    {"step": 1, "loss": 2.0, "seconds": 1, "note": "words"},
    {"step": 1, "eval": True, "loss": 1.5},
    {"step": 2, "loss": 1.0, "seconds": 1},
]


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard")).Reload()
    return {
        name: [(event.step, event.value) for event in found.Scalars(name)]
        for name in found.Tags()["scalars"]
    }


def test_tensorboard_holds_what_is_sent_and_a_resumed_run_takes_back_what_it_does_again(
    tmp_path: Path,
) -> None:
    for rows in (ROWS, [{"step": 2, "loss": 0.5}, {"step": 3, "loss": 0.25}]):
        with track("tensorboard", folder=tmp_path, config={"lr": 0.1}) as log:
            for row in rows:
                log(row)
    found = scalars(tmp_path)
    assert found["train/loss"] == [(1, 2.0), (2, 0.5), (3, 0.25)]
    assert found["held_out/loss"] == [(1, 1.5)]
    assert "train/note" not in found


def test_mlflow_holds_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    with track("mlflow", folder=tmp_path / "run", config={"lr": 0.1}) as log:
        for row in ROWS:
            log(row)
    client = mlflow.MlflowClient()
    [run] = client.search_runs(["0"])
    assert run.info.run_name == "run"
    assert run.data.params == {"lr": "0.1"}
    assert [m.value for m in client.get_metric_history(run.info.run_id, "train/loss")] == [2.0, 1.0]


def test_wandb_holds_what_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with track("wandb", folder=tmp_path / "run", config={"lr": 0.1}) as log:
        for row in ROWS:
            log(row)
    [written] = (tmp_path / "run").rglob("*.wandb")
    # wandb's own process writes it, and on a busy machine is not done when `finish` returns
    until = time.monotonic() + 60
    while b"held_out/loss" not in written.read_bytes() and time.monotonic() < until:
        time.sleep(0.1)
    content = written.read_bytes()
    assert b"train/loss" in content
    assert b"held_out/loss" in content


def test_training_tells_every_row_that_it_writes(
    tiny_model_dir: Path, examples: Callable[..., list[Example]], tmp_path: Path
) -> None:
    import json

    told: list[Any] = []
    result = train(
        SFT(max_steps=2, precision="fp32", lora_rank=2, max_length=200, eval_every=1),
        model=tiny_model_dir,
        data=examples(16),
        held_out=examples(2, seed=1),
        out=tmp_path / "run",
        on_metrics=told.append,
    )
    lines = result.metrics_path.read_text().splitlines()
    assert told == [json.loads(line) for line in lines]
    assert [row["step"] for row in told] == [1, 1, 2, 2]


def test_trackers_that_are_not_there_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="no tracker comet; there are tensorboard"):
        track("comet", folder=tmp_path, config={}).__enter__()  # type: ignore[arg-type]
    import mlflow

    mlflow.set_tracking_uri("nothing://known")
    with pytest.raises(TrainingError, match=r"tracking by mlflow cannot begin \(.*\); set it up"):
        track("mlflow", folder=tmp_path, config={}).__enter__()
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtra, match="pip install wandb"):
        track("wandb", folder=tmp_path, config={}).__enter__()
