from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from trueup.errors import InputError
from trueup.training.config import CPT, DPO, METHODS, SFT, Method


@pytest.mark.parametrize(
    ("method", "fields", "told"),
    [
        (SFT, {"batch_size": 0}, "batch_size is 0; it must be above 0"),
        (CPT, {"max_length": 1}, "max_length is 1; it must be 2 or more"),
        (SFT, {"lora_rank": -1}, "lora_rank"),
        (SFT, {"lr": -1e-3}, "lr"),
        (SFT, {"warmup": 1.5}, "warmup"),
        (DPO, {"beta": 0.0}, "beta"),
        (DPO, {"label_smoothing": 0.5}, "label_smoothing"),
        (DPO, {"loss": "hinge", "label_smoothing": 0.1}, "hinge"),
        (DPO, {"nll_weight": -0.1}, "nll_weight"),
    ],
)
def test_values_that_no_run_can_use_are_refused(
    method: type[Method], fields: dict[str, float], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        method(**fields)


@pytest.mark.parametrize("method", [SFT(lr=1e-3, lora_rank=None), DPO(loss="robust", beta=0.3)])
def test_a_method_survives_the_way_to_a_mapping_and_back(method: Method) -> None:
    values = method.to_dict()
    assert METHODS[values.pop("method")].from_dict(values) == method


def test_unknown_keys_and_wrong_types_are_refused() -> None:
    with pytest.raises(InputError, match="no key bta"):
        DPO.from_dict({"bta": 0.1})
    with pytest.raises(InputError, match="loss = 'ipo'"):
        DPO.from_dict({"loss": "ipo"})
    with pytest.raises(InputError, match="batch_size = 'many'"):
        SFT.from_dict({"batch_size": "many"})
    with pytest.raises(InputError, match="beta"):
        DPO.from_dict({"beta": -1.0})


def test_total_steps() -> None:
    assert SFT(batch_size=8, epochs=2).total_steps(17) == 6
    assert SFT(batch_size=8, epochs=2, max_steps=4).total_steps(17) == 4


def test_importing_the_room_loads_no_torch() -> None:
    code = (
        "import sys; from trueup.training import train, SFT, DPO, Recipe;"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"loss": "hingee"}, r"loss is 'hingee'; Input should be 'sigmoid', 'hinge' or 'robust'"),
        ({"schedule": "lineer"}, "schedule is 'lineer'; Input should be 'cosine'"),
        ({"batch_size": 4.5}, "batch_size is 4.5; Input should be a valid integer"),
        ({"lr": float("inf")}, "lr is inf; it must be finite"),
        ({"lora_alpha": float("inf")}, "lora_alpha is inf; it must be finite"),
        ({"seed": -1}, "seed is -1; it must be from 0"),
    ],
)
def test_values_of_another_kind_are_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        DPO(**values)
