"""Answers while they are being written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trueup.errors import InputError
from trueup.models._draw import choose, uniforms

__all__ = ["Row", "Settings", "extend_rows", "start_rows"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to sample; `LocalSampler.sample` says what each means.

    Raises:
        InputError: a setting is out of its range.
    """

    n: int
    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int
    batch_size: int

    def __post_init__(self) -> None:
        for name, allowed, right in (
            ("n", "1 or more", self.n >= 1),
            ("temperature", "0 or more", self.temperature >= 0),
            ("top_p", "above 0 and at most 1", 0 < self.top_p <= 1),
            ("max_new_tokens", "1 or more", self.max_new_tokens >= 1),
            ("batch_size", "1 or more", self.batch_size >= 1),
        ):
            if not right:
                raise InputError(f"{name} is {getattr(self, name)}: it must be {allowed}")


@dataclass(slots=True)
class Row:
    """One answer that is being written.

    Attributes:
        prompt: which prompt of its batch it answers.
        index: which of that prompt's answers it is.
        draws: the random numbers that decide it, one a token.
        tokens: what it holds so far, without the token that ends it.
        finish: why it ended, None while it has not.
    """

    prompt: int
    index: int
    draws: NDArray[np.float64]
    tokens: list[int] = field(default_factory=list)
    finish: Literal["stop", "length"] | None = None


def start_rows(batch: Sequence[tuple[int, ...]], settings: Settings) -> list[Row]:
    """Return `n` empty answers to each prompt of a batch, in its order."""
    return [
        Row(prompt, index, uniforms(settings.seed, ids, index, settings.max_new_tokens))
        for prompt, ids in enumerate(batch)
        for index in range(settings.n)
    ]


def extend_rows(
    rows: Sequence[Row], logits: Tensor, step: int, settings: Settings, stop: Collection[int]
) -> Tensor:
    """Add the next token to each unfinished row and say whether that finishes it.

    Args:
        rows: B rows; finished ones stay as they are.
        logits: (B, V) of the next token.
        step: how many tokens were chosen before.
        settings: how to choose.
        stop: the tokens that end an answer.

    Returns:
        (B,) the tokens chosen.
    """
    draws = torch.tensor([row.draws[step] for row in rows], device=logits.device)
    chosen = choose(logits, temperature=settings.temperature, top_p=settings.top_p, draws=draws)
    for row, token in zip(rows, chosen.tolist(), strict=True):
        if row.finish is not None:
            continue
        if token in stop:
            row.finish = "stop"
            continue
        row.tokens.append(token)
        if len(row.tokens) == settings.max_new_tokens:
            row.finish = "length"
    return chosen
