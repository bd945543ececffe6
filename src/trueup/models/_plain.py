"""Decode by `transformers`' own `generate`, for models whose attention is not the plain one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

from trueup.models._rows import Row, Settings, extend_rows, start_rows

__all__ = ["PlainDecoder"]


class PlainDecoder:
    """Decodes batches with `generate`: any model, nothing shared between prompts or answers."""

    def __init__(self, model: Any, stop: Collection[int]) -> None:
        self._model = model
        self._stop = stop

    @contextmanager
    def session(self) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def answer(self, batch: Sequence[tuple[int, ...]], settings: Settings) -> list[Row]:
        """Return the finished answers to a batch of prompts."""
        rows = start_rows(batch, settings)
        prompts = [batch[row.prompt] for row in rows]
        width = max(map(len, prompts))
        device = self._model.device
        pad = min(self._stop)
        ids = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        used = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        self._model.generate(
            torch.tensor(ids, device=device),
            attention_mask=torch.tensor(used, device=device),
            generation_config=GenerationConfig(
                do_sample=False,
                max_new_tokens=settings.max_new_tokens,
                eos_token_id=sorted(self._stop),
                pad_token_id=pad,
            ),
            logits_processor=LogitsProcessorList([_Draw(rows, width, settings, self._stop)]),
        )
        return rows


class _Draw(LogitsProcessor):  # type: ignore[misc]
    """Chooses each row's token by the row's own random numbers and leaves no other choice."""

    def __init__(
        self, rows: list[Row], width: int, settings: Settings, stop: Collection[int]
    ) -> None:
        self._rows, self._width, self._settings, self._stop = rows, width, settings, stop

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        step = input_ids.shape[1] - self._width
        chosen = extend_rows(self._rows, scores, step, self._settings, self._stop)
        return torch.full_like(scores, float("-inf")).scatter_(1, chosen[:, None], 0.0)
