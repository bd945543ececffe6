from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from trueup.errors import InputError, PromptTooLong
from trueup.models import LoadedModel, LocalSampler, encode_prompt, load_model
from trueup.types import Completion, Message

Prompt = list[Message]


@pytest.fixture(scope="module")
def loaded(tiny_model_dir: Path) -> LoadedModel:
    loaded = load_model(tiny_model_dir, device="cpu")
    loaded.model.double()
    return loaded


def chat(*texts: str) -> Prompt:
    roles = ["system", "user"] if len(texts) > 1 else ["user"]
    return [{"role": r, "content": t} for r, t in zip(roles, texts, strict=True)]


RAGGED = [chat("Answer claims.", "x" * length + str(length)) for length in (3, 60, 0, 17, 41, 18)]
UNSHARED = [chat("a" * 9), chat("b", "c" * 33), chat("d")]


def generated(loaded: LoadedModel, prompt: Prompt, new: int) -> Completion:
    """What `transformers` alone answers, one prompt at a time."""
    ids = torch.tensor([encode_prompt(loaded.tokenizer, prompt)])
    out = loaded.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new
    )
    answer = out[0, ids.shape[1] :].tolist()
    stopped = answer[-1] == loaded.model.generation_config.eos_token_id
    tokens = answer[:-1] if stopped else answer
    text = loaded.tokenizer.decode(tokens, skip_special_tokens=True)
    return Completion(text, len(tokens), "stop" if stopped else "length", ids.shape[1])


@pytest.mark.parametrize("prompts", [RAGGED, UNSHARED, RAGGED[:1], RAGGED[:2] * 2])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_greedy_is_generate(loaded: LoadedModel, prompts: list[Prompt], batch_size: int) -> None:
    answers = LocalSampler(loaded).sample(prompts, max_new_tokens=24, batch_size=batch_size)
    assert answers == [[generated(loaded, prompt, 24)] for prompt in prompts]


