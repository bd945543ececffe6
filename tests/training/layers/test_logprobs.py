from __future__ import annotations

import pytest
import torch

from trueup.training.layers.logprobs import token_logprobs


def make(n: int = 7, d: int = 5, v: int = 11, dtype: torch.dtype = torch.float64) -> tuple:
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(n, d, dtype=dtype, generator=generator, requires_grad=True)
    weight = torch.randn(v, d, dtype=dtype, generator=generator, requires_grad=True)
    return hidden, weight, torch.randint(0, v, (n,), generator=generator)


@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_gradcheck(chunk: int) -> None:
    hidden, weight, targets = make()
    assert torch.autograd.gradcheck(
        lambda h, w: token_logprobs(h, w, targets, chunk), (hidden, weight)
    )


@pytest.mark.parametrize("chunk", [2, 64])
def test_equals_full_logits(chunk: int) -> None:
    hidden, weight, targets = make(n=33, d=16, v=101)
    ours = token_logprobs(hidden, weight, targets, chunk)
    full = (hidden @ weight.T).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(ours, full, rtol=1e-12, atol=1e-12)


def test_a_frozen_head_gets_no_gradient() -> None:
    hidden, weight, targets = make()
    weight = weight.detach()
    token_logprobs(hidden, weight, targets).sum().backward()
    assert weight.grad is None
    assert hidden.grad is not None


def test_bf16_states_give_the_log_probs_of_a_float32_head() -> None:
    hidden, weight, targets = (x.detach() for x in make(n=20, d=64, v=500, dtype=torch.float32))
    low, head = hidden.bfloat16(), weight.bfloat16()
    exact = (low.float() @ head.float().T).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    found = token_logprobs(low, head, targets)
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() < 1e-4


def test_what_a_gpu_would_round_to_tf32_stays_near_float64() -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    hidden, weight, targets = (
        x.detach().to(device) for x in make(n=20, d=64, v=500, dtype=torch.float32)
    )
    exact = token_logprobs(hidden.double(), weight.double(), targets)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        found = token_logprobs(hidden, weight, targets)
    finally:
        torch.set_float32_matmul_precision(before)
    assert (found - exact).abs().max() < 1e-3


def test_a_probability_too_small_for_a_number_has_a_log() -> None:
    head = torch.tensor([[200.0], [0.0]])
    found = token_logprobs(torch.ones(1, 1), head, torch.tensor([1]))
    assert found.tolist() == [-200.0]


@pytest.mark.parametrize("learns", [False, True], ids=["frozen", "learning"])
def test_bf16_rounds_what_states_learn_and_no_log_prob(learns: bool) -> None:
    hidden, weight, targets = make(n=20, d=64, v=500, dtype=torch.float32)
    weight = weight.detach().requires_grad_(learns)
    leaves = [hidden, weight] if learns else [hidden]

    def run() -> tuple[torch.Tensor, ...]:
        out = token_logprobs(hidden, weight, targets, 8)
        return out, *torch.autograd.grad(out.square().sum(), leaves)

    exact, *slopes = run()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found, *rounded = run()
    finally:
        torch.set_float32_matmul_precision(before)
    assert (found - exact).abs().max() < 1e-4
    for one, other in zip(rounded, slopes, strict=True):
        assert (one - other).norm() < 0.01 * other.norm()


def test_full_logits_never_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                sizes.append(out.numel())
            return out

    hidden, weight, targets = make(n=64, d=4, v=1000)
    with Watch():
        token_logprobs(hidden, weight, targets, 8).sum().backward()
    assert max(sizes) == 8 * 1000


def test_no_targets_at_all() -> None:
    hidden, weight, _ = make(n=0)
    assert token_logprobs(hidden, weight, torch.empty(0, dtype=torch.long)).shape == (0,)
