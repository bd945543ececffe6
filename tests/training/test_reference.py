from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trueup.training import DPO, train
from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.reference import (
    kl_from_reference,
    pad_reference,
    reference_key,
    reference_logprobs,
)
from trueup.types import Example

GROUPS = [
    Group("a", (5, 6, 7), ((8, 9), (10,))),
    Group("b", (5, 6), ((11,), (12, 13, 14))),
    Group("c", (5, 6, 7), ((8, 9), (10,)), weight=3.0),
]


def compute(forward: Forward, folder: Path, groups: list[Group], key: str = "k") -> dict:
    calls: list[tuple[int, int]] = []
    known = reference_logprobs(
        forward,
        [groups],
        folder=folder,
        key=key,
        pass_tokens=6,
        progress=lambda done, total: calls.append((done, total)),
    )
    return {"known": known, "calls": calls}


def test_equals_the_forward_and_comes_back_from_disk(tiny: Any, tmp_path: Path) -> None:
    forward = Forward(tiny)
    first = compute(forward, tmp_path, GROUPS)
    assert first["calls"][-1] == (2, 2), "rows with the same tokens are computed once"
    outputs = forward(GROUPS)
    padded = pad_reference(first["known"], GROUPS, outputs.mask)
    torch.testing.assert_close(padded, outputs.logps.detach())
    again = compute(forward, tmp_path, GROUPS)
    assert again["calls"] == []
    for digest, row in first["known"].items():
        assert torch.equal(again["known"][digest], row)


def test_only_new_rows_are_computed(tiny: Any, tmp_path: Path) -> None:
    forward = Forward(tiny)
    compute(forward, tmp_path, GROUPS[:1])
    assert compute(forward, tmp_path, GROUPS)["calls"] == [(1, 1)]


def test_another_reference_has_its_own_cache(tiny: Any, tmp_path: Path) -> None:
    keys = {
        reference_key("m", "fp32"),
        reference_key("m", "bf16"),
        reference_key("n", "fp32"),
        reference_key("m", "fp32", "adapter"),
    }
    assert len(keys) == 4
    forward = Forward(tiny)
    compute(forward, tmp_path, GROUPS, key="one")
    assert compute(forward, tmp_path, GROUPS, key="two")["calls"] != []


def test_another_device_computes_its_own(
    tiny_model_dir: Path,
    examples: Callable[..., list[Example]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for device in ("this", "another"):
        monkeypatch.setattr("trueup.training._run.device_name", lambda _, name=device: name)
        result = train(
            DPO(lora_rank=4, max_steps=1),
            model=tiny_model_dir,
            data=examples(3, pairs=True),
            out=tmp_path / device,
            reference_cache=tmp_path / "cache",
        )
        first = json.loads(result.metrics_path.read_text().splitlines()[0])
        assert first["kl/reference"] == 0.0
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_the_model_is_left_as_it_was(tiny: Any, tmp_path: Path) -> None:
    tiny.train()
    known = compute(Forward(tiny), tmp_path, GROUPS)["known"]
    assert tiny.training
    assert not any(row.requires_grad for row in known.values())


@given(st.integers(0, 2**32 - 1))
def test_the_kl_of_what_the_reference_would_draw_is_the_divergence(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, 7, dtype=torch.float64, generator=generator)
    policy, reference = logits.log_softmax(-1)
    each = kl_from_reference(policy[:, None], reference[:, None])
    assert (each >= 0).all()
    divergence = (reference.exp() * (reference - policy)).sum()
    torch.testing.assert_close((reference.exp() * each).sum(), divergence)
    assert torch.equal(kl_from_reference(policy[None], policy[None]), torch.zeros(1).double())
