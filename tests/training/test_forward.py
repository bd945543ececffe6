from __future__ import annotations

import copy
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trueup.models import load_model, reward_model
from trueup.training.config import DPO, IPO, ORPO, SFT, Method, SimPO
from trueup.training.forward import Forward, RewardForward
from trueup.training.groups import Group
from trueup.training.layers.lora import add_adapters
from trueup.training.objectives import objective_of
from trueup.training.packs import packed
from trueup.training.reference import pad_reference


def make_groups(count: int, completions: int, *, seed: int = 0, vocab: int = 250) -> list[Group]:
    """Groups of unequal lengths that share a system prefix; some share more."""
    rng = random.Random(seed)

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.randrange(3, vocab) for _ in range(rng.randint(low, high)))

    system, family = draw(9, 9), draw(5, 5)
    groups = []
    for i in range(count):
        prompt = system + (family if i % 2 else ()) + draw(2, 12)
        answers = tuple(draw(1, 9) for _ in range(completions))
        groups.append(Group(f"row{i}", prompt, answers, weight=1.0 + 0.5 * (i % 3)))
    return groups


def plain_logps(model: Any, groups: Sequence[Group]) -> list[Tensor]:
    """Per-token log-probs of every completion, each from a forward of its own over full logits."""
    found = []
    for group in groups:
        for completion in group.completions:
            ids = torch.tensor([[*group.prompt, *completion]])
            logits = model(input_ids=ids).logits[0, len(group.prompt) - 1 : -1]
            at = torch.tensor(completion)[:, None]
            found.append(logits.log_softmax(-1).gather(1, at)[:, 0])
    return found


def adapt(model: Any, rank: int | None) -> list[Tensor]:
    """Add adapters that already do something, or none; return what learns."""
    if rank is None:
        model.requires_grad_(True)
    else:
        add_adapters(model, rank=rank, alpha=2 * rank)
    learning = {n: p for n, p in model.named_parameters() if p.requires_grad}
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, p in learning.items():
            if "lora_B" in name:
                p.copy_(torch.randn(p.shape, generator=generator, dtype=p.dtype) * 0.05)
    return list(learning.values())


def fake_reference(groups: Sequence[Group], dtype: torch.dtype) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return {
        g.digest: -3 * torch.rand(sum(map(len, g.completions)), generator=generator, dtype=dtype)
        for g in groups
    }


def ours(
    model: Any, groups: list[Group], method: Method, ref: dict[str, Tensor], tokens: int
) -> Tensor:
    """The loss by the shared-prompt forward, in packs, denominators over all of them."""
    forward = Forward(model)
    assert forward.shared
    objective = objective_of(method)
    total = torch.zeros((), dtype=next(model.parameters()).dtype)
    packs = list(packed(groups, tokens=tokens))
    weights = torch.tensor([g.weight for g in groups])
    lengths = [len(c) for g in groups for c in g.completions]
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    over = objective.denominators(mask, weights, method)
    for pack in packs:
        outputs = forward(pack)
        if method.has_reference:
            outputs = replace(outputs, ref_logps=pad_reference(ref, pack, outputs.mask))
        for name, value in objective.sums(outputs, method).terms.items():
            total = total + value / over[name]
    forward.restore()
    return total


def plain_sft(model: Any, groups: list[Group]) -> Tensor:
    weights = torch.tensor([g.weight for g in groups])
    logps = plain_logps(model, groups)
    tokens = torch.tensor([len(x) for x in logps])
    return -sum(w * x.sum() for w, x in zip(weights, logps, strict=True)) / (weights * tokens).sum()


def plain_dpo(model: Any, groups: list[Group], method: DPO, ref: dict[str, Tensor]) -> Tensor:
    logps = plain_logps(model, groups)
    weights = [g.weight for g in groups]
    loss, nll, nll_tokens = 0.0, 0.0, 0.0
    for i, group in enumerate(groups):
        chosen, rejected = logps[2 * i], logps[2 * i + 1]
        r_chosen, r_rejected = ref[group.digest].split([len(chosen), len(rejected)])
        won, lost = chosen - r_chosen, rejected - r_rejected
        per = torch.mean if method.length_normalized else torch.sum
        h = method.beta * (per(won) - per(lost))
        loss = loss - weights[i] * torch.log(torch.sigmoid(h))
        nll = nll - weights[i] * chosen.sum()
        nll_tokens += weights[i] * len(chosen)
    return loss / sum(weights) + method.nll_weight * nll / nll_tokens


