"""XSTest's own prompts, from wherever they lie."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from trueup.errors import InputError, MissingExtra
from trueup.evals.probes.over_refusal import SafetyPrompt

__all__ = ["read_xstest"]

_FILES = ("prompts.jsonl", "xstest_prompts.csv", "xstest_v2_prompts.csv")
_CONTRAST = "contrast_"


def read_xstest(source: str | Path) -> list[SafetyPrompt]:
    """Return the prompts of XSTest (Röttger et al. 2024, arXiv:2308.01263; CC BY 4.0).

    Its contrasts share a type, and mostly a word in focus, with the safe prompts that they are made
    from; type and word are the pair.

    Args:
        source: a file of JSON lines or CSV as the repository has it, a folder with one, or a
            dataset's name on the Hugging Face hub, such as "Paul/XSTest", which needs `datasets`.

    Raises:
        InputError: there is no such file or dataset, or it holds no prompts.
        MissingExtra: the hub is asked and `datasets` is not installed.
    """
    path = Path(source)
    if path.is_dir():
        path = next((path / name for name in _FILES if (path / name).is_file()), path)
        if path.is_dir():
            raise InputError(f"{path} has none of {', '.join(_FILES)}; give a folder with XSTest")
    rows = _of_file(path) if path.is_file() else _of_hub(str(source))
    prompts = [_prompt(row, f"{source}, row {number}") for number, row in enumerate(rows, 1)]
    if not prompts:
        raise InputError(f"{source} holds no prompts; give XSTest's")
    return prompts


def _of_file(path: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".csv":
                yield from csv.DictReader(file)
            else:
                yield from (json.loads(line) for line in file if line.strip())
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; give JSON lines or CSV") from error


def _of_hub(name: str) -> Iterable[Mapping[str, Any]]:
    try:
        from datasets import load_dataset
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{name} is no file, and the hub needs datasets: pip install datasets"
        ) from error
    try:
        splits = load_dataset(name)
    # not there, not reached, or not let in: the hub's client raises what it likes
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{name} is no file, and the hub does not give it ({reason}); give a file or a folder"
        ) from error
    rows: Iterable[Mapping[str, Any]] = next(iter(splits.values()))
    return rows


def _prompt(row: Mapping[str, Any], where: str) -> SafetyPrompt:
    kind, text = (
        row.get(name) if isinstance(row, Mapping) else None for name in ("type", "prompt")
    )
    if not isinstance(kind, str) or not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: it has no prompt with a type; give XSTest's rows")
    label = row.get("label") or ("unsafe" if kind.startswith(_CONTRAST) else "safe")
    base = kind.removeprefix(_CONTRAST)
    return SafetyPrompt(f"{base}: {row.get('focus') or text}", base, label == "safe", text)
