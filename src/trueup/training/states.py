"""States of a run on disk, by torch's distributed checkpoints: each process writes its own part.

A state is a folder named by its step, and is whole once its `.metadata` is there, which is written
last: whatever kills a save leaves the one before. It can be read by another number of processes
than wrote it.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch.distributed as dist
from torch.distributed import ProcessGroup
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save, save

from trueup.errors import TrainingError
from trueup.training.workers import ALONE, Workers

__all__ = ["States"]

TOLD_ALONE = "torch.distributed is disabled"
"""What torch tells a process that saves alone, each time: it needs no process group."""


class States:
    """The states under a folder, of which the newest whole one counts.

    Args:
        path: the folder; it is made with the first state.
        workers: the processes that save together.
    """

    def __init__(self, path: Path, workers: Workers = ALONE) -> None:
        self.path = path
        self.workers = workers
        self._step = 0
        self._writing: Future[Any] | None = None
        self._group: ProcessGroup | None = None

    def newest(self) -> Path | None:
        """Return the folder of the newest whole state, if there is one."""
        whole = [found for found in self._all() if (found / ".metadata").exists()]
        return max(whole, key=lambda found: int(found.name), default=None)

    def save(self, step: int, tensors: dict[str, Any], *, behind: bool = False) -> None:
        """Save tensors, in dictionaries of dictionaries by name, as the state after `step`.

        The states before it go once it is whole.

        Args:
            step: names the state.
            tensors: what to save.
            behind: copy them and write while training goes on. On a CPU the copy would take as
                much memory again as weights and optimiser, to hide little.
        """
        self.wait()
        self._step = step
        into = self.path / str(step)
        if self.workers.first:
            shutil.rmtree(into, ignore_errors=True)
        self.workers.wait()
        if behind:  # what is told in a thread of its own no context of ours can hold back
            warnings.filterwarnings("ignore", message=TOLD_ALONE)
        with _plain_errors():
            if behind:
                writing = async_save(tensors, checkpoint_id=into, process_group=self._own_group())
                assert isinstance(writing, Future)  # it is something else for other ways to copy
                self._writing = writing
            else:
                save(tensors, checkpoint_id=into)
        if not behind:
            self._drop_older()

    def wait(self) -> None:
        """Go on when what is being written is whole."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            with _plain_errors():
                writing.result()
            self._drop_older()

    def load(self, tensors: dict[str, Any]) -> None:
        """Read the newest state into tensors of the names and shapes that were saved.

        Raises:
            TrainingError: it cannot be read, or is of other tensors.
        """
        self.wait()
        newest = self.newest()
        try:
            with _plain_errors():
                load(tensors, checkpoint_id=newest)
        # what a damaged file makes of torch's reader, pickle and zip
        except Exception as error:
            told = " ".join(str(error).split())[:120]
            raise TrainingError(
                f"{newest} cannot be read ({type(error).__name__}: {told}): remove that folder to "
                "go on from the state before it, or from the beginning if there is none"
            ) from error

    def drop(self) -> None:
        """Remove all states."""
        self.wait()
        if self.workers.first:
            shutil.rmtree(self.path, ignore_errors=True)

    def _own_group(self) -> ProcessGroup | None:
        """Return the processes as a group of their own, whose turns training's do not mix with."""
        if self._group is None and self.workers.size > 1:
            self._group = dist.new_group(backend="gloo")
        return self._group

    def _all(self) -> list[Path]:
        return [found for found in self.path.glob("*/") if found.name.isdecimal()]

    def _drop_older(self) -> None:
        if self.workers.first:
            for found in self._all():
                if int(found.name) != self._step:
                    shutil.rmtree(found, ignore_errors=True)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Raise what kept a process from its part, in the place of torch's, which is no Exception."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=TOLD_ALONE)
        try:
            yield
        except CheckpointException as error:
            failed = [one for one, _ in error.failures.values()]
            raise failed[0] from error
