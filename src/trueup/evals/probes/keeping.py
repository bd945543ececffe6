"""Answers on disk, so that a run that was killed goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from trueup.errors import InputError
from trueup.evals.probes.base import Model, answers_of
from trueup.store.ids import content_hash
from trueup.types import Messages

__all__ = ["KeptAnswers"]


class KeptAnswers:
    """A model whose answers are kept in a file, as JSON lines; what is there is not asked again.

    A line's key is the hash of the model's name and the conversation, so that several models, and
    several probes, can share a file. A last line that was cut off is taken away.

    Args:
        model: whom to ask.
        path: the file; it need not be there.
        name: what tells this model, and how it answers, from any other.

    Raises:
        InputError: the file holds something else.
    """

    def __init__(self, model: Model, path: str | Path, *, name: str) -> None:
        self._model = model
        self._path = Path(path)
        self._name = name
        self._known = self._read()

    def __call__(self, prompts: Sequence[Messages]) -> list[str]:
        """Return the answers, asking the model for those that are not there."""
        keys = [self._key(prompt) for prompt in prompts]
        missing = {k: p for k, p in zip(keys, prompts, strict=True) if k not in self._known}
        if missing:
            self._write(missing, answers_of(self._model, list(missing.values())))
        return [self._known[key] for key in keys]

    def _key(self, prompt: Messages) -> str:
        return content_hash([self._name, [dict(message) for message in prompt]])

    def _read(self) -> dict[str, str]:
        if not self._path.exists():
            return {}
        whole = self._path.read_bytes()
        end = whole.rfind(b"\n") + 1
        known: dict[str, str] = {}
        for number, line in enumerate(whole[:end].splitlines(), 1):
            try:
                row = json.loads(line)
                known[row["key"]] = row["answer"]
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{self._path}, line {number}: no answer of a probe; give another file"
                ) from error
        if end < len(whole):
            if end == 0 and not whole.startswith(b'{"key"'):
                raise InputError(f"{self._path} holds no answers of a probe; give another file")
            os.truncate(self._path, end)
        return known

    def _write(self, asked: dict[str, Messages], answers: Sequence[str]) -> None:
        lines = [
            json.dumps(
                {"key": key, "model": self._name, "messages": list(messages), "answer": answer},
                ensure_ascii=False,
                default=dict,
            )
            for (key, messages), answer in zip(asked.items(), answers, strict=True)
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            for line in lines:
                file.write(line.encode("utf-8", "surrogatepass") + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._known |= dict(zip(asked, answers, strict=True))
