from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from trueup.errors import TrainingError
from trueup.models._load import _torch_dtype
from trueup.training._precision import resolve


@pytest.mark.parametrize(("generation", "able"), [(7, False), (8, True), (9, True)])
def test_bf16_is_for_gpus_with_instructions_for_it(
    generation: int, able: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A T4 (7.5) holds bf16 and multiplies it in software, which torch calls supported."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    properties = SimpleNamespace(major=generation)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    gpu = torch.device("cuda")
    assert resolve("auto", gpu) == ("bf16" if able else "fp32")
    assert _torch_dtype("auto", "cuda") is (torch.bfloat16 if able else torch.float32)
    assert resolve("fp32", gpu) == "fp32"
    if not able:
        with pytest.raises(TrainingError, match="this cuda has no bf16 instructions"):
            resolve("bf16", gpu)
