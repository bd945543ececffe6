"""What is found out of a model on a small tree, before it trains."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trueup.errors import TrainingError
from trueup.training.forward import Forward


def test_an_attention_that_ignores_the_tree_is_found_out(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trueup.training.probe.NAME", "sdpa")
    forward = Forward(tiny)
    assert not forward.shared
    assert "prefix tree" in forward.note


def test_logits_that_are_scaled_are_refused(tiny: Any) -> None:
    tiny.config.logit_scale = 0.5
    with pytest.raises(TrainingError, match="logit_scale"):
        Forward(tiny)


def test_logits_that_are_changed_under_another_name_are_refused() -> None:
    from transformers import RecurrentGemmaConfig, RecurrentGemmaForCausalLM

    def model(cap: float) -> Any:
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "intermediate_size": 64, "lru_width": 32, "head_dim": 8}
        config = RecurrentGemmaConfig(
            vocab_size=64, num_hidden_layers=3, num_attention_heads=4, logits_soft_cap=cap, **sizes
        )
        return RecurrentGemmaForCausalLM(config)

    with pytest.raises(TrainingError, match="recurrent_gemma models do more to their logits"):
        Forward(model(0.1))
    assert not Forward(model(1e6)).shared  # no cap to speak of


def test_a_decoder_without_hidden_states_is_refused(
    tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(tiny), "get_decoder", lambda self: self)
    with pytest.raises(TrainingError, match=r"gives no hidden states \(.*last_hidden_state"):
        Forward(tiny)


def test_a_probed_model_goes_on_as_it_was(tiny: Any) -> None:
    tiny.train()
    Forward(tiny)
    assert tiny.training
    assert all(parameter.grad is None for parameter in tiny.parameters())
