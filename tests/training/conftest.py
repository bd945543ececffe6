"""Models and rows small enough to compute everything a second way."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trueup.types import Example

WORDS = ("claim", "policy", "refund", "deductible", "covers", "flood", "fire", "theft", "first")


class Float64Norm(torch.nn.Module):
    """RMS norm in the precision of its input; transformers' own drops to float32 inside."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight, self.eps = norm.weight, norm.variance_epsilon

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)


@pytest.fixture
def tiny(tiny_model_dir: Path) -> Any:
    """The tiny Llama in float32."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model_dir, dtype=torch.float32)


@pytest.fixture
def tiny64(tiny: Any) -> Any:
    """The tiny Llama in float64 throughout."""
    model = tiny.double()
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child).__name__ == "LlamaRMSNorm":
                setattr(module, name, Float64Norm(child))
    return model


@pytest.fixture(scope="session")
def real_model(real_model_dir: Path) -> Any:
    """SmolLM2-135M-Instruct in float32; copy it before changing it."""
    from trueup.models import load_model

    return load_model(real_model_dir).model


@pytest.fixture(scope="session")
def examples() -> Callable[..., list[Example]]:
    def build(count: int, *, pairs: bool = False, seed: int = 0, words: int = 6) -> list[Example]:
        rng = random.Random(seed)

        def text(n: int) -> str:
            return " ".join(rng.choice(WORDS) for _ in range(n))

        return [
            Example(
                id=f"row{i}",
                messages=(
                    {"role": "system", "content": "You settle claims."},
                    {"role": "user", "content": text(3 + i % 3)},
                ),
                completions=tuple(f"{text(words)} {k}" for k in range(2 if pairs else 1)),
            )
            for i in range(count)
        ]

    return build
