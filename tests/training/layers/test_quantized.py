from __future__ import annotations

import torch
from torch import nn

from trueup.training.layers.quantized import Quantized, dequantize


def test_four_bits_take_an_eighth_and_stay_near() -> None:
    layer = nn.Linear(512, 384, bias=False)
    before = layer.weight.detach().clone()
    quantized = Quantized(layer)
    assert layer.weight.numel() == 0
    assert quantized.nbytes < 0.13 * before.nbytes
    assert quantized().dtype == torch.float32
    # of a uniform weight in [-1, 1]: the mean square of NF4's steps
    assert 0.05 < (quantized() - before).norm() / before.norm() < 0.12
    held = quantized()
    dequantize(layer)
    assert torch.equal(layer.weight, held)
    assert not layer.weight.requires_grad
