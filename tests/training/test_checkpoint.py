from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from trueup.errors import InputError, LossNotFinite, TrainingError
from trueup.models import folder_hash
from trueup.training import DPO, SFT, TrainResult, train
from trueup.training._signals import told_to_end
from trueup.training.checkpoint import Progress, RunFolder, write_atomically
from trueup.training.config import Method
from trueup.training.states import States
from trueup.types import Example

Examples = Callable[..., list[Example]]
METHOD = DPO(batch_size=2, lora_rank=4, lr=5e-3, eval_every=3, save_every=2, keep="best")

RUN = """
import json, sys, time
from trueup.training import DPO, SFT, train
from trueup.types import Example
import torch
torch.set_num_threads(1)
spec = json.loads(sys.argv[1])
data = [Example(r["id"], tuple(r["messages"]), tuple(r["completions"])) for r in spec["data"]]
method = {"sft": SFT, "dpo": DPO}[spec["method"].pop("method")](**spec["method"])
def progress(what, done, total):
    if what == "steps":
        print(done, flush=True)
        time.sleep(0.05)
train(method, model=spec["model"], data=data, held_out=data[:2], out=spec["out"],
      progress=progress)
"""


def start(method: Method, model: Path, data: list[Example], out: Path) -> Any:
    spec = {
        "method": method.to_dict(),
        "model": str(model),
        "out": str(out),
        "data": [
            {"id": e.id, "messages": list(e.messages), "completions": e.completions} for e in data
        ],
    }
    return subprocess.Popen(
        [sys.executable, "-c", RUN, json.dumps(spec)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize(("rank", "kills"), [(4, (3, 6)), (None, (5,))], ids=["lora", "full"])
def test_a_killed_run_ends_with_the_same_bits(
    tiny_model_dir: Path,
    examples: Examples,
    tmp_path: Path,
    rank: int | None,
    kills: tuple[int, ...],
) -> None:
    method = replace(METHOD, lora_rank=rank, epochs=2)
    data = examples(8, pairs=True)
    for last_step in kills:
        process = start(method, tiny_model_dir, data, tmp_path / "killed")
        for line in process.stdout:
            if int(line) >= last_step:
                os.kill(process.pid, signal.SIGKILL)
                break
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
    steps: list[int] = []

    def count(what: str, done: int, _: int) -> None:
        if what == "steps":
            steps.append(done)

    inputs: dict[str, Any] = {"model": tiny_model_dir, "data": data, "held_out": data[:2]}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        resumed = train(
            method,
            out=tmp_path / "killed",
            progress=count,
            **inputs,
        )
        whole = train(method, out=tmp_path / "whole", **inputs)
    finally:
        torch.set_num_threads(threads)
    assert steps[0] > 1, "the last attempt started from the beginning"
    assert resumed.content_hash == whole.content_hash

    def history(result: TrainResult) -> list[dict[str, Any]]:
        lines = result.metrics_path.read_text().splitlines()
        return [json.loads(line) | {"seconds": 0, "memory": 0} for line in lines]

    assert history(resumed) == history(whole)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_run_that_is_told_to_end_saves_its_step_and_goes_on_to_the_same_bits(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path, dropout: float
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model_dir, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"attention_dropout": dropout}))
    method = SFT(lora_rank=4, lr=1e-2, batch_size=4, epochs=3, precision="fp32")
    data = examples(8)

    def run(name: str, every: int = 1000, **more: Any) -> TrainResult:
        saving = replace(method, save_every=every)
        return train(saving, model=model, data=data, out=tmp_path / name, **more)

    def end_it(what: str, done: int, _: int) -> None:
        if what == "steps" and done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        run("ended", progress=end_it)
    assert signal.getsignal(signal.SIGTERM) == before
    steps: list[int] = []
    # how often a run saves may change when it goes on
    gone_on = run("ended", every=2, progress=lambda what, done, _: steps.append(done))
    assert steps == [3, 4, 5, 6]
    assert gone_on.content_hash == run("whole").content_hash


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with told_to_end() as ending:
            os.kill(os.getpid(), signal.SIGINT)
            assert not ending()
            os.kill(os.getpid(), signal.SIGTERM)
            assert ending()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_step_is_saved_once_when_a_run_is_told_to_end(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second save would begin by removing the first, which is the only one."""
    steps: list[int] = []
    save = States.save

    def spy(states: States, step: int, *args: Any, **more: Any) -> None:
        steps.append(step)
        save(states, step, *args, **more)

    def end_it(what: str, done: int, _: int) -> None:
        if what == "steps" and done == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(States, "save", spy)
    method = SFT(lora_rank=4, batch_size=2, precision="fp32", save_every=1)
    with pytest.raises(KeyboardInterrupt):
        train(method, model=tiny_model_dir, data=examples(8), out=tmp_path / "run", progress=end_it)
    assert steps == [1, 2]


def test_a_finished_run_returns_at_once(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = examples(4, pairs=True)
    first = train(METHOD, model=tiny_model_dir, data=data, out=tmp_path / "run")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*") if p.is_file()}
    monkeypatch.setattr("trueup.training._run.load_model", None)
    assert train(METHOD, model=tiny_model_dir, data=data, out=tmp_path / "run") == first
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "run").rglob("*") if p.is_file()}
    assert not (tmp_path / "run" / "state").exists()


def test_a_result_follows_its_folder(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(2)
    train(SFT(lora_rank=2), model=tiny_model_dir, data=data, out=tmp_path / "run")
    (tmp_path / "run").rename(tmp_path / "moved")
    result = TrainResult.read(tmp_path / "moved" / "result.json")
    assert folder_hash(result.checkpoint_path) == result.content_hash
    assert result.metrics_path.exists()


@pytest.mark.parametrize("change", ["lr", "data", "held_out", "method"])
def test_other_inputs_are_refused_and_the_difference_named(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path, change: str
) -> None:
    data = examples(4, pairs=True)
    inputs: dict[str, Any] = {"data": data, "held_out": data[:1]}
    method: Method = SFT(lora_rank=2, batch_size=4)
    train(method, model=tiny_model_dir, out=tmp_path / "run", **inputs)
    if change == "lr":
        method = SFT(lora_rank=2, batch_size=4, lr=0.5)
    elif change == "method":
        method = DPO(lora_rank=2, batch_size=4)
    else:
        inputs[change] = data[:3]
    with pytest.raises(TrainingError, match=rf"holds another run \(.*{change} was .*, is .*folder"):
        train(method, model=tiny_model_dir, out=tmp_path / "run", **inputs)


def test_the_adapter_is_kept_if_asked_for(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    result = train(
        SFT(lora_rank=2, lr=1e-2, keep_adapter=True, precision="fp32"),
        model=tiny_model_dir,
        data=examples(4),
        out=tmp_path / "run",
    )
    base = AutoModelForCausalLM.from_pretrained(tiny_model_dir)
    merged = AutoModelForCausalLM.from_pretrained(result.checkpoint_path)
    ids = torch.arange(3, 30)[None]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing")
        adapted = PeftModel.from_pretrained(base, tmp_path / "run" / "adapter")
    torch.testing.assert_close(adapted(ids).logits, merged(ids).logits, rtol=1e-4, atol=1e-4)


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state"
    write_atomically(path, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_state_comes_back_exactly(tmp_path: Path) -> None:
    def fresh() -> tuple[dict[str, torch.Tensor], torch.optim.Optimizer]:
        weights = {"w": torch.nn.Parameter(torch.arange(6.0).view(2, 3))}
        return weights, torch.optim.AdamW(list(weights.values()), lr=0.1)

    def step(weights: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        (weights["w"] ** 3).sum().backward()
        optimizer.step()

    folder = RunFolder(tmp_path)
    weights, optimizer = fresh()
    step(weights, optimizer)
    folder.append_metrics([{"step": 1}])
    folder.save_state(Progress(step=1, tokens=7), weights, optimizer)
    step(weights, optimizer)
    folder.append_metrics([{"step": 2}])
    with folder.metrics.open("a") as file:
        file.write('{"step": 3, "lo')
    others, another = fresh()
    assert folder.load_state(others, another) == Progress(step=1, tokens=7)
    assert folder.read_metrics() == [{"step": 1}]
    step(others, another)
    assert torch.equal(weights["w"], others["w"])


@pytest.mark.parametrize(
    ("most", "rank"),
    [(2_000, 4), (150_000, 4), (30_000, None), (400_000, None)],
    ids=["state", "weights", "state of all weights", "late in it"],
)
def test_a_full_disk_is_one_line_and_the_run_goes_on_after_it(
    most: int, rank: int | None, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    """The system refuses to let a file grow, as it does on a disk that is full."""
    data = examples(8, pairs=True)
    method = replace(METHOD, save_every=1, lora_rank=rank)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(TrainingError, match=r"run: .*; what was saved last is kept"):
            train(method, model=tiny_model_dir, data=data, out=tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "run" / "checkpoint").exists()
    resumed = train(method, model=tiny_model_dir, data=data, out=tmp_path / "run")
    whole = train(method, model=tiny_model_dir, data=data, out=tmp_path / "whole")
    assert resumed.content_hash == whole.content_hash


def test_a_run_that_is_killed_while_it_saves_ends_with_the_same_bits(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    """A state is written beside the last one, which stays until it is whole."""
    method = replace(METHOD, lora_rank=None, save_every=1, epochs=16, eval_every=None, keep="last")
    data = examples(8, pairs=True)
    out = tmp_path / "killed"
    process = start(method, tiny_model_dir, data, out)
    try:
        while process.poll() is None:
            # not the first save, so that there is one before it
            if len(list(out.glob("state/*"))) > 1:
                os.kill(process.pid, signal.SIGKILL)
                break
    finally:
        process.stdout.close()
    assert process.wait() == -signal.SIGKILL, "the run ended before it was seen saving"
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        inputs: dict[str, Any] = {"model": tiny_model_dir, "data": data, "held_out": data[:2]}
        resumed = train(method, out=out, **inputs)
        whole = train(method, out=tmp_path / "whole", **inputs)
    finally:
        torch.set_num_threads(threads)
    assert resumed.content_hash == whole.content_hash
    assert not (out / "state").exists(), "what was left half written is still there"


def test_a_folder_of_something_else_is_left_alone(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    (out / "best").mkdir(parents=True)
    (out / "best" / "precious.txt").write_text("mine")
    with pytest.raises(TrainingError, match=r"mine holds best and no run.json .*another folder"):
        train(SFT(lora_rank=2), model=tiny_model_dir, data=examples(2), out=out)
    assert [path.name for path in out.rglob("*")] == ["best", "precious.txt"]


def test_one_process_at_a_time_trains_in_a_folder(tmp_path: Path) -> None:
    def claimed() -> Any:
        return RunFolder(tmp_path / "run").claim({"lr": 1})

    refused = pytest.raises(TrainingError, match="another process trains there; wait for it")
    with claimed(), refused, claimed():
        pass
    with claimed():
        pass


def test_another_template_or_configuration_is_another_run(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model_dir, model)
    method, data = DPO(lora_rank=2, precision="fp32"), examples(2, pairs=True)
    cache = tmp_path / "cache"
    train(method, model=model, data=data, out=tmp_path / "run", reference_cache=cache)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 0.1}))
    with pytest.raises(TrainingError, match=r"holds another run \(settings was"):
        train(method, model=model, data=data, out=tmp_path / "run")
    other = train(method, model=model, data=data, out=tmp_path / "other", reference_cache=cache)
    first = json.loads(other.metrics_path.read_text().splitlines()[0])
    assert first["loss"] == pytest.approx(0.693147, abs=1e-5)


def test_a_finished_run_without_its_checkpoint_says_so(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    def run() -> TrainResult:
        data = examples(2)
        return train(SFT(lora_rank=2), model=tiny_model_dir, data=data, out=tmp_path / "run")

    shutil.rmtree(run().checkpoint_path)
    with pytest.raises(TrainingError, match="its checkpoint/ is gone; remove the folder"):
        run()
    (tmp_path / "run" / "result.json").write_text("{}")
    with pytest.raises(TrainingError, match=r"result.json cannot be read .*remove .*run to train"):
        run()


def test_weights_that_are_not_finite_are_never_saved(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    method = SFT(lora_rank=2, lr=1e38, clip=None, warmup=0.0, max_steps=1, precision="fp32")
    with pytest.raises(LossNotFinite, match=r"step 1 .*; no state was saved; lower lr"):
        train(method, model=tiny_model_dir, data=examples(2), out=tmp_path / "run")
    assert not (tmp_path / "run" / "checkpoint").exists()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("nope.jsonl", "nope.jsonl: there is no such file"),
        ([{"prompt": "a"}], "data holds a dict where"),
    ],
)
def test_what_is_no_example_is_refused(
    tiny_model_dir: Path, tmp_path: Path, rows: Any, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        train(SFT(), model=tiny_model_dir, data=rows, out=tmp_path / "run")


def test_rows_may_come_from_an_iterator_or_a_file(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    method = SFT(lora_rank=2, batch_size=2)
    rows = (row for row in examples(4))
    assert train(method, model=tiny_model_dir, data=rows, out=tmp_path / "run").steps == 2
    file = tmp_path / "rows.jsonl"
    file.write_text('{"prompt": "one", "completion": "two"}\n' * 4)
    found = train(method, model=tiny_model_dir, data=file, held_out=file, out=tmp_path / "other")
    assert found.steps == 2
    assert found.best_metric is not None


def test_a_run_that_saved_nothing_leaves_its_folder_free(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    wild = SFT(lora_rank=2, batch_size=2, lr=1e30, warmup=0.0)
    inputs: dict[str, Any] = {"model": tiny_model_dir, "data": examples(6)}
    with pytest.raises(TrainingError, match="no state was saved"):
        train(wild, out=tmp_path / "run", **inputs)
    tame = replace(wild, lr=1e-4)
    result = train(tame, out=tmp_path / "run", **inputs)
    assert result == replace(
        train(tame, out=tmp_path / "other", **inputs),
        checkpoint_path=result.checkpoint_path,
        metrics_path=result.metrics_path,
        seconds=result.seconds,
    )
