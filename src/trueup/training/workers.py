"""Processes that train one model together, each on its part of every batch.

torchrun starts them and says which is which. Each holds its part of the model (`sharded.py`) and
the whole data; a batch is parted by packs, losses are divided by the denominators of the whole
batch, and gradients are added up: what many processes compute is what one does, but for the order
of the sums.
"""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from trueup.errors import TrainingError, TrueupError

__all__ = ["ALONE", "Workers"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among those that train together.

    Attributes:
        rank: which it is, from 0; the first one writes the files.
        size: how many there are.
        mesh: all of them, as FSDP2 takes them; None of one that is alone.
    """

    rank: int = 0
    size: int = 1
    mesh: DeviceMesh | None = None

    @classmethod
    def join(cls) -> Workers:
        """Meet the others that torchrun started; one process by itself is alone.

        On GPUs each takes that of its local rank. They stay together, for one run after another,
        and part when the process ends.

        Raises:
            TrainingError: the environment speaks of others and does not say where they are, or
                there are fewer GPUs than processes.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return ALONE
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            _take_gpu(int(os.environ.get("LOCAL_RANK", "0")))
        mesh = _meet(size, on_gpu)
        return cls(dist.get_rank(), size, mesh)

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    @contextmanager
    def orderly(self) -> Iterator[None]:
        """Part without waiting for the others where the block ends by an error of any kind.

        It may be this process's alone, while the others wait for it in the middle of a step: over
        NCCL closing a group then waits for them in turn. Over gloo it does not.
        """
        try:
            yield
        except BaseException:
            if self.size > 1 and dist.get_backend() != "gloo":
                atexit.unregister(_part)
            raise

    def share(self, parts: Sequence[T]) -> list[tuple[T, bool]]:
        """Return this process's parts, and whether they are its own.

        All get as many, since they gather weights together: some get one more that is another's.
        """
        rounds = range(self.rank, self.rank + len(parts), self.size)
        return [(parts[i % len(parts)], i < len(parts)) for i in rounds]

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            dist.barrier()

    def first_does(self, act: Callable[[], None]) -> None:
        """Have the first process do something; what it raises, all raise.

        Raises:
            TrueupError: as `act` did.
        """
        failed: TrueupError | None = None
        if self.first:
            try:
                act()
            except TrueupError as error:
                failed = error
        if failed := self._gather(failed)[0]:
            raise failed

    def any(self, flag: bool) -> bool:
        """Say whether it is so in any of them: they must take the same turns."""
        return any(self._gather(flag))

    def sum(self, *totals: Mapping[str, float]) -> list[dict[str, float]]:
        """Add up mappings of numbers over all processes; one may lack names that another has."""
        found: list[dict[str, float]] = [{} for _ in totals]
        for told in self._gather([dict(total) for total in totals]):
            for into, total in zip(found, told, strict=True):
                for name, value in total.items():
                    into[name] = into.get(name, 0.0) + value
        return found

    def merge(self, known: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the entries of all processes together."""
        return {name: row for part in self._gather(known) for name, row in part.items()}

    def _gather(self, value: T) -> list[T]:
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found


ALONE = Workers()


@cache
def _meet(size: int, on_gpu: bool) -> DeviceMesh:
    """Meet the others, once a process; who had met before parts by itself."""
    device = "cuda" if on_gpu else "cpu"
    if dist.is_initialized():
        return init_device_mesh(device, (size,))
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    except ValueError as error:
        raise TrainingError(
            f"WORLD_SIZE is {size} and the other processes cannot be met ({error}): start "
            "them by torchrun, or unset WORLD_SIZE"
        ) from error
    mesh = init_device_mesh(device, (size,))
    atexit.register(_part, mesh)
    return mesh


def _part(mesh: DeviceMesh) -> None:
    """Close the groups and end their threads while Python is there.

    A thread of gloo lets go of the last collective's tensors when it comes to it. Where Python has
    ended meanwhile, that aborts the process (pytorch/pytorch#190489). Threads end with the last
    reference to their group, and DTensor's caches hold the mesh for good.
    """
    getattr(mesh, "_pg_registry", {}).clear()
    if dist.is_initialized():
        dist.destroy_process_group()
    gc.collect()


def _take_gpu(index: int) -> None:
    count = torch.cuda.device_count()
    if (local := max(index + 1, int(os.environ.get("LOCAL_WORLD_SIZE", 1)))) > count:
        raise TrainingError(  # in all of them, so that the first one says so
            f"{local} processes of this machine train together and there are {count} GPUs; start "
            "as many with torchrun --nproc-per-node"
        )
    torch.cuda.set_device(index)
