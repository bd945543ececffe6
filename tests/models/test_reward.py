from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from trueup.errors import ModelError
from trueup.models import load_model, load_reward_model, reward_model, save_model


def test_a_fresh_head_is_small_and_uses_the_decoder_as_it_is(tiny_model_dir: Path) -> None:
    loaded = load_model(tiny_model_dir)
    torch.manual_seed(0)
    model = reward_model(loaded, ("quality", "safety"))
    assert model.base_model is loaded.model.base_model
    width = loaded.model.config.hidden_size
    assert model.score.weight.shape == (2, width)
    spread = float(model.score.weight.detach().std())
    assert spread == pytest.approx((width + 1) ** -0.5, rel=0.3)


def test_padding_ends_no_answer(tiny_model_dir: Path, tmp_path: Path) -> None:
    """transformers reads the reward before the first padding from the right."""
    loaded = load_model(tiny_model_dir)
    loaded.tokenizer.pad_token = loaded.tokenizer.eos_token
    model = reward_model(loaded, ("reward",))
    save_model(model, loaded.tokenizer, tmp_path / "rm")
    again, heads = load_reward_model(tmp_path / "rm")
    assert heads == ("reward",)
    end, pad = again.tokenizer.eos_token_id, again.tokenizer.pad_token_id
    assert pad != end
    assert again.model.config.pad_token_id == pad
    short, long = [5, 6, end], [5, 6, 7, 8, 9, end]
    rows = torch.tensor([[*short, pad, pad, pad], long])
    with torch.no_grad():
        both = again.model(input_ids=rows, attention_mask=(rows != pad).long()).logits[:, 0]
        alone = [again.model(input_ids=torch.tensor([r])).logits[0, 0] for r in (short, long)]
    torch.testing.assert_close(both, torch.stack(alone))


def test_a_language_model_is_no_reward_model(tiny_model_dir: Path) -> None:
    with pytest.raises(ModelError, match=r"no reward model \(no score.weight\)"):
        load_reward_model(tiny_model_dir)


def test_models_that_transformers_cannot_classify_with_are_named(tiny_model_dir: Path) -> None:
    from transformers import Mamba2Config

    loaded = load_model(tiny_model_dir)
    other = Mamba2Config(num_heads=8, head_dim=16, hidden_size=64, expand=2)
    loaded.model.config = other
    with pytest.raises(ModelError, match="knows no reward model of mamba2"):
        reward_model(replace(loaded), ("reward",))
