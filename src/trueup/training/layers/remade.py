"""Results that the backward makes again in place of keeping them.

A linear layer keeps what it reads. Where that is what a norm or a gated product gave, it is a few
elementwise operations away from tensors that are kept anyway, and takes a quarter of what a layer
keeps. It is made by the operations that made it before, so nothing changes by a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

__all__ = ["can_be_made_again", "follows", "remaking"]

Make = Callable[[], Tensor]


@contextmanager
def remaking() -> Iterator[None]:
    """Within this, layers do not keep what `can_be_made_again` was told of last."""
    pass_ = _Pass()
    token = _current.set(pass_)
    try:
        with saved_tensors_hooks(pass_.pack, pass_.unpack):
            yield
    finally:
        pass_.result = pass_.make = None
        _current.reset(token)


def can_be_made_again(result: Tensor, make: Make) -> None:
    """Tell how to make a result again that the next layers read.

    Args:
        result: contiguous; what is kept of it, of any shape, will be made.
        make: returns its values, from tensors that others keep, which nobody may change.
    """
    if pass_ := _current.get():
        pass_.result, pass_.make = result.detach(), make


def follows(result: Tensor, source: Tensor, step: Callable[[Tensor], Tensor]) -> None:
    """Tell that a result is a further step from one that can be made again, if it is."""
    pass_ = _current.get()
    if pass_ and pass_.make and pass_.result is not None and _same(source, pass_.result):
        make = pass_.make
        can_be_made_again(result, lambda: step(make()))


@dataclass(frozen=True, slots=True)
class _Promise:
    make: Make
    shape: torch.Size


class _Pass:
    """One pass's last result, and in the backward the last that was made again.

    Layers read a result one after another, q, k and v, so one place is enough for either.
    """

    def __init__(self) -> None:
        self.result: Tensor | None = None
        self.make: Make | None = None
        self.made: tuple[Make, Tensor] | None = None

    def pack(self, kept: Tensor) -> Tensor | _Promise:
        if self.make is None or self.result is None or not _same(kept, self.result):
            return kept
        return _Promise(self.make, kept.shape)

    def unpack(self, packed: Tensor | _Promise) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        if self.made is None or self.made[0] is not packed.make:
            self.made = None  # before the next is made
            with torch.no_grad():
                self.made = packed.make, packed.make()
        return self.made[1].view(packed.shape)


def _same(one: Tensor, other: Tensor) -> bool:
    """Say whether two tensors are the same numbers in the same place, in rows or flat."""
    return (
        one.data_ptr() == other.data_ptr()
        and one.numel() == other.numel()
        and one.dtype == other.dtype
        and one.is_contiguous()
        and other.is_contiguous()
    )


_current: ContextVar[_Pass | None] = ContextVar("remaking", default=None)