@pytest.mark.parametrize("ends", [("ab", "cd"), ("ab", "c"), ("a", "b"), ("ab", "cde")])
def test_prompts_that_differ_at_their_very_end(tiny_model_dir: Path, ends: tuple[str, ...]) -> None:
    bare = load_model(tiny_model_dir, device="cpu")
    bare.model.double()
    bare.tokenizer.chat_template = (
        "{% for m in messages %}{{ m['content'] }}"
        "{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    )
    prompts = [chat(f"shared {end}") for end in ends]
    answers = LocalSampler(bare).sample(prompts, max_new_tokens=24)
    assert answers == [[generated(bare, prompt, 24)] for prompt in prompts]


def test_draws_do_not_depend_on_the_company(loaded: LoadedModel) -> None:
    sampler = LocalSampler(loaded)
    settings: dict[str, Any] = {"n": 3, "temperature": 0.9, "top_p": 0.9, "max_new_tokens": 16}
    whole = sampler.sample(RAGGED, seed=5, **settings)
    assert whole == sampler.sample(RAGGED, seed=5, batch_size=2, **settings)
    order = list(range(len(RAGGED)))
    random.Random(1).shuffle(order)
    shuffled = sampler.sample([RAGGED[i] for i in order], seed=5, **settings)
    assert [whole[i] for i in order] == shuffled
    assert [sampler.sample([p], seed=5, **settings)[0] for p in RAGGED] == whole
    assert sampler.sample(RAGGED, seed=6, **settings) != whole
    assert sampler.sample(RAGGED, seed=5, **{**settings, "n": 2}) == [row[:2] for row in whole]
    assert len({answer.text for row in whole for answer in row}) > len(RAGGED)


def fed(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return a list that gets the shape (rows, tokens) of every forward from here on."""
    shapes: list[tuple[int, int]] = []
    forward = loaded.model.model.forward

    def spy(*args: Any, **kwargs: Any) -> Any:
        shapes.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(loaded.model.model, "forward", spy)
    return shapes


def test_finished_rows_leave_the_batch(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Many letters end an answer here, so that rows end at different steps.
    stops = [2, *range(100, 106)]
    monkeypatch.setattr(loaded.model.generation_config, "eos_token_id", stops)
    sampler = LocalSampler(loaded)
    shapes = fed(loaded, monkeypatch)
    answers = sampler.sample(RAGGED, n=2, temperature=1.0, max_new_tokens=24)
    flat = [answer for row in answers for answer in row]
    assert {answer.finish_reason for answer in flat} == {"stop", "length"}
    steps = [rows for rows, tokens in shapes if tokens == 1][1:]
    # A row is fed every token of its answer but the last of one that was cut.
    going_on = [a.tokens - (a.finish_reason == "length") for a in flat]
    assert steps == [sum(n > step for n in going_on) for step in range(max(going_on))]


def test_nothing_is_computed_twice(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = [encode_prompt(loaded.tokenizer, prompt) for prompt in RAGGED]
    shared = len(encode_prompt(loaded.tokenizer, chat("Answer claims."))) + 6
    shapes = fed(loaded, monkeypatch)
    LocalSampler(loaded).sample(RAGGED * 2, n=8, temperature=1.0, max_new_tokens=1)
    prefix, *rests, last = shapes
    assert prefix[0] == 1
    assert prefix[1] >= shared - 30
    assert sum(rows for rows, _ in rests) == len(RAGGED)
    assert last == (len(RAGGED), 1)
    assert prefix[1] + max(width for _, width in rests) + 1 == max(map(len, encoded))


def test_a_cut_answer_says_so(loaded: LoadedModel) -> None:
    [[answer]] = LocalSampler(loaded).sample(RAGGED[:1], max_new_tokens=3)
    assert (answer.tokens, answer.finish_reason) == (3, "length")
    assert answer.prompt_tokens == len(encode_prompt(loaded.tokenizer, RAGGED[0]))


def test_a_prompt_that_does_not_fit_is_named(loaded: LoadedModel) -> None:
    prompts = [chat("short"), chat("be brief", "y" * 450)]
    tokens = len(encode_prompt(loaded.tokenizer, prompts[1]))
    with pytest.raises(PromptTooLong) as caught:
        LocalSampler(loaded).sample(prompts, max_new_tokens=40)
    assert str(caught.value).startswith(
        f'prompt 2 of 2 ("{"y" * 40}...") has {tokens} tokens: with 40 for the answer it exceeds '
        f"the context of 512 by {tokens + 40 - 512}; shorten"
    )
    LocalSampler(loaded).sample(prompts, max_new_tokens=512 - tokens)


@pytest.mark.parametrize(
    "setting", [{"n": 0}, {"temperature": -1}, {"top_p": 0}, {"top_p": 1.1}, {"batch_size": 0}]
)
def test_settings_out_of_range_are_refused(loaded: LoadedModel, setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(setting))} is .* it must be"):
        LocalSampler(loaded).sample(RAGGED, **setting)


def test_no_prompts_no_answers(loaded: LoadedModel) -> None:
    assert LocalSampler(loaded).sample([]) == []


def test_progress_counts_every_answer(loaded: LoadedModel) -> None:
    seen: list[tuple[int, int]] = []
    LocalSampler(loaded).sample(
        [*RAGGED, RAGGED[0]],
        n=2,
        max_new_tokens=2,
        batch_size=4,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [total for _, total in seen] == [14] * 3
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (14, 14)


def test_the_model_is_left_as_it_was(loaded: LoadedModel) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    attention = loaded.model.config._attn_implementation
    loaded.model.train()
    try:
        with pytest.raises(KeyboardInterrupt):
            LocalSampler(loaded).sample(RAGGED, progress=stop)
        assert loaded.model.training
        assert loaded.model.config._attn_implementation == attention
        assert not torch.is_inference_mode_enabled()
    finally:
        loaded.model.eval()


def test_a_long_batch_is_cut_to_the_memory(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = LocalSampler(loaded).sample(RAGGED, n=2, max_new_tokens=8)
    monkeypatch.setattr("trueup.models._sampler._CACHE_BYTES", 100_000)
    shapes = fed(loaded, monkeypatch)
    assert LocalSampler(loaded).sample(RAGGED, n=2, max_new_tokens=8) == whole
    token = 2 * 2 * 2 * 16 * 8  # keys and values, layers, heads, size, bytes
    assert max(rows for rows, tokens in shapes if tokens == 1) * 8 * token <= 100_000
    assert sum(rows for rows, tokens in shapes if tokens > 1) == 1 + len(RAGGED)


def test_other_attention_goes_through_generate(tiny_model_dir: Path) -> None:
    from transformers import AutoTokenizer, MistralConfig, MistralForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = MistralForCausalLM(
            MistralConfig(
                vocab_size=259,
                hidden_size=64,
                intermediate_size=128,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=512,
                sliding_window=16,
                eos_token_id=2,
                initializer_range=0.2,
            )
        ).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model_dir)
    windowed = LoadedModel(model, tokenizer, "windowed", "")
    answers = LocalSampler(windowed).sample(RAGGED, max_new_tokens=12, batch_size=4)
    assert answers == [[generated(windowed, prompt, 12)] for prompt in RAGGED]
    drawn = LocalSampler(windowed).sample(RAGGED, n=2, temperature=1.0, max_new_tokens=12)
    alone = LocalSampler(windowed).sample(RAGGED[2:3], n=2, temperature=1.0, max_new_tokens=12)
    assert drawn[2:3] == alone
    assert drawn != answers


def test_both_ways_of_decoding_agree(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {"n": 2, "temperature": 0.8, "top_p": 0.95, "max_new_tokens": 12}
    shared = LocalSampler(loaded).sample(RAGGED, **settings)
    monkeypatch.setattr("trueup.models._sampler.supports_shared_prefix", lambda model: False)
    assert LocalSampler(loaded).sample(RAGGED, **settings) == shared


@pytest.mark.real_model
def test_greedy_is_generate_on_the_real_model(real_model_dir: Path) -> None:
    real = load_model(real_model_dir, device="cpu")
    system = "You answer claims questions. Deductible: 300 EUR. Theft is covered, rust is not."
    prompts = [
        chat(system, "Is rust covered?"),
        chat(system, "My bicycle was stolen in March. What do I pay myself, and why is that so?"),
        chat(system, "Say the single word yes."),
        chat(system, "List three things to send with a claim."),
    ]
    answers = LocalSampler(real).sample(prompts, max_new_tokens=24)
    assert answers == [[generated(real, prompt, 24)] for prompt in prompts]
    assert {row[0].finish_reason for row in answers} == {"stop", "length"}
