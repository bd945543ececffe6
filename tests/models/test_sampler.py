from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

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
