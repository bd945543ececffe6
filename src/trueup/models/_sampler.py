"""Sample answers from a model in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from trueup.errors import InputError, PromptTooLong
from trueup.models._cache import ATTENTION, SharedPrefixCache
from trueup.models._chat import encode_prompt, end_of_turn
from trueup.models._draw import choose, uniforms
from trueup.models._load import LoadedModel
from trueup.models._protocol import Progress
from trueup.types import Completion, Messages

__all__ = ["LocalSampler"]

_PREFILL_TOKENS = 2048


@dataclass(slots=True)
class _Row:
    """One answer that is being written."""

    prompt: int
    index: int
    draws: Tensor
    tokens: list[int] = field(default_factory=list)
    finish: Literal["stop", "length"] | None = None


@dataclass(frozen=True, slots=True)
class _Settings:
    n: int
    temperature: float
    top_p: float
    max_new_tokens: int
    seed: int


class LocalSampler:
    """Samples from a loaded model.

    What all prompts of a call share at their beginning is computed once for the call, and a prompt
    once for its `n` answers. Answers are decoded in batches of prompts of similar length; a row
    leaves its batch when it is finished. Greedy answers are those of `transformers`' `generate`.
    """

    def __init__(self, loaded: LoadedModel) -> None:
        self.loaded = loaded
        self._model = loaded.model
        self._stop = _stop_tokens(loaded)

    def sample(
        self,
        prompts: Sequence[Messages],
        *,
        n: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_new_tokens: int = 40,
        seed: int = 0,
        batch_size: int = 64,
        progress: Progress | None = None,
    ) -> list[list[Completion]]:
        """Return `n` answers to each prompt, in the order given.

        The same prompt, index and seed give the same answer, whatever else is in the call (up to
        the last bit of the model's arithmetic, which depends on a batch's shape).

        Args:
            prompts: conversations up to the answer.
            n: answers to a prompt.
            temperature: 0 takes the likeliest token each time.
            top_p: share of the probability that tokens are drawn from.
            max_new_tokens: where an answer is cut; its `finish_reason` is then "length".
            seed: of the random numbers.
            batch_size: answers decoded at once.
            progress: called with (answers done, answers in all).

        Raises:
            PromptTooLong: a prompt and its answer would not fit the model's context.
            InputError: a setting is out of its range.
            ModelError: the chat template cannot render a prompt.
        """
        settings = _Settings(n, temperature, top_p, max_new_tokens, seed)
        _check_settings(settings, batch_size)
        encoded = [tuple(encode_prompt(self.loaded.tokenizer, p)) for p in prompts]
        self._check_lengths(encoded, prompts, max_new_tokens)
        unique = sorted(set(encoded), key=lambda ids: (len(ids), ids))
        if not unique:
            return []
        answers: dict[tuple[int, ...], list[Completion]] = {}
        times = Counter(encoded)
        done = 0
        with self._sampling():
            prefix = _common_prefix(unique)
            cache = SharedPrefixCache(self._model.config.num_hidden_layers)
            self._fill_prefix(cache, unique[0][:prefix])
            step = max(1, batch_size // n)
            for start in range(0, len(unique), step):
                batch = unique[start : start + step]
                answers |= self._answer(cache, batch, prefix, settings)
                done += n * sum(times[ids] for ids in batch)
                if progress is not None:
                    progress(done, n * len(prompts))
        return [list(answers[ids]) for ids in encoded]

    def _check_lengths(
        self, encoded: Sequence[Sequence[int]], prompts: Sequence[Messages], new: int
    ) -> None:
        context = getattr(self._model.config, "max_position_embeddings", None)
        for number, (ids, messages) in enumerate(zip(encoded, prompts, strict=True), start=1):
            if context is not None and len(ids) + new > context:
                opening = " ".join(str(messages[-1].get("content") or "").split())[:40]
                raise PromptTooLong(
                    f'prompt {number} of {len(prompts)} ("{opening}...") has {len(ids)} tokens: '
                    f"with {new} for the answer it exceeds the context of {context} by "
                    f"{len(ids) + new - context}; shorten the prompt or lower max_new_tokens"
                )

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        """Put the model into the state that sampling needs, and back."""
        model = self._model
        training, attention = model.training, model.config._attn_implementation
        model.eval()
        model.set_attn_implementation(ATTENTION)
        try:
            with torch.inference_mode():
                yield
        finally:
            model.set_attn_implementation(attention)
            model.train(training)

    def _fill_prefix(self, cache: SharedPrefixCache, ids: Sequence[int]) -> None:
        if ids:
            with cache.fill_prefix():
                self._forward(self._model.base_model, cache, [list(ids)], [0], None)

    def _forward(
        self,
        module: Any,
        cache: SharedPrefixCache,
        ids: Sequence[Sequence[int]],
        positions: Sequence[int],
        mask: Tensor | None,
        **kwargs: Any,
    ) -> Any:
        """Run the model on rows of tokens, the first of each row at its given position."""
        tokens = torch.tensor(ids, device=self._model.device)
        starts = torch.tensor(positions, device=self._model.device)[:, None]
        steps = torch.arange(tokens.shape[1], device=self._model.device)
        return module(
            input_ids=tokens,
            position_ids=(starts + steps).clamp_min(0),
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            shared_prefix=cache,
            **kwargs,
        )

    def _answer(
        self,
        cache: SharedPrefixCache,
        batch: Sequence[tuple[int, ...]],
        prefix: int,
        settings: _Settings,
    ) -> dict[tuple[int, ...], list[Completion]]:
        # The last token of a prompt is the first decoding step: no prompt needs lm_head elsewhere.
        lengths = [len(ids) - prefix - 1 for ids in batch]
        width = max(lengths)
        cache.allocate(len(batch), width + settings.max_new_tokens)
        for chunk in _chunks(lengths):
            self._prefill(cache, batch, prefix, width, chunk)
        rows = self._decode(cache, batch, [width - length for length in lengths], width, settings)
        answers: dict[tuple[int, ...], list[Completion]] = {ids: [] for ids in batch}
        for row in sorted(rows, key=lambda row: (row.prompt, row.index)):
            ids = batch[row.prompt]
            answers[ids].append(self._completion(row, len(ids)))
        return answers

    def _prefill(
        self,
        cache: SharedPrefixCache,
        batch: Sequence[tuple[int, ...]],
        prefix: int,
        width: int,
        chunk: slice,
    ) -> None:
        """Compute what follows the shared prefix in each prompt, all but its last token."""
        rests = [ids[prefix:-1] for ids in batch[chunk]]
        own = max(map(len, rests))
        if own == 0:
            return
        pads = [own - len(rest) for rest in rests]
        cache.window = (chunk, width - own)
        ids = [[0] * pad + list(rest) for pad, rest in zip(pads, rests, strict=True)]
        mask = _causal_mask(pads, own, self._model.dtype, self._model.device)
        self._forward(self._model.base_model, cache, ids, [prefix - pad for pad in pads], mask)

    def _decode(
        self,
        cache: SharedPrefixCache,
        batch: Sequence[tuple[int, ...]],
        pads: Sequence[int],
        width: int,
        settings: _Settings,
    ) -> list[_Row]:
        """Write the answers; `pads` counts the unused slots before each prompt's own tokens."""
        slots = torch.arange(width + settings.max_new_tokens, device=self._model.device)
        unused = slots < torch.tensor(pads, device=self._model.device)[:, None]
        unused |= slots >= width
        # (B, 1, 1, slots), additive; each step opens its own slot
        mask = torch.zeros(unused.shape, device=self._model.device)
        mask = mask.masked_fill_(unused, float("-inf"))[:, None, None]
        logits = self._step(
            cache, [ids[-1] for ids in batch], [len(i) - 1 for i in batch], mask, width
        )
        cache.expand(len(batch), settings.n)
        logits, mask = (t.repeat_interleave(settings.n, dim=0) for t in (logits, mask))
        alive = _rows(batch, settings)
        finished: list[_Row] = []
        for step in range(settings.max_new_tokens):
            self._extend(alive, logits, step, settings)
            finished += [row for row in alive if row.finish]
            alive, mask = _drop_finished(cache, alive, mask)
            if not alive:
                break
            positions = [len(batch[row.prompt]) + step for row in alive]
            last = [row.tokens[-1] for row in alive]
            logits = self._step(cache, last, positions, mask, width + step + 1)
        return finished

    def _step(
        self,
        cache: SharedPrefixCache,
        tokens: Sequence[int],
        positions: Sequence[int],
        mask: Tensor,
        slot: int,
    ) -> Tensor:
        """Feed one token to each row; return the next one's logits (B, V)."""
        cache.window = (slice(0, len(tokens)), slot)
        mask[..., slot] = 0
        out = self._forward(
            self._model, cache, [[t] for t in tokens], positions, mask, logits_to_keep=1
        )
        logits: Tensor = out.logits[:, -1]
        return logits

    def _extend(self, rows: Sequence[_Row], logits: Tensor, step: int, settings: _Settings) -> None:
        """Add the next token to each row and say whether that finishes it."""
        draws = torch.stack([row.draws[step] for row in rows])
        chosen = choose(logits, temperature=settings.temperature, top_p=settings.top_p, draws=draws)
        for row, token in zip(rows, chosen.tolist(), strict=True):
            if token in self._stop:
                row.finish = "stop"
                continue
            row.tokens.append(token)
            if len(row.tokens) == settings.max_new_tokens:
                row.finish = "length"

    def _completion(self, row: _Row, prompt_tokens: int) -> Completion:
        if row.finish is None:
            raise AssertionError("a row left its batch unfinished")
        text = self.loaded.tokenizer.decode(row.tokens, skip_special_tokens=True)
        return Completion(text, len(row.tokens), row.finish, prompt_tokens)


