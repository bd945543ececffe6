from __future__ import annotations

import itertools
import json
import math
import random
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trueup.errors import InputError, LossNotFinite, TrainingError
from trueup.training import CPT, DPO, IPO, KTO, ORPO, SFT, Reward, SimPO, train
from trueup.training.checkpoint import RunFolder
from trueup.training.config import Method
from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.loop import Loop, learning_rate
from trueup.training.unpaired import mismatched
from trueup.types import Example

Examples = Callable[..., list[Example]]
FAST = {"batch_size": 4, "precision": "fp32", "lora_rank": 4, "max_length": 200}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_the_learning_rate_rises_then_falls(schedule: Any) -> None:
    method = SFT(lr=1.0, warmup=0.2, schedule=schedule)
    rates = [learning_rate(method, step, 20) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == pytest.approx(1.0)
    if schedule == "constant":
        assert set(rates[4:]) == {1.0}
    else:
        assert all(a > b for a, b in itertools.pairwise(rates[4:]))
        assert 0 < rates[-1] < 0.1
        assert learning_rate(method, 20, 20) == pytest.approx(0)


def test_a_cosine_is_half_way_down_in_the_middle() -> None:
    assert learning_rate(SFT(lr=1.0, warmup=0.0), 5, 10) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "method",
    [
        SFT(**FAST),
        DPO(**FAST, nll_weight=0.3),
        IPO(**FAST),
        KTO(**FAST),
        ORPO(**FAST),
        SimPO(**FAST),
        Reward(**FAST, centering=0.1),
    ],
    ids=lambda method: method.name,
)
def test_packing_changes_neither_loss_nor_gradient(
    method: Method, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(8, pairs=True)
    data = [replace(row, weight=1.0 + i) for i, row in enumerate(data)]
    histories = []
    for tokens in (60, 4000):
        result = train(
            replace(method, pass_tokens=tokens),
            model=tiny_model_dir,
            data=data,
            out=tmp_path / str(tokens),
        )
        histories.append(rows(result.metrics_path))
    for one, other in zip(*histories, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-5)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-4)


@pytest.mark.parametrize("tokens", [60, 4000], ids=["packs", "one-pack"])
def test_kto_and_its_z_equal_plain_rows_in_float64(
    tokens: int, tiny64: Any, tmp_path: Path
) -> None:
    """z is over the whole batch whatever the packs, and has no gradient."""
    rng = random.Random(3)
    draw = lambda low, high: tuple(  # noqa: E731
        rng.randrange(3, 250) for _ in range(rng.randint(low, high))
    )
    groups = [
        Group(f"r{i}", draw(4, 9), (draw(2, 9),), 1.0 + i % 2, desirable=i % 3 > 0)
        for i in range(5)
    ]
    method = KTO(beta=0.03, batch_size=5, undesirable_weight=1.5, pass_tokens=tokens)
    # the reference likes nothing, so that z is not clamped away
    reference = {
        g.digest: torch.full((len(g.completions[0]),), -9.0, dtype=torch.float64)
        for g in (*groups, *mismatched(groups, method.max_length))
    }
    learning = dict(tiny64.named_parameters())
    loop = Loop(
        method, Forward(tiny64), learning, groups, (), reference, RunFolder(tmp_path), nullcontext
    )
    found = loop._pass(groups, learn=True)
    loop.forward.restore()
    mine = [p.grad.clone() for p in learning.values()]
    tiny64.zero_grad()

    def ratio(group: Group) -> Tensor:
        (completion,) = group.completions
        logits = tiny64(input_ids=torch.tensor([[*group.prompt, *completion]])).logits[0]
        at = torch.tensor(completion)[:, None]
        logps = logits[len(group.prompt) - 1 : -1].log_softmax(-1).gather(1, at)[:, 0]
        return logps.sum() + 9.0 * len(completion)

    with torch.no_grad():
        z = torch.stack([ratio(row) for row in mismatched(groups, method.max_length)]).mean()
    assert z > 1
    losses = [
        1 - torch.sigmoid(0.03 * (ratio(g) - z))
        if g.desirable
        else 1.5 * (1 - torch.sigmoid(0.03 * (z - ratio(g))))
        for g in groups
    ]
    weights = [g.weight for g in groups]
    loss = sum(w * x for w, x in zip(weights, losses, strict=True)) / sum(weights)
    loss.backward()
    assert found["loss"] == pytest.approx(float(loss.detach()), rel=1e-9)
    assert found["kl"] == pytest.approx(float(z), rel=1e-9)
    for one, p in zip(mine, learning.values(), strict=True):
        torch.testing.assert_close(one, p.grad, rtol=1e-8, atol=1e-12)