def plain_pairs(model: Any, groups: list[Group], method: Method, ref: dict[str, Tensor]) -> Tensor:
    """IPO, ORPO and SimPO as their papers write them, a pair at a time."""
    logps = plain_logps(model, groups)
    total, weights, nll, tokens = 0.0, 0.0, 0.0, 0.0
    for i, group in enumerate(groups):
        won, lost = logps[2 * i], logps[2 * i + 1]
        if isinstance(method, IPO):
            r_won, r_lost = ref[group.digest].split([len(won), len(lost)])
            h = (won - r_won).mean() - (lost - r_lost).mean()
            loss = (h - 1 / (2 * method.beta)) ** 2
        elif isinstance(method, SimPO):
            loss = -torch.log(
                torch.sigmoid(method.beta * (won.mean() - lost.mean()) - method.gamma)
            )
        else:
            assert isinstance(method, ORPO)
            p_won, p_lost = won.mean().exp(), lost.mean().exp()
            ratio = torch.log(p_won / (1 - p_won)) - torch.log(p_lost / (1 - p_lost))
            loss = -method.beta * torch.log(torch.sigmoid(ratio))
            nll, tokens = nll - group.weight * won.sum(), tokens + group.weight * len(won)
        total, weights = total + group.weight * loss, weights + group.weight
    return total / weights + (nll / tokens if tokens else 0.0)


def plain(model: Any, groups: list[Group], method: Method, ref: dict[str, Tensor]) -> Tensor:
    if isinstance(method, SFT):
        return plain_sft(model, groups)
    if isinstance(method, DPO):
        return plain_dpo(model, groups, method, ref)
    return plain_pairs(model, groups, method, ref)


def agreement(
    model: Any, groups: list[Group], method: Method, learning: list[Tensor], tokens: int
) -> tuple[float, float]:
    """Relative distance of loss and, by norm, of its gradient from the plain computation."""
    ref = fake_reference(groups, learning[0].dtype)
    mine = ours(model, groups, method, ref, tokens)
    mine_grads = torch.autograd.grad(mine, learning)
    theirs = plain(model, groups, method, ref)
    their_grads = torch.autograd.grad(theirs, learning)
    apart = sum(float((a - b).square().sum()) for a, b in zip(mine_grads, their_grads, strict=True))
    size = sum(float(b.square().sum()) for b in their_grads)
    off = (mine - theirs).detach().abs() / theirs.detach().abs()
    return float(off), math.sqrt(apart / size)


@pytest.mark.parametrize("rank", [None, 4], ids=["full", "lora"])
@pytest.mark.parametrize("tokens", [40, 10_000], ids=["packs", "one-pack"])
@pytest.mark.parametrize(
    "method",
    [
        SFT(),
        DPO(),
        DPO(nll_weight=0.5),
        DPO(beta=2, length_normalized=True),
        IPO(),
        ORPO(),
        SimPO(),
    ],
    ids=["sft", "dpo", "nll", "per-token", "ipo", "orpo", "simpo"],
)
def test_loss_and_gradient_equal_plain_rows_in_float64(
    tiny64: Any, method: Method, rank: int | None, tokens: int
) -> None:
    groups = make_groups(7, method.completions)
    loss, grad = agreement(tiny64, groups, method, adapt(tiny64, rank), tokens)
    assert loss < 1e-9
    assert grad < 1e-9


@pytest.mark.parametrize("rank", [None, 4], ids=["full", "lora"])
@pytest.mark.parametrize("method", [SFT(), DPO(), IPO(), ORPO(), SimPO()], ids=lambda m: m.name)
def test_loss_and_gradient_equal_plain_rows_in_float32(
    tiny: Any, method: Method, rank: int | None
) -> None:
    groups = make_groups(7, method.completions)
    loss, grad = agreement(tiny, groups, method, adapt(tiny, rank), 10_000)
    assert loss < 1e-5
    assert grad < 1e-4


