"""Small encoders of our own on onnxruntime: the states of a text's tokens, on the CPU.

A folder holds `encoder.onnx` (token ids and a mask in, a state for each token out) and
`tokenizer.json`. onnxruntime and tokenizers load when the first encoder does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import ModelError

__all__ = ["Encoder", "Network", "Tokens"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, without special ones.

    Attributes:
        ids: their numbers.
        spans: where each stands in the text.
    """

    ids: Sequence[int]
    spans: Sequence[tuple[int, int]]


class Network:
    """An ONNX file, ready to run."""

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        """Load it.

        Args:
            path: the file.
            threads: cores that one run may use.

        Raises:
            ModelError: there is no such file, or it is no ONNX network.
        """
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own errors share no base
            raise ModelError(f"{path}: no ONNX network ({_first_line(error)})") from error

    def run(self, given: Mapping[str, NDArray[Any]]) -> list[NDArray[np.float32]]:
        """Return what the network makes of its inputs, given by name."""
        return list(self._session.run(None, dict(given)))


class Encoder:
    """An encoder and its tokenizer."""

    def __init__(self, folder: str | Path, *, threads: int = 1) -> None:
        """Load both.

        Args:
            folder: where `encoder.onnx` and `tokenizer.json` are.
            threads: cores that one run may use.

        Raises:
            ModelError: one of them is missing or cannot be read.
        """
        from tokenizers import Tokenizer

        folder = Path(folder)
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises plain Exceptions
            raise ModelError(f"{folder}/tokenizer.json: {_first_line(error)}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        first, last = self._tokenizer.encode("").ids
        self._ends: tuple[int, int] = (first, last)
        self._network = Network(folder / "encoder.onnx", threads=threads)

    def tokens(self, text: str) -> Tokens:
        """Return a text's tokens."""
        whole = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
        read = self._tokenizer.encode(whole, add_special_tokens=False)
        return Tokens(read.ids, read.offsets)

    def states(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Return (tokens, width) for each window of token ids, in order.

        Each is run alone: with weights of eight bits activations are scaled by all that is in a
        run, and the states of a text may not depend on what is read beside it. On one core
        batches would gain nothing.
        """
        first, last = self._ends
        found = []
        for window in windows:
            ids = np.array([[first, *window, last]], np.int64)
            (states,) = self._network.run({"ids": ids, "mask": np.ones_like(ids)})
            found.append(states[0, 1:-1])
        return found


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
