"""Decode batches of answers over one cache of what their prompts share."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from trueup.models._cache import ATTENTION, SharedPrefixCache
from trueup.models._rows import Row, Settings, extend_rows, start_rows

__all__ = ["SharedPrefixDecoder", "supports_shared_prefix"]

_PREFILL_TOKENS = 1024
"""What one forward takes: more would push its intermediate results out of the caches."""


def supports_shared_prefix(model: Any) -> bool:
    """Say whether a model's attention is the plain, full one that `SharedPrefixCache` serves."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    capped = getattr(config, "attn_logit_softcapping", None)
    return (
        getattr(model, "_supports_attention_backend", False)
        and kinds == {"full_attention"}
        and not (getattr(config, "sliding_window", None) and not hasattr(config, "layer_types"))
        and not capped
        and not getattr(model, "_is_stateful", False)
    )


class SharedPrefixDecoder:
    """Decodes batches of one call's prompts, whose first `prefix` tokens are all the same.

    Use it inside `session`, which puts the model's attention in place.
    """

    def __init__(self, model: Any, stop: Collection[int], shared: Sequence[int]) -> None:
        self._model = model
        self._stop = stop
        self._shared = list(shared)
        self._cache = SharedPrefixCache(model.config.get_text_config().num_hidden_layers)
        self._cached = {_cache_keyword(model): self._cache}

    @contextmanager
    def session(self) -> Iterator[None]:
        """Set the model's attention, and compute the shared prefix."""
        before = self._model.config._attn_implementation
        self._model.set_attn_implementation(ATTENTION)
        try:
            if self._shared:
                with self._cache.fill_prefix():
                    self._forward(self._model.base_model, [self._shared], [0], None)
            yield
        finally:
            self._model.set_attn_implementation(before)

    def answer(self, batch: Sequence[tuple[int, ...]], settings: Settings) -> list[Row]:
        """Return the finished answers to a batch of prompts, shortest first, in no given order."""
        # A prompt's last token is the first decoding step: no prompt needs lm_head elsewhere.
        lengths = [len(ids) - len(self._shared) - 1 for ids in batch]
        width = max(lengths)
        self._cache.allocate(len(batch), width + settings.max_new_tokens)
        for chunk in _chunks(lengths):
            self._prefill(batch[chunk], chunk, width)
        mask = self._slot_mask([width - length for length in lengths], width, settings)
        return self._decode(batch, mask, width, settings)

    def _prefill(self, batch: Sequence[tuple[int, ...]], chunk: slice, width: int) -> None:
        """Compute what follows the shared prefix in each prompt, all but its last token."""
        rests = [ids[len(self._shared) : -1] for ids in batch]
        own = max(map(len, rests))
        if own == 0:
            return
        pads = [own - len(rest) for rest in rests]
        self._cache.window = (chunk, width - own)
        ids = [[0] * pad + list(rest) for pad, rest in zip(pads, rests, strict=True)]
        mask = _causal_mask(pads, own, self._model.dtype, self._model.device)
        starts = [len(self._shared) - pad for pad in pads]
        self._forward(self._model.base_model, ids, starts, mask)

    def _slot_mask(self, pads: Sequence[int], width: int, settings: Settings) -> Tensor:
        """Return the additive mask (B, 1, 1, slots): open where a prompt's own tokens lie."""
        slots = torch.arange(width + settings.max_new_tokens, device=self._model.device)
        filled = slots >= torch.tensor(pads, device=self._model.device)[:, None]
        filled &= slots < width
        mask = torch.zeros(filled.shape, device=self._model.device)
        return mask.masked_fill_(~filled, float("-inf"))[:, None, None]

    def _decode(
        self, batch: Sequence[tuple[int, ...]], mask: Tensor, width: int, settings: Settings
    ) -> list[Row]:
        self._cache.decoding = True
        ends = [len(ids) - 1 for ids in batch]
        logits = self._step([ids[-1] for ids in batch], ends, mask, width)
        self._cache.expand(len(batch), settings.n)
        logits, mask = (t.repeat_interleave(settings.n, dim=0) for t in (logits, mask))
        alive, finished = start_rows(batch, settings), []
        for step in range(settings.max_new_tokens):
            extend_rows(alive, logits, step, settings, self._stop)
            finished += [row for row in alive if row.finish]
            alive, mask = _drop_finished(self._cache, alive, mask)
            if not alive:
                break
            places = [len(batch[row.prompt]) + step for row in alive]
            logits = self._step([row.tokens[-1] for row in alive], places, mask, width + step + 1)
        return finished

    def _step(
        self, tokens: Sequence[int], positions: Sequence[int], mask: Tensor, slot: int
    ) -> Tensor:
        """Feed one token to each row and keep it in `slot`; return the next one's logits (B, V)."""
        self._cache.window = (slice(0, len(tokens)), slot)
        mask[..., slot] = 0
        out = self._forward(
            self._model, [[token] for token in tokens], positions, mask, logits_to_keep=1
        )
        logits: Tensor = out.logits[:, -1]
        return logits

    def _forward(
        self,
        module: Any,
        ids: Sequence[Sequence[int]],
        starts: Sequence[int],
        mask: Tensor | None,
        **kwargs: Any,
    ) -> Any:
        """Run the model on rows of tokens, the first of each row at its given position."""
        tokens = torch.tensor(ids, device=self._model.device)
        offsets = torch.tensor(starts, device=self._model.device)[:, None]
        steps = torch.arange(tokens.shape[1], device=self._model.device)
        return module(
            input_ids=tokens,
            position_ids=(offsets + steps).clamp_min(0),
            attention_mask=mask,
            use_cache=True,
            shared_prefix=self._cache,
            **self._cached,
            **kwargs,
        )


def _cache_keyword(model: Any) -> str:
    """Return the name under which a model takes its cache; later versions of 5 renamed it."""
    renamed = "cache" in inspect.signature(type(model.base_model).forward).parameters
    return "cache" if renamed else "past_key_values"


def _chunks(lengths: Sequence[int]) -> Iterator[slice]:
    """Cut rows, shortest first, into pieces of at most `_PREFILL_TOKENS` padded tokens."""
    start = 0
    for stop in range(1, len(lengths) + 1):
        if stop == len(lengths) or (stop + 1 - start) * lengths[stop] > _PREFILL_TOKENS:
            yield slice(start, stop)
            start = stop


def _causal_mask(
    pads: Sequence[int], width: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the additive mask (B, 1, width, width) of rows with `pads` unused places in front."""
    places = torch.arange(width, device=device)
    used = places >= torch.tensor(pads, device=device)[:, None]
    # An unused place sees itself: a query that sees nothing is NaN, and would spread.
    seen = (places <= places[:, None]) & used[:, None] | (places == places[:, None])
    mask = torch.zeros(seen.shape, dtype=dtype, device=device)
    return mask.masked_fill_(~seen, float("-inf"))[:, None]


def _drop_finished(
    cache: SharedPrefixCache, rows: list[Row], mask: Tensor
) -> tuple[list[Row], Tensor]:
    """Take finished rows out by moving the last unfinished ones into their places."""
    left = sum(row.finish is None for row in rows)
    gaps = [place for place in range(left) if rows[place].finish]
    movers = [place for place in range(left, len(rows)) if not rows[place].finish]
    cache.move(movers, gaps)
    mask[gaps] = mask[movers]
    for gap, mover in zip(gaps, movers, strict=True):
        rows[gap] = rows[mover]
    return rows[:left], mask[:left]
