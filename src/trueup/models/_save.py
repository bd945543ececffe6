"""Save a model as a folder that plain `transformers` loads."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from trueup.errors import ModelError
from trueup.models._hash import folder_hash
from trueup.models._quiet import no_bars

__all__ = ["save_model"]


def save_model(model: Any, tokenizer: Any, path: str | Path) -> str:
    """Write a model and its tokenizer as a Hugging Face folder, whole or not at all.

    The folder appears under its name only when every byte is on disk. A model that is already
    there is replaced only by the same weights: another save of the same step is harmless.

    Args:
        model: a `transformers` model with plain weights (adapters merged), or a `LoadedModel`.
        tokenizer: its tokenizer; ignored (may be None) when `model` is a `LoadedModel`.
        path: the folder to make.

    Returns:
        The content hash: SHA-256 of its safetensors, as `folder_hash` gives it.

    Raises:
        ModelError: something else is at `path`, or the model cannot be written as plain weights.
    """
    if hasattr(model, "content_hash"):
        model, tokenizer = model.model, model.tokenizer
    if hasattr(model, "peft_config") or getattr(model.config, "quantization_config", None):
        raise ModelError(f"{path}: only plain weights are saved; merge adapters, drop quantisation")
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        with no_bars():
            model.save_pretrained(staging)
            tokenizer.save_pretrained(staging)
        content_hash = folder_hash(staging)
        if _already_there(target, content_hash):
            return content_hash
        _flush(staging)
        staging.chmod(0o755)
        staging.rename(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return content_hash


def _already_there(target: Path, content_hash: str) -> bool:
    """Say whether `target` holds this very model; an absent or empty folder does not."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    if target.is_dir() and any(target.glob("*.safetensors")):
        if folder_hash(target) == content_hash:
            return True
        raise ModelError(f"{target}: another model is there; choose a new folder or remove it")
    raise ModelError(f"{target}: exists and is not empty; choose a new folder or remove it")


def _flush(folder: Path) -> None:
    for file in folder.iterdir():
        _sync(file)
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