@pytest.mark.real_model
@pytest.mark.parametrize("rank", [None, 16], ids=["full", "lora"])
def test_the_real_model_agrees_with_plain_rows(real_model: Any, rank: int | None) -> None:
    torch.manual_seed(0)  # adapters begin at random
    model = copy.deepcopy(real_model)
    learning = adapt(model, rank)
    # all methods with adapters; with all weights, which take long, one of each kind
    methods = (SFT(), DPO(nll_weight=0.2), *(() if rank is None else (IPO(), ORPO(), SimPO())))
    for method in methods:
        groups = make_groups(3, method.completions, vocab=49_000)
        loss, grad = agreement(model, groups, method, learning, 10_000)
        assert loss < 3e-5  # of 30 layers in float32; float64 above is exact
        assert grad < 1e-4


def test_tied_weights_learn_from_both_ends(tiny64: Any) -> None:
    learning = adapt(tiny64, None)
    embedding = tiny64.get_input_embeddings().weight
    assert embedding is tiny64.get_output_embeddings().weight
    loss = ours(tiny64, make_groups(3, 1), SFT(), {}, 1000)
    grads = dict(zip(map(id, learning), torch.autograd.grad(loss, learning), strict=True))
    assert bool((grads[id(embedding)] != 0).all())


def test_models_that_take_no_tree_run_plain_rows_and_say_so(tiny: Any) -> None:
    groups = make_groups(5, 2)
    sharing = Forward(tiny)
    shared = sharing(groups)
    sharing.restore()
    tiny.config.sliding_window = 8
    forward = Forward(tiny)
    tiny.config.sliding_window = None
    assert not forward.shared
    assert forward.note.endswith("prompts are not shared")
    plain = forward(groups)
    torch.testing.assert_close(plain.logps, shared.logps, rtol=1e-4, atol=1e-5)
    assert torch.equal(plain.mask, shared.mask)


def test_a_kernel_that_does_not_run_leaves_plain_rows(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = make_groups(5, 2)
    pieces = Forward(tiny)
    expected = pieces(groups)
    pieces.restore()
    # on a CPU the kernel has no backward, which the probe finds out
    monkeypatch.setattr("trueup.training.probe.takes_kernel", lambda device: True)
    forward = Forward(tiny)
    assert not forward.shared
    assert forward.note.startswith("FlexAttention does not run here (")
    assert forward.note.endswith("): prompts are not shared")
    assert "\n" not in forward.note
    torch.testing.assert_close(forward(groups).logps, expected.logps, rtol=1e-4, atol=1e-5)


def test_a_decoder_with_a_config_of_its_own_is_told_too(
    tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transformers 5.17 passes by a decoder whose config is of the same class as the model's."""
    model = reward_model(load_model(tiny_model_dir), ("reward",))
    assert model.config is not model.get_decoder().config

    def told_alone(self: Any, name: str) -> None:
        self.config._attn_implementation_internal = name

    monkeypatch.setattr(type(model), "set_attn_implementation", told_alone)
    forward = RewardForward(model)
    assert forward.shared, forward.note
    forward.restore()
    assert model.get_decoder().config._attn_implementation == "sdpa"


def test_the_attention_implementation_is_put_back(tiny: Any) -> None:
    before = tiny.config._attn_implementation
    forward = Forward(tiny)
    assert tiny.config._attn_implementation != before
    forward.restore()
    assert tiny.config._attn_implementation == before


def family(name: str) -> Any:
    """A small model of another family, with the dropout that it comes with."""
    import transformers

    kinds = {
        "gpt2": (transformers.GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 4}),
        "opt": (
            transformers.OPTConfig,
            {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 64},
        ),
        "bloom": (transformers.BloomConfig, {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    }
    kind, options = kinds[name]
    torch.manual_seed(0)
    config = kind(vocab_size=64, **options)
    return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)


@pytest.mark.parametrize("name", ["gpt2", "opt", "bloom"])
def test_other_families_train_without_dropout_as_plain_rows_say(name: str) -> None:
    model = family(name)
    pack = [Group("", (3, 5, 7, 11), ((13, 17, 19), (23, 29))), Group("", (3, 9), ((8,), (6, 4)))]
    model.eval()
    rows = [path for group in pack for path in group.paths]
    alone = [model(torch.tensor([row])).logits[0].log_softmax(-1) for row in rows]
    forward = Forward(model)
    assert forward.shared == (name != "bloom"), forward.note
    model.train()
    outputs = forward(pack)
    at = 0
    for group in pack:
        for completion in group.completions:
            start = len(group.prompt) - 1
            steps = torch.arange(start, start + len(completion))
            expected = alone[at][steps, torch.tensor(completion)]
            found = outputs.logps[at][outputs.mask[at]]
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
            at += 1
