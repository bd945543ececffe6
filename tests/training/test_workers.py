"""Two processes over gloo compute what one does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from trueup.errors import TrainingError
from trueup.training import DPO, KTO, SFT, Method, Reward, train
from trueup.training.workers import Workers
from trueup.types import Example

Examples = Callable[..., list[Example]]

RUN = """
import atexit, json, os, signal, sys
from pathlib import Path
from trueup.training import METHODS, train
from trueup.types import Example
import torch
torch.set_num_threads(1)
spec = json.load(open(sys.argv[1]))
spec["method"]["heads"] = tuple(spec["method"].get("heads", ()))
name = spec["method"].pop("method")
if name != "reward":
    del spec["method"]["heads"]
data = [Example(**row) for row in spec["data"]]
def tell_threads():
    names = [(task / "comm").read_text() for task in Path("/proc/self/task").iterdir()]
    Path(f"{spec['hash']}.threads.{os.environ['RANK']}").write_text("".join(names))
atexit.register(tell_threads)  # what is registered later runs before it
def end_at(what, done, total):
    if what == "steps" and done == spec["fail"]:
        raise ValueError("its own")
    if what == "steps" and done == spec["until"]:
        os.kill(os.getpid(), signal.SIGTERM)
result = train(METHODS[name](**spec["method"]), model=spec["model"], data=data,
               held_out=data[:3], out=spec["out"], progress=end_at)
# a line of two writers may be one: each process says its hash in a file of its own
with open(f"{spec['hash']}.{os.environ['RANK']}", "w") as file:
    file.write(result.content_hash)
"""


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def launch(
    folder: Path,
    method: Method,
    model: Path,
    data: list[Example],
    *,
    until: int = -1,
    fail: int = -1,
) -> subprocess.CompletedProcess[str]:
    """Train in two processes, out to `folder`/two; the first one may end the run early, or fail."""
    spec = folder / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "method": method.to_dict(),
                "model": str(model),
                "data": [asdict(row) for row in data],
                "out": str(folder / "two"),
                "hash": str(folder / "hash"),
                "until": until,
                "fail": fail,
            }
        )
    )
    script = folder / "run.py"
    script.write_text(RUN)
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [sys.executable, *command, str(script), str(spec)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def assert_same(one: Path, two: Path) -> None:
    """See that two runs gave the same metrics and weights but for the order of sums."""
    ours, theirs = (rows(run / "metrics.jsonl") for run in (one, two))
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys()
        for key in ("loss", "grad_norm", "rewards/margin", "rewards/accuracy", "kl"):
            assert mine.get(key, 0.0) == pytest.approx(other.get(key, 0.0), rel=1e-4, abs=1e-6)
    weights = load_file(one / "checkpoint" / "model.safetensors")
    for key, tensor in load_file(two / "checkpoint" / "model.safetensors").items():
        torch.testing.assert_close(tensor, weights[key], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    "method",
    [
        DPO(lora_rank=4, keep="best", eval_every=2),
        KTO(lora_rank=None, batch_size=6, keep="best", eval_every=2),
        Reward(lora_rank=4, qlora=True, centering=0.1),
    ],
    ids=lambda method: method.name,
)
def test_two_processes_give_the_losses_of_one(
    method: Method, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    method = replace(method, precision="fp32", lr=1e-3, pass_tokens=80, epochs=2)
    data = examples(9, pairs=True)
    train(method, model=tiny_model_dir, data=data, held_out=data[:3], out=tmp_path / "one")
    done = launch(tmp_path, method, tiny_model_dir, data)
    assert done.returncode == 0, done.stderr[:3000] + done.stderr[-2000:]
    first, second = ((tmp_path / f"hash.{rank}").read_text() for rank in (0, 1))
    assert first == second
    for rank in (0, 1):  # a thread that outlives Python may abort the process
        threads = (tmp_path / f"hash.threads.{rank}").read_text()
        assert threads
        assert "gloo" not in threads
    assert_same(tmp_path / "one", tmp_path / "two")


def test_one_process_ends_what_two_began(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    method = SFT(lora_rank=None, lr=1e-3, precision="fp32", pass_tokens=80, batch_size=4, epochs=3)
    data = examples(8)
    run: dict[str, Any] = {"model": tiny_model_dir, "data": data, "held_out": data[:3]}
    done = launch(tmp_path, method, tiny_model_dir, data, until=4)
    assert "KeyboardInterrupt" in done.stderr
    assert {path.name for path in (tmp_path / "two" / "state").iterdir()} == {"4"}
    steps: list[int] = []

    def count(what: str, done: int, _: int) -> None:
        steps.append(done)

    train(method, out=tmp_path / "two", progress=count, **run)
    assert steps == [5, 6]
    train(method, out=tmp_path / "one", **run)
    assert_same(tmp_path / "one", tmp_path / "two")


def test_an_error_of_one_process_ends_both_and_keeps_the_state(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    model = tmp_path / "windowed"
    shutil.copytree(tiny_model_dir, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"sliding_window": 64}))
    method = SFT(lora_rank=4, precision="fp32", batch_size=4, epochs=3, save_every=2)
    done = launch(tmp_path, method, model, examples(8), fail=3)
    assert done.stderr.count("prompts are not shared") == 1, "one process says so for all"
    assert done.returncode == 1
    assert "ValueError: its own" in done.stderr
    assert "terminate called" not in done.stderr
    assert {path.name for path in (tmp_path / "two" / "state").iterdir()} == {"2"}
    assert not list(tmp_path.glob("hash.?"))


@given(st.integers(1, 40), st.integers(1, 8))
def test_every_part_is_somebodys_and_all_get_as_many(parts: int, size: int) -> None:
    shares = [Workers(rank, size).share(range(parts)) for rank in range(size)]
    assert len({len(share) for share in shares}) == 1
    assert sorted(part for share in shares for part, own in share if own) == list(range(parts))


def test_a_world_without_torchrun_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(TrainingError, match="start them by torchrun, or unset WORLD_SIZE"):
        Workers.join()


def test_more_processes_than_gpus_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(TrainingError, match=r"3 processes of this machine .* there are 2 GPUs;"):
        Workers.join()
