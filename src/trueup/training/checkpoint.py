"""What a killed run goes on from: its state on disk, exact and written whole or not at all."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import torch
from torch import Tensor

from trueup.errors import TrainingError
from trueup.training.states import States
from trueup.training.workers import ALONE, Workers

__all__ = ["Progress", "RunFolder", "write_atomically"]

_FREE = frozenset({"save_every"})
"""What of a run's settings changes none of its numbers."""


@dataclass(slots=True)
class Progress:
    """Where a run stands.

    The schedule, the order of the data and what is drawn at random follow from `step`, so they need
    no state of their own.

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

    def tensor(self) -> Tensor:
        """Return (5,) the numbers, which float64 holds exactly."""
        values = (getattr(self, name) for name in self.__slots__)
        return torch.tensor([math.nan if v is None else v for v in values], dtype=torch.float64)

    @classmethod
    def from_tensor(cls, values: Tensor) -> Progress:
        """Return what `tensor` was made of."""
        step, seconds, tokens, metric, best_step = values.tolist()
        best = None if math.isnan(metric) else metric
        return cls(int(step), seconds, int(tokens), best, int(best_step))


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one training run.

    Attributes:
        path: the folder; `checkpoint/` in it is the trained model, `metrics.jsonl` its history.
        workers: the processes that train together, of which the first writes all but states.
        states: what an unfinished run goes on from.
        bests: the weights of the lowest held-out loss so far.
    """

    path: Path
    workers: Workers = ALONE
    identity: Path = field(init=False)
    metrics: Path = field(init=False)
    states: States = field(init=False)
    bests: States = field(init=False)
    result: Path = field(init=False)
    checkpoint: Path = field(init=False)
    adapter: Path = field(init=False)
    reference: Path = field(init=False)

    def __post_init__(self) -> None:
        """Name the files."""
        names = {
            "identity": "run.json",
            "metrics": "metrics.jsonl",
            "result": "result.json",
            "checkpoint": "checkpoint",
            "adapter": "adapter",
            "reference": "reference",
        }
        for attribute, name in names.items():
            object.__setattr__(self, attribute, self.path / name)
        for attribute, name in {"states": "state", "bests": "best"}.items():
            object.__setattr__(self, attribute, States(self.path / name, self.workers))

    def check(self, identity: Mapping[str, Any]) -> None:
        """See that the folder is free for the run that `identity` describes, or holds that run.

        A run that ended before anything was saved leaves the folder free. How often a run saves its
        state may change when it goes on.

        Raises:
            TrainingError: another run is there; names what differs, both values, and what to do.
                Or it is no folder, or says nothing that can be read.
        """
        wanted = json.loads(json.dumps(identity))
        if self.path.exists() and not self.path.is_dir():
            raise TrainingError(f"{self.path} is a file: name a folder for the run")
        if not self.identity.exists():
            if foreign := [n for n in self._names() if (self.path / n).exists()]:
                raise TrainingError(
                    f"{self.path} holds {', '.join(foreign)} and no run.json that says of which "
                    "run: choose another folder"
                )
            return
        try:
            found = json.loads(self.identity.read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("it is no JSON object")  # noqa: TRY004
        except (OSError, ValueError) as error:
            raise TrainingError(
                f"{self.identity} cannot be read ({error}): choose another folder"
            ) from error
        differing = [k for k in wanted | found if wanted.get(k) != found.get(k) and k not in _FREE]
        saved = (self.states.path, self.bests.path, self.result, self.checkpoint)
        if differing and any(path.exists() for path in saved):
            told = "; ".join(
                f"{k} was {_short(found.get(k))}, is {_short(wanted.get(k))}" for k in differing[:3]
            )
            raise TrainingError(f"{self.path} holds another run ({told}); choose another folder")

    @contextmanager
    def claim(self, identity: Mapping[str, Any]) -> Iterator[None]:
        """Hold the folder for a run that is sure to begin, against other processes.

        Raises:
            TrainingError: as `check` does, another process trains there, or the folder cannot be
                written to.
        """
        held: list[IO[bytes]] = []

        def take() -> None:
            self.check(identity)
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                held.append((self.path / ".lock").open("ab"))
                fcntl.flock(held[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
                told = json.dumps(identity, indent=2).encode()
                if not self.identity.exists() or self.identity.read_bytes() != told:
                    write_atomically(self.identity, told)
            except BlockingIOError as error:
                raise TrainingError(
                    f"{self.path}: another process trains there; wait for it, or choose another "
                    "folder"
                ) from error
            except OSError as error:
                raise TrainingError(
                    f"{self.path}: cannot be written to ({error.strerror}); choose another folder"
                ) from error

        try:
            self.workers.first_does(take)
            yield
        finally:
            for file in held:
                file.close()

    def _names(self) -> list[str]:
        """Return what a run writes into its folder."""
        values = (getattr(self, name) for name in self.__dataclass_fields__ if name != "workers")
        paths = [v.path if isinstance(v, States) else v for v in values]
        return sorted(p.name for p in paths if p != self.path and p != self.identity)

    def save_state(
        self,
        progress: Progress,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
        *,
        behind: bool = False,
    ) -> None:
        """Save what the next step depends on; `behind` lets training go on meanwhile."""
        self.states.save(progress.step, _state(progress, weights, optimizer), behind=behind)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Leave the block when what is being saved is whole."""
        try:
            yield
        finally:
            self.states.wait()

    def load_state(
        self, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
    ) -> Progress:
        """Put the last saved state back in place; a run that has none starts at step 0."""
        progress = Progress()
        if self.states.newest() is not None:
            state = _state(progress, weights, optimizer)
            self.states.load(state)
            progress = Progress.from_tensor(state["progress"])
            for name, weight in weights.items():
                optimizer.state[weight] = state["optimizer"][name]
        self._keep_metrics(progress.step)
        return progress

    def save_best(self, step: int, weights: Mapping[str, Tensor]) -> None:
        """Keep these weights as the best so far."""
        self.bests.save(step, _detached(weights))

    def load_best(self, weights: Mapping[str, Tensor]) -> None:
        """Put the best weights in place."""
        self.bests.load(_detached(weights))

    def append_metrics(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the history."""
        if not self.workers.first:
            return
        with self.metrics.open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the whole history."""
        return [json.loads(line) for line in self.metrics.read_text().splitlines()]

    def drop_state(self) -> None:
        """Remove what only an unfinished run needs."""
        self.states.drop()
        self.bests.drop()

    def _keep_metrics(self, step: int) -> None:
        """Drop rows of steps that will be done again, and a last line that was cut off."""
        if not self.workers.first:
            return
        kept = []
        text = self.metrics.read_text(errors="replace") if self.metrics.exists() else ""
        for line in text.splitlines():
            try:
                done = json.loads(line)["step"] <= step
            except (ValueError, TypeError, KeyError):
                break
            if done:
                kept.append(line + "\n")
        write_atomically(self.metrics, "".join(kept).encode())


def _short(value: Any) -> str:
    """Return a value to tell people, of a hash its beginning."""
    told = str(value)
    return told[:12] if re.fullmatch("[0-9a-f]{64}", told) else told


def write_atomically(path: Path, content: bytes | memoryview) -> None:
    """Put `content` at `path` whole or not at all, whatever kills the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _state(
    progress: Progress, weights: Mapping[str, Tensor], optimizer: torch.optim.Optimizer
) -> dict[str, Any]:
    """Return the tensors of a run by name, AdamW's moments of weights not stepped yet made anew."""
    moments = {}
    for name, weight in weights.items():
        moments[name] = dict(optimizer.state[weight]) or {
            "step": torch.zeros((), device=weight.device),
            "exp_avg": torch.zeros_like(weight, requires_grad=False),
            "exp_avg_sq": torch.zeros_like(weight, requires_grad=False),
        }
    return {"progress": progress.tensor(), "weights": _detached(weights), "optimizer": moments}


def _detached(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in weights.items()}
