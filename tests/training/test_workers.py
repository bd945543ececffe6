"""Two processes over gloo compute what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from trueup.training import DPO, KTO, Method, Reward, train
from trueup.types import Example

Examples = Callable[..., list[Example]]

RUN = """
import json, os, sys
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
result = train(METHODS[name](**spec["method"]), model=spec["model"], data=data,
               held_out=data[:3], out=spec["out"])
# a line of two writers may be one: each process says its hash in a file of its own
with open(f"{spec['hash']}.{os.environ['RANK']}", "w") as file:
    file.write(result.content_hash)
"""


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "method",
    [
        DPO(lora_rank=4, keep="best", eval_every=2),
        KTO(lora_rank=None, batch_size=6),
        Reward(lora_rank=4, centering=0.1),
    ],
    ids=lambda method: method.name,
)
def test_two_processes_give_the_losses_of_one(
    method: Method, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    options = method.to_dict() | {"precision": "fp32", "lr": 1e-3, "pass_tokens": 80, "epochs": 2}
    name = options.pop("method")
    data = examples(9, pairs=True)
    alone = train(
        type(method)(**options),
        model=tiny_model_dir,
        data=data,
        held_out=data[:3],
        out=tmp_path / "one",
    )
    spec = tmp_path / "spec.json"
    spec.write_text(
        json.dumps(
            {
                "method": options | {"method": name},
                "model": str(tiny_model_dir),
                "data": [asdict(row) for row in data],
                "out": str(tmp_path / "two"),
                "hash": str(tmp_path / "hash"),
            }
        )
    )
    script = tmp_path / "run.py"
    script.write_text(RUN)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *launch, str(script), str(spec)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (rows(tmp_path / run / "metrics.jsonl") for run in ("one", "two"))
    assert len(one) == len(two)
    for mine, theirs in zip(one, two, strict=True):
        assert mine.keys() == theirs.keys()
        for key in ("loss", "grad_norm", "rewards/margin", "rewards/accuracy", "kl"):
            expected = pytest.approx(theirs.get(key, 0.0), rel=1e-4, abs=1e-6)
            assert mine.get(key, 0.0) == expected
    first, second = ((tmp_path / f"hash.{rank}").read_text() for rank in (0, 1))
    assert first == second
    weights = load_file(alone.checkpoint_path / "model.safetensors")
    for key, tensor in load_file(tmp_path / "two" / "checkpoint" / "model.safetensors").items():
        torch.testing.assert_close(tensor, weights[key], rtol=1e-3, atol=1e-5)
