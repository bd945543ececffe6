from __future__ import annotations

from pathlib import Path

import pytest
import torch

from trueup.training.states import States


def state(value: float) -> dict[str, dict[str, torch.Tensor]]:
    return {"weights": {"a": torch.full((3, 4), value), "b": torch.tensor(value)}}


def values(states: States) -> tuple[float, float]:
    found = state(0.0)
    states.load(found)
    return float(found["weights"]["a"].mean()), float(found["weights"]["b"])


# torch says so in a thread of its own
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize("behind", [False, True])
def test_the_newest_state_takes_the_place_of_those_before(tmp_path: Path, behind: bool) -> None:
    states = States(tmp_path / "state")
    assert states.newest() is None
    for step in (9, 10):
        saved = state(float(step))
        states.save(step, saved, behind=behind)
        for tensor in saved["weights"].values():
            tensor.zero_()  # as a step would while the copy is being written
    states.wait()
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["10"]
    assert values(states) == (10.0, 10.0)
    states.drop()
    assert not (tmp_path / "state").exists()


def test_a_state_that_is_not_whole_does_not_count(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    states.save(3, state(3.0))
    half = tmp_path / "state" / "4"
    half.mkdir()
    (half / "__0_0.distcp").write_bytes(b"PK")
    assert states.newest() == tmp_path / "state" / "3"
    assert values(states) == (3.0, 3.0)
    states.save(4, state(4.0))
    assert values(states) == (4.0, 4.0)
