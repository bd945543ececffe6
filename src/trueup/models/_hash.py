"""What a model's weights are, as one SHA-256 in hexadecimal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from trueup.errors import ModelError

__all__ = ["file_hash", "folder_hash", "settings_hash", "state_hash"]


def file_hash(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_hash(path: str | Path) -> str:
    """Return the hash of a model folder's safetensors.

    With one weight file it is that file's SHA-256; with shards, the SHA-256 of the lines
    "<hash>  <name>" in the order of their names, as `sha256sum *.safetensors | sha256sum` gives.

    Raises:
        ModelError: there is no such folder, or it holds no safetensors.
    """
    files = sorted(Path(path).glob("*.safetensors"))
    if not Path(path).is_dir():
        raise ModelError(f"{path}: no such folder; give one that holds a saved model")
    if not files:
        raise ModelError(f"{path}: no *.safetensors in it; give a folder that holds a saved model")
    if len(files) == 1:
        return file_hash(files[0])
    return _listing_hash(files)


def settings_hash(path: str | Path) -> str:
    """Return the hash of what a model folder says beside its weights: configuration and tokenizer.

    Returns:
        A SHA-256, empty for what is no folder.
    """
    kinds = ("config.json", "*token*", "*.jinja", "vocab*", "merges.txt", "*.model")
    files = {file for kind in kinds for file in Path(path).expanduser().glob(kind)}
    return _listing_hash(sorted(files)) if files else ""


def _listing_hash(files: Iterable[Path]) -> str:
    lines = "".join(f"{file_hash(file)}  {file.name}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()


def state_hash(model: Any) -> str:
    """Return the hash of a model's weights in memory.

    It covers each tensor's name, dtype, shape and bytes, tied tensors once, so it does not depend
    on the device, on the file format or on the order of the state dict. It is not the hash of the
    file that `save_model` would write.
    """
    digest = hashlib.sha256()
    seen: set[int] = set()
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        flat = tensor.detach().contiguous().cpu().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()
