"""How matrix products are computed: exactly in float32, or on bf16 units."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import torch

from trueup.errors import TrainingError
from trueup.training.config import Precision

__all__ = ["as_written", "device_name", "products", "resolve"]


def resolve(precision: Precision, device: torch.device) -> Literal["bf16", "fp32"]:
    """Return the precision that "auto" means on this device.

    Raises:
        TrainingError: bf16 was asked for and the device has no instructions for it.
    """
    if device.type == "cpu":
        able = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        # GPUs before Ampere hold bf16 and have no instructions for it, which torch counts as well
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "bf16" and not able:
        raise TrainingError(
            f"precision is bf16 and this {device.type} has no bf16 instructions; use auto or fp32"
        )
    return "bf16" if able and precision != "fp32" else "fp32"


def device_name(device: torch.device) -> str:
    """Return what decides how sums on this device round: the GPU's model, the CPU's instructions.

    What was computed elsewhere differs in its last digits.
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"


@contextmanager
def products(precision: Literal["bf16", "fp32"], device: torch.device) -> Iterator[None]:
    """Compute the matrix products inside this block in the given precision.

    On a CPU bf16 means that float32 operands are rounded to bf16 inside each product, whose sums
    and result stay float32: everything between the products keeps full precision, and there are no
    copies in bf16 to cast to and from. On a GPU it is autocast, with TF32 for what stays float32.
    """
    if precision == "fp32":
        yield
        return
    on_cpu = device.type == "cpu"
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium" if on_cpu else "high")
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=not on_cpu):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def as_written(like: torch.Tensor) -> AbstractContextManager[Any]:
    """Keep autocast, where `like` lies, from rounding what code says the dtypes of by itself."""
    return torch.autocast(like.device.type, enabled=False)
