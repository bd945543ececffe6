"""A model whose weights are parted over the processes that train it: FSDP2 (arXiv:2304.11277).

Each process holds its part of every weight, of its gradient and of the optimiser's moments, and
gathers a decoder layer's weights for as long as it computes with them.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from trueup.training.forward import Forward

__all__ = ["gather", "local_part", "local_value", "shard"]


def shard(forward: Forward, mesh: DeviceMesh) -> None:
    """Part the weights of the forward's model over the processes of a mesh, in place.

    Gradients become sums over the processes, as losses are divided by the denominators of all.
    """
    layers = set(getattr(forward.model, "_no_split_modules", None) or ())
    for module in forward.modules():
        if type(module).__name__ in layers:
            fully_shard(module, mesh=mesh)
    fully_shard(forward, mesh=mesh)
    for module in forward.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)


def gather(forward: Forward, *, keep: bool) -> None:
    """Put whole weights in the place of parted ones; processes that do not `keep` them drop theirs.

    All processes must call it. The model can be saved then, and trained no more.
    """
    for module in forward.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    whole: dict[DTensor, nn.Parameter] = {}
    for module in forward.modules():
        weights: dict[str, Any] = module._parameters
        for name, weight in weights.items():
            if not isinstance(weight, DTensor):
                continue
            if weight not in whole:
                found = weight.full_tensor()
                kept = found if keep else found.new_empty(0)
                whole[weight] = nn.Parameter(kept, requires_grad=weight.requires_grad)
            weights[name] = whole[weight]


def local_part(weight: Tensor) -> Tensor:
    """Return what this process holds of a weight, parted or not."""
    part: Tensor = weight.to_local() if isinstance(weight, DTensor) else weight
    return part


def local_value(value: Tensor) -> float:
    """Return a number that every process is to know, whether it is parted or not."""
    return float(value.full_tensor() if isinstance(value, DTensor) else value)
