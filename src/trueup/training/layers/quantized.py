"""Frozen weights in four bits, for adapters to learn on: QLoRA, arXiv:2305.14314, by bitsandbytes.

Values are NF4 in blocks of 64, and the blocks' scales are themselves in eight bits (section 3). A
weight is made whole where it is multiplied, and dropped.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from trueup.errors import TrainingError

__all__ = ["Quantized", "dequantize"]


class Quantized:
    """The weight of a linear layer, which gives up its own.

    Args:
        layer: whose weight to take; it is left empty until `dequantize`.

    Raises:
        TrainingError: bitsandbytes is not there.
    """

    def __init__(self, layer: Any) -> None:
        try:
            from bitsandbytes import functional
        except ImportError as error:
            raise TrainingError(
                "qlora needs bitsandbytes; install it with: pip install 'trueup[qlora]'"
            ) from error
        self._dequantize = functional.dequantize_4bit
        weight = layer.weight.detach()
        self._packed, self._state = functional.quantize_4bit(
            weight, compress_statistics=True, quant_type="nf4"
        )
        layer.weight = nn.Parameter(weight.new_empty(0), requires_grad=False)
        layer.quantized = self

    def __call__(self) -> Tensor:
        """Return the (O, I) weight that the four bits stand for, in the dtype that it had."""
        whole: Tensor = self._dequantize(self._packed, self._state)
        return whole

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        scales = (self._state.absmax, self._state.state2.absmax)
        return sum(t.numel() * t.element_size() for t in (self._packed, *scales))


def dequantize(model: nn.Module) -> None:
    """Give layers the weights back that their four bits stand for: those they were trained with."""
    layers: list[Any] = [m for m in model.modules() if hasattr(m, "quantized")]
    for layer in layers:
        layer.weight = nn.Parameter(layer.quantized(), requires_grad=False)
        del layer.quantized
