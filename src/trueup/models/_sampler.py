"""Sample answers from a model in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from trueup.errors import PromptTooLong
from trueup.models._chat import encode_prompt, end_of_turn
from trueup.models._load import LoadedModel
from trueup.models._plain import PlainDecoder
from trueup.models._protocol import Progress
from trueup.models._rows import Row, Settings
from trueup.models._shared import SharedPrefixDecoder, supports_shared_prefix
from trueup.types import Completion, Messages

__all__ = ["LocalSampler"]

_CACHE_BYTES = 1 << 30
"""What a batch's keys and values may take; a batch of one prompt may take more."""


class LocalSampler:
    """Samples from a loaded model.

    What all prompts of a call share at their beginning is computed once for the call, and a prompt
    once for its `n` answers. Answers are decoded in batches of prompts of similar length; a row
    leaves its batch when it is finished. Greedy answers are those of `transformers`' `generate`.

    A model whose attention is not plain and full (sliding windows, soft caps, recurrent state) is
    sampled by `generate` itself: the same answers, more work.
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
        batch_size: int = 128,
        progress: Progress | None = None,
    ) -> list[list[Completion]]:
        """Return `n` answers to each prompt, in the order given.

        The same prompt, index and seed give the same answer, whatever else is in the call (up to
        the last bits of the model's arithmetic, which depend on a batch's shape; in bfloat16 they
        can tip a close choice).

        Args:
            prompts: conversations up to the answer.
            n: answers to a prompt.
            temperature: 0 takes the likeliest token each time.
            top_p: share of the probability that tokens are drawn from.
            max_new_tokens: where an answer is cut; its `finish_reason` is then "length".
            seed: of the random numbers.
            batch_size: answers decoded at once; fewer where their cache would exceed 1 GiB.
            progress: called with (answers done, answers in all).

        Raises:
            PromptTooLong: a prompt and its answer would not fit the model's context.
            InputError: a setting is out of its range.
            ModelError: the chat template cannot render a prompt.
        """
        settings = Settings(n, temperature, top_p, max_new_tokens, seed, batch_size)
        encoded = [tuple(encode_prompt(self.loaded.tokenizer, p)) for p in prompts]
        self._check_lengths(encoded, prompts, max_new_tokens)
        times = Counter(encoded)
        unique = sorted(times, key=lambda ids: (len(ids), ids))
        answers: dict[tuple[int, ...], list[Completion]] = {}
        done = 0
        with self._decoding(unique) as (decoder, shared):
            for batch in self._batches(unique, shared, settings):
                rows = decoder.answer(batch, settings)
                answers |= self._completions(batch, rows)
                done += n * sum(times[ids] for ids in batch)
                if progress is not None:
                    progress(done, n * len(prompts))
        return [list(answers[ids]) for ids in encoded]

    @contextmanager
    def _decoding(
        self, prompts: Sequence[tuple[int, ...]]
    ) -> Iterator[tuple[SharedPrefixDecoder | PlainDecoder, int]]:
        """Prepare the model; give what decodes, and how many tokens it need not hold by prompt."""
        decoder: SharedPrefixDecoder | PlainDecoder = PlainDecoder(self._model, self._stop)
        shared = 0
        if prompts and supports_shared_prefix(self._model):
            shared = _common_prefix(prompts)
            decoder = SharedPrefixDecoder(self._model, self._stop, prompts[0][:shared])
        training = self._model.training
        self._model.eval()
        try:
            with torch.inference_mode(), decoder.session():
                yield decoder, shared
        finally:
            self._model.train(training)

    def _completions(
        self, batch: Sequence[tuple[int, ...]], rows: Sequence[Row]
    ) -> dict[tuple[int, ...], list[Completion]]:
        completions: dict[tuple[int, ...], list[Completion]] = {ids: [] for ids in batch}
        for row in sorted(rows, key=lambda row: row.index):
            ids = batch[row.prompt]
            text = self.loaded.tokenizer.decode(row.tokens, skip_special_tokens=True)
            completions[ids].append(
                Completion(text, len(row.tokens), row.finish or "length", len(ids))
            )
        return completions

    def _batches(
        self, prompts: Sequence[tuple[int, ...]], shared: int, settings: Settings
    ) -> Iterator[Sequence[tuple[int, ...]]]:
        """Cut prompts, shortest first, into batches that the cache has room for."""
        slots = _CACHE_BYTES // _token_bytes(self._model)
        start = 0
        for stop in range(1, len(prompts) + 1):
            if stop < len(prompts):
                rows = (stop + 1 - start) * settings.n
                each = len(prompts[stop]) - shared + settings.max_new_tokens
                if rows <= settings.batch_size and rows * each <= slots:
                    continue
            yield prompts[start:stop]
            start = stop

    def _check_lengths(
        self, encoded: Sequence[Sequence[int]], prompts: Sequence[Messages], new: int
    ) -> None:
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        for number, (ids, messages) in enumerate(zip(encoded, prompts, strict=True), start=1):
            if context is not None and len(ids) + new > context:
                opening = " ".join(str(messages[-1].get("content") or "").split())[:40]
                raise PromptTooLong(
                    f'prompt {number} of {len(prompts)} ("{opening}...") has {len(ids)} tokens: '
                    f"with {new} for the answer it exceeds the context of {context} by "
                    f"{len(ids) + new - context}; shorten the prompt or lower max_new_tokens"
                )


def _stop_tokens(loaded: LoadedModel) -> frozenset[int]:
    stated = loaded.model.generation_config.eos_token_id
    listed = stated if isinstance(stated, list) else [stated]
    return frozenset(t for t in (*listed, end_of_turn(loaded.tokenizer)) if t is not None)


def _token_bytes(model: Any) -> int:
    """Return how many bytes of keys and values one token takes in all layers."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * int(config.num_hidden_layers * heads * size) * int(model.dtype.itemsize)


def _common_prefix(prompts: Sequence[tuple[int, ...]]) -> int:
    """Return how many leading tokens all prompts share, at most all but one of each."""
    # The smallest and the largest in lexical order differ where any two first differ.
    first, last = min(prompts), max(prompts)
    pairs = zip(first, last, strict=False)
    shared = next((at for at, (a, b) in enumerate(pairs) if a != b), min(map(len, prompts)))
    return min(shared, min(map(len, prompts)) - 1)
