"""Choose the next token of each row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["choose", "uniforms"]

_HEAD = 256


def uniforms(seed: int, prompt: Sequence[int], index: int, count: int) -> NDArray[np.float64]:
    """Return the `count` random numbers in [0, 1) that decide one answer, one a token.

    They follow from the seed, the prompt's tokens and the answer's index alone, so an answer does
    not depend on what else was sampled in the same call, nor on the order.
    """
    key = f"{seed}:{index}:{','.join(map(str, prompt))}"
    entropy = int.from_bytes(hashlib.sha256(key.encode()).digest(), "big")
    return np.random.default_rng(entropy).random(count)


def choose(logits: Tensor, *, temperature: float, top_p: float, draws: Tensor) -> Tensor:
    """Return the next token of each row.

    Args:
        logits: (B, V).
        temperature: 0 takes the likeliest token.
        top_p: nucleus sampling (arXiv:1904.09751): the smallest set of tokens that holds this
            share of the probability, the token that crosses the line included.
        draws: (B,) uniform random numbers in [0, 1), turned into tokens by the inverse CDF.

    Returns:
        (B,) token ids.
    """
    if temperature == 0:
        return logits.argmax(-1)
    probs = (logits.float() / temperature).softmax(-1)
    if top_p < 1:
        probs = _nucleus(probs, top_p)
    cdf = probs.cumsum(-1, dtype=torch.float64)
    targets = draws.to(cdf)[:, None] * cdf[:, -1:]
    # Right-continuous, so that a token of probability zero is never the answer.
    return torch.searchsorted(cdf, targets, right=True)[:, 0].clamp_max(probs.shape[-1] - 1)


def _nucleus(probs: Tensor, top_p: float) -> Tensor:
    """Zero what lies outside the nucleus, (B, V); the rest is not renormalised."""
    head, order = probs.topk(min(_HEAD, probs.shape[-1]), dim=-1)
    if bool((head.sum(-1) < top_p).any()):  # a flat row: sort all of it
        head, order = probs.sort(dim=-1, descending=True)
    before = head.cumsum(-1, dtype=torch.float64) - head
    kept = head * (before < top_p)
    return torch.zeros_like(probs).scatter_(-1, order, kept)
