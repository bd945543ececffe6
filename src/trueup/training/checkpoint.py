"""What a killed run goes on from: its state on disk, exact and written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import torch
from torch import Tensor

from trueup.errors import TrainingError

__all__ = ["Progress", "RunFolder", "write_atomically"]


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    The schedule and the order of the data follow from `step`, so they need no state of their own.

    Attributes:
        step: optimiser steps done.
        seconds: time spent on them, over all attempts.
        tokens: tokens of the rows seen.
        best_metric: lowest held-out loss; None before the first evaluation.
        best_step: where that was.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    best_metric: float | None = None
    best_step: int = 0


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one training run.

    Attributes:
        path: the folder; `checkpoint/` in it is the trained model, `metrics.jsonl` its history.
        writes: whether this process writes into it; of several that train together one does.
    """

    path: Path
    writes: bool = True
    identity: Path = field(init=False)
    metrics: Path = field(init=False)
    state: Path = field(init=False)
    best: Path = field(init=False)
    result: Path = field(init=False)
    checkpoint: Path = field(init=False)
    adapter: Path = field(init=False)
    reference: Path = field(init=False)

    def __post_init__(self) -> None:
        """Name the files."""
        names = {
            "identity": "run.json",
            "metrics": "metrics.jsonl",
            "state": "state.pt",
            "best": "best.pt",
            "result": "result.json",
            "checkpoint": "checkpoint",
            "adapter": "adapter",
            "reference": "reference",
        }
        for attribute, name in names.items():
            object.__setattr__(self, attribute, self.path / name)

    def check(self, identity: Mapping[str, Any]) -> None:
        """See that the folder is free for the run that `identity` describes, or holds that run.

        Raises:
            TrainingError: another run is there; names what differs, both values, and what to do.
                Or it is no folder, or says nothing that can be read.
        """
        wanted = json.loads(json.dumps(identity))
        if self.path.exists() and not self.path.is_dir():
            raise TrainingError(f"{self.path} is a file: name a folder for the run")
        if not self.identity.exists():
            return
        try:
            found = json.loads(self.identity.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{self.identity} cannot be read ({error}): remove it, or choose another folder"
            ) from error
        differing = [k for k in wanted | found if wanted.get(k) != found.get(k)]
        if differing:
            told = "; ".join(f"{k} was {found.get(k)}, is {wanted.get(k)}" for k in differing[:3])
            raise TrainingError(f"{self.path} holds another run ({told}); choose another folder")

    def claim(self, identity: Mapping[str, Any]) -> None:
        """Take the folder for a run that is sure to begin.

        Raises:
            TrainingError: as `check` does, or the folder cannot be written to.
        """
        self.check(identity)
        if self.writes and not self.identity.exists():
            try:
                write_atomically(self.identity, json.dumps(identity, indent=2).encode())
            except OSError as error:
                raise TrainingError(
                    f"{self.path}: cannot be written to ({error.strerror}); choose another folder"
                ) from error

    def save_state(
        self,
        progress: Progress,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Save what the next step depends on."""
        if not self.writes:
            return
        state = {
            "progress": {name: getattr(progress, name) for name in Progress.__slots__},
            "weights": {name: tensor.detach() for name, tensor in weights.items()},
            "optimizer": optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        _save(self.state, state)

    def load_state(
        self, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
    ) -> Progress:
        """Put the last saved state back in place; a run that has none starts at step 0."""
        for left in self.path.glob(".*.pt.*") if self.writes else ():  # of a save that was killed
            left.unlink(missing_ok=True)
        if not self.state.exists():
            self._keep_metrics(0)
            return Progress()
        state = torch.load(self.state, weights_only=True)
        _restore(weights, state["weights"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"]:
            torch.cuda.set_rng_state_all(state["cuda_rng"])
        progress = Progress(**state["progress"])
        self._keep_metrics(progress.step)
        return progress

    def save_best(self, weights: Mapping[str, Tensor]) -> None:
        """Keep these weights as the best so far."""
        if self.writes:
            _save(self.best, {name: tensor.detach() for name, tensor in weights.items()})

    def load_best(self, weights: Mapping[str, Tensor]) -> None:
        """Put the best weights in place."""
        _restore(weights, torch.load(self.best, weights_only=True))

    def append_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the history."""
        if not self.writes:
            return
        with self.metrics.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the whole history."""
        return [json.loads(line) for line in self.metrics.read_text().splitlines()]

    def drop_state(self) -> None:
        """Remove what only an unfinished run needs."""
        self.state.unlink(missing_ok=True)
        self.best.unlink(missing_ok=True)

    def _keep_metrics(self, step: int) -> None:
        """Drop rows of steps that will be done again, and a last line that was cut off."""
        if not self.writes:
            return
        kept = []
        for line in self.metrics.read_text().splitlines() if self.metrics.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                break
            if row["step"] <= step:
                kept.append(line + "\n")
        write_atomically(self.metrics, "".join(kept).encode())


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Put `content` at `path` whole or not at all, whatever kills the process."""
    with _replacing(path) as file:
        file.write(content)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` once all is written and on disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _save(path: Path, state: Any) -> None:
    """Save straight into the file: a copy in memory would be as large as weights and optimiser."""
    with _replacing(path) as file:
        torch.save(state, file)


def _restore(weights: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in weights.items():
            tensor.copy_(saved[name])
