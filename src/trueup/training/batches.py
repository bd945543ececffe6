"""Which groups make each step of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from trueup.training.config import Method
from trueup.training.groups import Group
from trueup.training.unpaired import mismatched

__all__ = ["Batches"]


@dataclass(frozen=True)
class Batches:
    """The steps of a run; each epoch's order follows from the seed and its number.

    With an unpaired method the two rows of a pair are one after the other, so that a step mostly
    sees both: what their prompt has in common cancels out between them, and it is computed once.

    Attributes:
        groups: the training rows.
        method: the configuration.
    """

    groups: Sequence[Group]
    method: Method

    def of_step(self, step: int) -> list[Group]:
        """Return the groups of a step, which is counted from 0."""
        size = self.method.batch_size
        epoch, within = divmod(step, math.ceil(len(self.groups) / size))
        order = _order(self.method.seed, epoch, self._partners)
        return [self.groups[i] for i in order[within * size : (within + 1) * size]]

    def of_run(self) -> list[list[Group]]:
        """Return what the run's steps read, each group in the batch that reads it first.

        With an unpaired method the mismatched rows of every batch are a batch of their own.
        """
        found: list[list[Group]] = []
        seen: set[int] = set()
        for step in range(self.method.total_steps(len(self.groups))):
            batch = self.of_step(step)
            found.append([group for group in batch if id(group) not in seen])
            seen.update(map(id, batch))
            if self.method.unpaired:
                found.append(mismatched(batch, self.method.max_length))
        return found

    @cached_property
    def _partners(self) -> tuple[int, ...]:
        """The place of each row's other half; its own where it has none."""
        found = list(range(len(self.groups)))
        for i in range(len(found) - 1 if self.method.unpaired else 0):
            one, other = self.groups[i], self.groups[i + 1]
            alone = found[i] == i
            if alone and one.prompt == other.prompt and one.desirable != other.desirable:
                found[i], found[i + 1] = i + 1, i
        return tuple(found)


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, partners: tuple[int, ...]) -> list[int]:
    """Return an epoch's order, once for all of its steps: 60,000 rows take some 20 ms."""
    drawn = np.random.default_rng([seed, epoch]).permutation(len(partners)).tolist()
    # a place comes where it is drawn, or its partner is, whichever is first
    return list(dict.fromkeys(place for i in drawn for place in (i, partners[i])))
