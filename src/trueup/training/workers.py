"""Processes that train one model together, each on its part of every batch.

torchrun starts them and says which is which. Each holds the whole model and the whole data; a batch
is parted by packs, losses are divided by the denominators of the whole batch, and gradients are
added up: what many processes compute is what one does, but for the order of the sums.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

__all__ = ["ALONE", "Workers"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workers:
    """This process among those that train together.

    Attributes:
        rank: which it is, from 0; the first one writes the files.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls) -> Workers:
        """Meet the others that torchrun started; one process by itself is alone.

        On GPUs each takes that of its local rank.
        """
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return ALONE
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        if not dist.is_initialized():
            dist.init_process_group("nccl" if on_gpu else "gloo")
        return cls(dist.get_rank(), size)

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, parts: Sequence[T]) -> Sequence[T]:
        """Return this process's part."""
        return parts[self.rank :: self.size]

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.size > 1:
            dist.barrier()

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

    def sum_gradients(self, weights: Iterable[nn.Parameter]) -> None:
        """Add up each weight's gradient over all processes, in place."""
        if self.size == 1:
            return
        learning = list(weights)
        for weight in learning:
            if weight.grad is None:  # it had no pack of the batch
                weight.grad = torch.zeros_like(weight)
        gradients = [weight.grad for weight in learning if weight.grad is not None]
        flat = nn.utils.parameters_to_vector(gradients)
        dist.all_reduce(flat)
        nn.utils.vector_to_parameters(flat, gradients)

    def _gather(self, value: T) -> list[T]:
        if self.size == 1:
            return [value]
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value)
        return found


ALONE = Workers()