def test_training_lowers_the_loss_and_saves_a_model_that_plain_transformers_loads(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    data = examples(8)
    result = train(
        SFT(**FAST, lr=1e-2, epochs=15, eval_every=10),
        model=tiny_model_dir,
        data=data,
        held_out=data,
        out=tmp_path / "run",
    )
    history = rows(result.metrics_path)
    steps = [row for row in history if "eval" not in row]
    assert [row["step"] for row in steps] == list(range(1, 31)) == list(range(1, result.steps + 1))
    assert {"loss", "seconds", "tokens", "lr", "grad_norm", "truncated"} <= set(steps[0])
    assert steps[-1]["loss"] < 0.6 * steps[0]["loss"]
    evals = [row for row in history if row.get("eval")]
    assert [row["step"] for row in evals] == [10, 20, 30]
    assert result.best_metric == min(row["loss"] for row in evals)
    assert sum(row["tokens"] for row in steps) == result.tokens
    model, info = AutoModelForCausalLM.from_pretrained(
        result.checkpoint_path, output_loading_info=True
    )
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    start = AutoModelForCausalLM.from_pretrained(tiny_model_dir)
    ids = torch.arange(5, 25)[None]
    assert not torch.allclose(model(ids).logits, start(ids).logits, atol=1e-2)


def test_the_saved_model_has_the_loss_of_the_last_evaluation(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(8)
    first = train(
        SFT(**FAST, lr=1e-2),
        model=tiny_model_dir,
        data=data,
        held_out=data,
        out=tmp_path / "a",
    )
    again = train(
        SFT(**FAST, lr=0.0, max_steps=1),
        model=first.checkpoint_path,
        data=data,
        held_out=data,
        out=tmp_path / "b",
    )
    assert again.best_metric == pytest.approx(rows(first.metrics_path)[-1]["loss"], rel=1e-4)


@pytest.mark.parametrize("rank", [4, None])
def test_keep_best_returns_to_the_lowest_held_out_loss(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path, rank: int | None
) -> None:
    train_rows = examples(8)
    # Digits are in no training row, so learning those makes the held-out loss rise.
    held_out = [replace(row, completions=("0123456789",)) for row in examples(4, seed=2)]
    method = SFT(**FAST | {"lora_rank": rank}, lr=0.05, epochs=4, eval_every=1, keep="best")
    best = train(
        method, model=tiny_model_dir, data=train_rows, held_out=held_out, out=tmp_path / "best"
    )
    evals = [row["loss"] for row in rows(best.metrics_path) if row.get("eval")]
    assert min(evals) < evals[-1]
    check = train(
        SFT(**FAST, lr=0.0, max_steps=1),
        model=best.checkpoint_path,
        data=train_rows,
        held_out=held_out,
        out=tmp_path / "check",
    )
    assert check.best_metric == pytest.approx(best.best_metric, rel=1e-4)


@pytest.mark.parametrize("method", [DPO, KTO, IPO])
def test_a_policy_that_has_not_moved_is_at_no_distance_from_its_reference(
    method: type[Method], tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    """To the last bit: each row's reference is computed in the pack that it is trained in."""
    data = [row for words in (3, 9, 17) for row in examples(5, pairs=True, seed=words, words=words)]
    fixed = {"lr": 0.0, "lora_rank": 4, "precision": "auto", "pass_tokens": 200}
    result = train(
        method(**fixed, batch_size=4),
        model=tiny_model_dir,
        data=data,
        held_out=examples(5, pairs=True, seed=1),
        out=tmp_path / "run",
    )
    told = rows(result.metrics_path)
    assert [row["kl/reference"] for row in told] == [0.0] * len(told)


def test_a_held_out_loss_that_is_no_number_is_never_the_best(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([math.nan, 2.0, 3.0])
    monkeypatch.setattr(Loop, "evaluate", lambda *_: {"loss": next(losses)})
    result = train(
        SFT(**FAST | {"batch_size": 2}, eval_every=1, keep="best"),
        model=tiny_model_dir,
        data=examples(6),
        held_out=examples(2),
        out=tmp_path / "run",
    )
    assert result.best_metric == 2.0


def test_dpo_widens_the_margin_and_reports_it(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(8, pairs=True)
    result = train(
        DPO(**FAST, lr=5e-3, epochs=10),
        model=tiny_model_dir,
        data=data,
        held_out=data,
        out=tmp_path / "run",
    )
    history = rows(result.metrics_path)
    assert history[0]["loss"] == pytest.approx(0.6931, abs=1e-3)
    assert history[0]["rewards/margin"] == pytest.approx(0, abs=1e-3)
    last = history[-1]
    assert last["eval"]
    assert last["rewards/accuracy"] == 1.0
    assert last["rewards/margin"] > 0.5
    assert last["loss"] < 0.5
    assert last["logps/chosen"] > last["logps/rejected"]
    assert (
        abs(history[0]["kl/reference"])
        < 1e-6
        < history[-2]["kl/reference"]
        < last["kl/reference"] * 100
    )


def test_a_falling_chosen_log_prob_is_called_out(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(4, pairs=True)
    # Once the chosen answers are all but certain, a coarse preference stage can only lower them.
    certain = train(
        SFT(**FAST, lr=2e-2, epochs=40), model=tiny_model_dir, data=data, out=tmp_path / "sft"
    )
    result = train(
        DPO(**FAST, lr=2e-2, epochs=12, beta=1.0),
        model=certain.checkpoint_path,
        data=data,
        out=tmp_path / "run",
    )
    assert rows(result.metrics_path)[-1]["logps/chosen_change"] < -0.1
    assert any("became less likely" in warning for warning in result.warnings)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_state(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(8)
    method = SFT(**FAST | {"lora_rank": None}, lr=1e30, clip=None, warmup=0.0, save_every=1)
    with pytest.raises(LossNotFinite, match=r"step 2: loss \S+, .* rows row\d, .*state/1"):
        train(method, model=tiny_model_dir, data=data, out=tmp_path / "run")
    assert [found.name for found in (tmp_path / "run" / "state").iterdir()] == ["1"]
    assert not (tmp_path / "run" / "checkpoint").exists()


def test_truncation_is_counted(tiny_model_dir: Path, examples: Examples, tmp_path: Path) -> None:
    data = examples(4, words=30)
    result = train(
        SFT(**FAST | {"max_length": 130}), model=tiny_model_dir, data=data, out=tmp_path / "run"
    )
    assert result.truncated == 4
    assert sum(row["truncated"] for row in rows(result.metrics_path)) == 4


def test_no_rows_is_an_error(tiny_model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        train(SFT(), model=tiny_model_dir, data=[], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("method", [DPO(), KTO(), CPT(), Reward()])
def test_rows_are_refused_before_a_model_is_looked_for(method: Method, tmp_path: Path) -> None:
    bad = Example("bad", ({"role": "user", "content": "?"},), ("same", "same"))
    with pytest.raises(InputError, match=r"1 of 1 rows have .*\(bad\)"):
        train(method, model="no/such-model", data=[bad], out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_progress_counts_steps(tiny_model_dir: Path, examples: Examples, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    train(
        DPO(**FAST),
        model=tiny_model_dir,
        data=examples(8, pairs=True),
        out=tmp_path / "run",
        progress=lambda what, done, total: calls.append((what, done, total)),
    )
    before = [call for call in calls if call[0] == "reference log-probs"]
    assert before == calls[: len(before)]
    assert before[-1][1:] == (8, 8)
    assert calls[len(before) :] == [("steps", 1, 2), ("steps", 2, 2)]


def test_the_callers_random_numbers_are_untouched(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    train(SFT(**FAST), model=tiny_model_dir, data=examples(4), out=tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.real_model
def test_the_real_model_learns_a_preference_in_bf16_where_it_can(tmp_path: Path) -> None:
    def row(i: int, *completions: str) -> Example:
        return Example(f"r{i}", ({"role": "user", "content": f"Claim {i}?"},), completions)

    data = [row(i, "Let me look that up.", "I refuse.") for i in range(4)]
    result = train(
        DPO(batch_size=4, lr=2e-4, epochs=4, warmup=0.0, schedule="constant"),
        model="smollm2-135m",
        data=data,
        held_out=data,
        out=tmp_path / "run",
    )
    last = rows(result.metrics_path)[-1]
    assert last["rewards/accuracy"] == 1.0
    assert last["loss"] < 0.6


@pytest.mark.parametrize("rank", [4, None], ids=["lora", "full"])
def test_running_layers_again_changes_no_gradient(
    rank: int | None, tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    histories = []
    for again in (False, True):
        method = DPO(**FAST | {"lora_rank": rank}, activation_checkpointing=again)
        out = tmp_path / str(again)
        result = train(method, model=tiny_model_dir, data=examples(8, pairs=True), out=out)
        histories.append(rows(result.metrics_path))
    for one, other in zip(*histories, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-6)
        assert one["grad_norm"] == pytest.approx(other["grad_norm"], rel=1e-5)


def test_adapters_learn_on_weights_in_four_bits_and_are_merged_into_those(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    def run(name: str, **options: Any) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
        method = DPO(**FAST, qlora=True, **options)
        data = examples(8, pairs=True)
        result = train(method, model=tiny_model_dir, data=data, out=tmp_path / name)
        return rows(result.metrics_path), load_file(result.checkpoint_path / "model.safetensors")

    history, _ = run("learned", lr=1e-2, epochs=10)
    assert history[0]["loss"] == pytest.approx(math.log(2), rel=1e-5)
    assert history[-1]["loss"] < 0.4
    _, rounded = run("still", lr=0.0)
    before = load_file(tiny_model_dir / "model.safetensors")
    for name, weight in before.items():
        apart = float((rounded[name] - weight).norm() / weight.norm())
        linear = "_proj" in name
        assert (0.05 < apart < 0.15) if linear else apart == 0, name
    with pytest.raises(
        InputError, match="qlora is True; it must be false with full weights or dora"
    ):
        DPO(qlora=True, dora=True)


def test_without_bitsandbytes_qlora_says_what_to_install(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trueup.training.layers.lora import add_adapters

    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(TrainingError, match=r"pip install 'trueup\[qlora\]'"):
        add_adapters(tiny, rank=2, alpha=4, qlora=True)


def test_dora_learns_sizes_too_and_is_merged(
    tiny_model_dir: Path, examples: Examples, tmp_path: Path
) -> None:
    data = examples(8, pairs=True)
    method = DPO(**FAST, dora=True, lr=1e-2, epochs=10, keep_adapter=True)
    result = train(method, model=tiny_model_dir, data=data, out=tmp_path / "run")
    history = rows(result.metrics_path)
    assert history[0]["loss"] == pytest.approx(math.log(2), rel=1e-5)
    assert history[-1]["loss"] < 0.4
    from safetensors.torch import load_file

    adapter = load_file(tmp_path / "run" / "adapter" / "adapter_model.safetensors")
    assert any("lora_magnitude_vector" in name for name in adapter)
    with pytest.raises(InputError, match="dora is True; it must be false with full weights"):
        DPO(dora=True, lora_rank=None)
