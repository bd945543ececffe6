"""Reward models: a language model's decoder with a head for each reward."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from trueup.errors import ModelError
from trueup.models._hash import folder_hash
from trueup.models._load import LoadedModel, one_line, pick_device, quiet
from trueup.models._source import locate

__all__ = ["load_reward_model", "reward_model"]


def reward_model(loaded: LoadedModel, heads: Sequence[str]) -> Any:
    """Make a sequence classifier of a language model: the same decoder under a fresh `score`.

    The head's weights are drawn with a standard deviation of 1 / sqrt(h + 1) (arXiv:2403.17031),
    from torch's generator. Where the tokenizer pads with the token that ends an answer it is given
    another: transformers reads a reward at the last token that is no padding.

    Args:
        loaded: the language model; its decoder is used, not copied.
        heads: names of the rewards.

    Raises:
        ModelError: transformers has no sequence classifier for this kind of model.
    """
    config = copy.deepcopy(loaded.model.config)
    config.num_labels = len(heads)
    config.id2label = dict(enumerate(heads))
    config.label2id = {name: index for index, name in enumerate(heads)}
    config.pad_token_id = _pad_apart(loaded.tokenizer)
    try:
        with torch.device("meta"):
            model = AutoModelForSequenceClassification.from_config(config)
    except ValueError as error:
        raise ModelError(
            f"{loaded.source}: transformers knows no reward model of {config.model_type} models; "
            "start from another"
        ) from error
    setattr(model, model.base_model_prefix, loaded.model.base_model)
    width = config.get_text_config().hidden_size
    weight = torch.randn(len(heads), width) * (width + 1) ** -0.5
    model.score.weight = nn.Parameter(weight.to(loaded.model.device, torch.float32))
    return model.eval()


def load_reward_model(
    source: str | Path, *, device: str = "auto"
) -> tuple[LoadedModel, tuple[str, ...]]:
    """Load a reward model that was trained here or elsewhere, with the names of its heads.

    Args:
        source: a folder in the Hugging Face format, or a hub name.
        device: "auto" is the first GPU where there is one, else the processor.

    Raises:
        ModelError: nothing is there, or it is no reward model.
    """
    folder = locate(source).folder
    device = pick_device(device)
    with quiet(), one_line(str(source)):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, use_safetensors=True
        )
        if info["missing_keys"]:
            raise ModelError(
                f"{source}: is no reward model (no {sorted(info['missing_keys'])[0]}); "
                "train one with trueup train reward"
            )
        loaded = LoadedModel(model.to(device).eval(), tokenizer, str(source), folder_hash(folder))
    labels = model.config.id2label
    return loaded, tuple(str(labels[index]) for index in range(model.config.num_labels))


def _pad_apart(tokenizer: Any) -> int:
    """Return a padding token that ends no answer, and make it the tokenizer's."""
    if tokenizer.pad_token_id != tokenizer.eos_token_id:
        return int(tokenizer.pad_token_id)
    taken = {tokenizer.eos_token, tokenizer.bos_token}
    free = [t for t in tokenizer.all_special_tokens if t not in taken]
    tokenizer.pad_token = free[0] if free else tokenizer.convert_ids_to_tokens(0)
    return int(tokenizer.pad_token_id)
