"""Reward models from end to end on the tiny model."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from trueup.errors import InputError
from trueup.models import encode_completion, encode_prompt, load_model, reward_model
from trueup.training import Reward, train
from trueup.training.checkpoint import RunFolder
from trueup.training.forward import RewardForward
from trueup.training.groups import build_groups
from trueup.training.loop import Loop
from trueup.training.objectives.reward import first_worse, ranking_loss
from trueup.types import Example

Examples = Callable[..., list[Example]]
FAST: dict[str, Any] = {"precision": "fp32", "max_length": 200, "batch_size": 8}


def ranked(examples: Examples) -> list[Example]:
    """Pairs with margins, and rankings of three, one with a tie, on two heads."""
    rows = examples(6, pairs=True)
    out = []
    for i, row in enumerate(rows):
        head = ("quality", "safety")[i % 2]
        texts = (*row.completions, "refund flood") if i % 3 == 0 else row.completions
        margin = 0.0 if i % 3 == 0 else 0.5 * i
        ranks = (1, 2, 2) if i == 3 else ()
        out.append(replace(row, completions=texts, head=head, margin=margin, ranks=ranks))
        out[-1] = replace(out[-1], weight=1.0 + i % 2)
    return out


@pytest.mark.parametrize("tokens", [60, 4000], ids=["packs", "one-pack"])
@pytest.mark.parametrize("shared", [True, False], ids=["tree", "rows"])
def test_loss_and_gradient_equal_transformers_own_rewards(
    tokens: int, shared: bool, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    loaded = load_model(tiny_model_dir, device="cpu")
    torch.manual_seed(3)
    method = Reward(**FAST, heads=("quality", "safety"), centering=0.1, pass_tokens=tokens)
    model = reward_model(loaded, method.heads).requires_grad_(True)
    rows = ranked(examples)
    total: Any = 0.0
    for row in rows:
        prompt = encode_prompt(loaded.tokenizer, row.messages)
        ids = [[*prompt, *encode_completion(loaded.tokenizer, t)] for t in row.completions]
        one = [model(input_ids=torch.tensor([i])).logits[0] for i in ids]
        rewards = torch.stack(one)[:, method.heads.index(row.head)][None]
        worse = first_worse(torch.tensor([row.ranks or range(len(one))]))
        everything = torch.ones_like(rewards, dtype=torch.bool)
        loss = ranking_loss(rewards, everything, torch.tensor([row.margin]), worse)
        total = total + row.weight * (loss[0] + 0.1 * rewards.sum() ** 2)
    loss = total / sum(row.weight for row in rows)
    loss.backward()
    expected = {n: p.grad.clone() for n, p in model.named_parameters()}
    model.zero_grad()
    groups = build_groups(rows, loaded.tokenizer, method, max_length=200)
    forward = RewardForward(model)
    assert forward.shared
    if not shared:
        forward.restore()
        forward.shared = False
    weights = dict(model.named_parameters())
    loop = Loop(method, forward, weights, groups, (), None, RunFolder(tmp_path), nullcontext)
    found = loop._pass(groups, learn=True)
    assert found["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
    for name, p in weights.items():
        torch.testing.assert_close(p.grad, expected[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("rank", [4, None], ids=["lora", "full"])
def test_two_heads_learn_opposite_orders_of_the_same_answers(
    rank: int | None, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    """What one head cannot: quality likes the answers that safety does not."""
    rows = examples(8, pairs=True)
    data = [replace(row, head="quality") for row in rows]
    data += [
        replace(row, id=f"{row.id}s", head="safety", completions=row.completions[::-1])
        for row in rows
    ]
    method = Reward(**FAST, heads=("quality", "safety"), lora_rank=rank, lr=1e-2, epochs=10)
    result = train(method, model=tiny_model_dir, data=data, held_out=data, out=tmp_path / "two")
    metrics = [json.loads(line) for line in result.metrics_path.read_text().splitlines()]
    last = next(row for row in reversed(metrics) if row.get("eval"))
    assert last["rewards/accuracy_quality"] > 0.9
    assert last["rewards/accuracy_safety"] > 0.9
    mixed = [replace(row, head="") for row in data]
    one = replace(method, heads=())
    result = train(one, model=tiny_model_dir, data=mixed, held_out=mixed, out=tmp_path / "one")
    metrics = [json.loads(line) for line in result.metrics_path.read_text().splitlines()]
    assert next(r for r in reversed(metrics) if r.get("eval"))["rewards/accuracy"] <= 0.5


def test_rows_that_a_reward_model_cannot_use_are_named(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    row, other = examples(2, pairs=True)
    method = Reward(**FAST, heads=("quality", "safety"))

    def refused(bad: Example, message: str) -> None:
        data = [replace(other, head="safety"), bad]
        with pytest.raises(InputError, match=message):
            train(method, model=tiny_model_dir, data=data, out=tmp_path / "run")

    refused(replace(row, head="tone"), r"a head that is none of quality, safety \(row0\)")
    many = replace(row, head="safety", completions=(*row.completions, "c"), margin=1.0)
    refused(many, r"a margin on a ranking of more than two \(row0\)")
    refused(replace(row, completions=("a",), head="safety"), r"fewer than 2 completions \(row0\)")
    refused(replace(row, messages=()), r"no prompt \(row0\)")
