"""Models in and out: load, save, chat templates and samplers.

Importing this room costs nothing: torch and transformers load when one of its names is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from trueup.errors import MissingExtra

if TYPE_CHECKING:
    from trueup.models._chat import answer_text, encode_completion, encode_prompt
    from trueup.models._classifier import Classifier
    from trueup.models._endpoint_sampler import EndpointSampler
    from trueup.models._hash import file_hash, folder_hash, settings_hash, state_hash
    from trueup.models._load import LoadedModel, load_model
    from trueup.models._memory import keep_freed_memory
    from trueup.models._protocol import Sampler
    from trueup.models._reward import load_reward_model, reward_model
    from trueup.models._sampler import LocalSampler
    from trueup.models._save import save_model
    from trueup.models.judge import Comparison, Grade, Judge, Judgement, Rubric, Usage, Vote

__all__ = [
    "Classifier",
    "Comparison",
    "EndpointSampler",
    "Grade",
    "Judge",
    "Judgement",
    "LoadedModel",
    "LocalSampler",
    "Rubric",
    "Sampler",
    "Usage",
    "Vote",
    "answer_text",
    "encode_completion",
    "encode_prompt",
    "file_hash",
    "folder_hash",
    "keep_freed_memory",
    "load_model",
    "load_reward_model",
    "reward_model",
    "save_model",
    "settings_hash",
    "state_hash",
]

_HOME = {
    **dict.fromkeys(
        ("Comparison", "Grade", "Judge", "Judgement", "Rubric", "Usage", "Vote"), "judge"
    ),
    "Classifier": "_classifier",
    "EndpointSampler": "_endpoint_sampler",
    "LoadedModel": "_load",
    "LocalSampler": "_sampler",
    "Sampler": "_protocol",
    "answer_text": "_chat",
    "encode_completion": "_chat",
    "encode_prompt": "_chat",
    "file_hash": "_hash",
    "folder_hash": "_hash",
    "keep_freed_memory": "_memory",
    "load_model": "_load",
    "load_reward_model": "_reward",
    "reward_model": "_reward",
    "save_model": "_save",
    "settings_hash": "_hash",
    "state_hash": "_hash",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_HOME[name]}")
    except ModuleNotFoundError as error:
        if error.name in {"torch", "transformers", "safetensors"}:
            raise MissingExtra(
                f"trueup.models.{name} needs {error.name}: pip install 'trueup[train]'"
            ) from error
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
