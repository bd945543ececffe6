"""Every text's token states along their main directions, encoded once and kept in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from grounding.network import DIRECTIONS, LAYERS, STATES, Basis
from numpy.typing import NDArray

from trueup.evals.grounding.reader import windows
from trueup.models.encoder import Encoder, Tokens

NEAR = 0.3  # cosine of words, less what all words share
SLICE = 2000  # texts encoded at once


class States:
    """The states of texts; those not in the folder yet are encoded."""

    def __init__(self, folder: Path, encoder: Encoder, basis: Basis, texts: Iterable[str]) -> None:
        self._encoder, self._folder = encoder, folder
        self.basis = basis
        self._parts: list[NDArray[np.float16]] = []
        self._where: dict[str, tuple[int, int]] = {}
        self.tokens: dict[str, Tokens] = {}
        for path in sorted(folder.glob("states-*.npy")):
            self._keep(path)
        wanted = sorted(set(texts))
        self.tokens = {text: encoder.tokens(text) for text in wanted}
        missing = [text for text in wanted if text not in self._where]
        for start in range(0, len(missing), SLICE):
            self._encode(missing[start : start + SLICE])
            print(f"  {start + SLICE} of {len(missing)} texts encoded", flush=True)

    def __getitem__(self, text: str) -> NDArray[np.float16]:
        part, start = self._where[text]
        return self._parts[part][start : start + len(self.tokens[text].ids)]

    def _keep(self, path: Path) -> None:
        starts = json.loads(path.with_suffix(".json").read_text())
        self._where |= {text: (len(self._parts), start) for text, start in starts.items()}
        self._parts.append(np.load(path, mmap_mode="r"))

    def _encode(self, texts: list[str]) -> None:
        cuts = [
            self.tokens[text].ids[a:b]
            for text in texts
            for a, b in windows(text, self.tokens[text])
        ]
        starts = np.cumsum([0, *(len(self.tokens[text].ids) for text in texts)]).tolist()
        states = np.zeros((starts[-1], DIRECTIONS), np.float16)
        at = 0
        for found in self._encoder.states(cuts):
            states[at : at + len(found)] = self.basis.along(found)
            at += len(found)
        path = self._folder / f"states-{len(self._parts):04}.npy"
        np.save(path, states)
        path.with_suffix(".json").write_text(json.dumps(dict(zip(texts, starts[:-1], strict=True))))
        self._keep(path)


class Alike:
    """Whether two words are met in like texts: by the last states of each alone."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        common = [
            "the",
            "time",
            "house",
            "water",
            "people",
            "give",
            "small",
            "old",
            "think",
            "say",
            "work",
            "number",
        ]
        self._mean = np.mean([self._raw(word) for word in common], 0)

    def __call__(self, one: str, other: str) -> bool:
        first, second = self._direction(one), self._direction(other)
        return float(first @ second) > NEAR

    @lru_cache(maxsize=65536)  # noqa: B019  one object lives as long as the script
    def _direction(self, word: str) -> NDArray[np.float32]:
        away = self._raw(word) - self._mean
        return away / np.linalg.norm(away)

    def _raw(self, word: str) -> NDArray[np.float32]:
        states = self._encoder.states([self._encoder.tokens(word).ids])[0]
        return states[:, -STATES // len(LAYERS) :].mean(0)
