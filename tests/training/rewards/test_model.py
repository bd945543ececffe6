from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import InputError
from trueup.training import Reward, train
from trueup.training.rewards import RewardModel
from trueup.types import Example

Examples = Callable[..., list[Example]]


@pytest.fixture(scope="module")
def reward_models(
    tiny_model_dir: Path, examples: Examples, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    folder = tmp_path_factory.mktemp("rewards")
    method = Reward(precision="fp32", lora_rank=4, max_length=200, lr=5e-3, epochs=4)
    return [
        train(
            replace(method, seed=seed),
            model=tiny_model_dir,
            data=examples(8, pairs=True),
            out=folder / str(seed),
        ).checkpoint_path
        for seed in range(2)
    ]


def test_rewards_are_those_of_plain_transformers(
    reward_models: list[Path], examples: Examples
) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from trueup.models import encode_completion, encode_prompt

    rows = examples(3, pairs=True)
    rows[1] = replace(rows[1], completions=(*rows[1].completions, "theft", "theft"))
    model = RewardModel.load(*reward_models)
    assert model.heads == ("reward",)
    told: list[tuple[int, int]] = []
    found = model.score(rows, progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (6, 6)
    for index, path in enumerate(reward_models):
        plain: Any = AutoModelForSequenceClassification.from_pretrained(path).eval()
        tokenizer = AutoTokenizer.from_pretrained(path)
        for row, rewards in zip(rows, found, strict=True):
            prompt = encode_prompt(tokenizer, row.messages)
            for k, text in enumerate(row.completions):
                ids = [*prompt, *encode_completion(tokenizer, text)]
                with torch.no_grad():
                    expected = float(plain(input_ids=torch.tensor([ids])).logits[0, 0])
                assert rewards.members[index, k, 0] == pytest.approx(expected, abs=1e-5)
    assert found[0].spread.any()


def test_what_cannot_be_scored_is_named(reward_models: list[Path], examples: Examples) -> None:
    model = RewardModel.load(reward_models[0])
    row = examples(1)[0]
    with pytest.raises(InputError, match=r"no prompt or no completion \(row0\)"):
        model.score([replace(row, messages=())])
    with pytest.raises(InputError, match=r"longer than the \d+ tokens that .* \(row0\)"):
        model.score([replace(row, completions=("fire " * 5000,))])
    with pytest.raises(InputError, match="no reward model is named"):
        RewardModel.load()