def _stop_tokens(loaded: LoadedModel) -> frozenset[int]:
    stated = loaded.model.generation_config.eos_token_id
    listed = stated if isinstance(stated, list) else [stated]
    return frozenset(t for t in (*listed, end_of_turn(loaded.tokenizer)) if t is not None)


def _check_settings(settings: _Settings, batch_size: int) -> None:
    for name, value, right in (
        ("n", settings.n, settings.n >= 1),
        ("max_new_tokens", settings.max_new_tokens, settings.max_new_tokens >= 1),
        ("batch_size", batch_size, batch_size >= 1),
        ("temperature", settings.temperature, settings.temperature >= 0),
        ("top_p", settings.top_p, 0 < settings.top_p <= 1),
    ):
        if not right:
            allowed = {"temperature": "0 or more", "top_p": "above 0, at most 1"}
            raise InputError(f"{name} is {value}: it must be {allowed.get(name, '1 or more')}")


def _common_prefix(prompts: Sequence[tuple[int, ...]]) -> int:
    """Return how many leading tokens all prompts share, at most all but one of each."""
    # The smallest and the largest in lexical order differ where any two first differ.
    first, last = min(prompts), max(prompts)
    pairs = zip(first, last, strict=False)
    shared = next((at for at, (a, b) in enumerate(pairs) if a != b), len(first))
    return min(shared, min(map(len, prompts)) - 1)


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


def _rows(batch: Sequence[tuple[int, ...]], settings: _Settings) -> list[_Row]:
    return [
        _Row(
            prompt,
            index,
            torch.from_numpy(uniforms(settings.seed, ids, index, settings.max_new_tokens)),
        )
        for prompt, ids in enumerate(batch)
        for index in range(settings.n)
    ]


def _drop_finished(
    cache: SharedPrefixCache, rows: list[_Row], mask: Tensor
) -> tuple[list[_Row], Tensor]:
    """Take finished rows out by moving the last unfinished ones into their places."""
    left = sum(row.finish is None for row in rows)
    gaps = [place for place in range(left) if rows[place].finish]
    movers = [place for place in range(left, len(rows)) if not rows[place].finish]
    cache.move(movers, gaps)
    mask[gaps] = mask[movers]
    for gap, mover in zip(gaps, movers, strict=True):
        rows[gap] = rows[mover]
    return rows[:left], mask[:left]
