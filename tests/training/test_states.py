from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from trueup.errors import TrainingError
from trueup.training.states import States


def state(value: float) -> dict[str, dict[str, torch.Tensor]]:
    return {"weights": {"a": torch.full((3, 4), value), "b": torch.tensor(value)}}


def values(states: States) -> tuple[float, float]:
    found = state(0.0)
    states.load(found)
    return float(found["weights"]["a"].mean()), float(found["weights"]["b"])


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


def test_what_lies_there_beside_states_is_left(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    states.save(1, state(1.0))
    (tmp_path / "state" / ".DS_Store").write_text("")
    (tmp_path / "state" / "notes").mkdir()
    states.save(2, state(2.0))
    assert {path.name for path in (tmp_path / "state").iterdir()} == {"2", ".DS_Store", "notes"}


def test_a_damaged_state_is_one_line(tmp_path: Path) -> None:
    states = States(tmp_path / "state")
    states.save(1, state(1.0))
    (tmp_path / "state" / "1" / "__0_0.distcp").write_bytes(b"PK")
    with pytest.raises(TrainingError, match=r"state/1 cannot be read \(.*\): remove that folder"):
        values(states)


SAVE = """
import sys
from pathlib import Path
import torch
from trueup.errors import TrainingError
from trueup.training.states import States
from trueup.training.workers import Workers
workers = Workers.join()
states = States(Path(sys.argv[1]), workers)
total = 0
for step in range(1, 101):
    total += sum(workers.sum({"n": 1.0})[0].values())
    if step % 10 == 0:
        states.save(step, {f"w{workers.rank}": torch.full((4,), float(step))}, behind=True)
states.wait()
assert (total, states.newest().name) == (200.0, "100")
"""


def test_processes_save_behind_while_they_speak_with_one_another(tmp_path: Path) -> None:
    script = tmp_path / "save.py"
    script.write_text(SAVE)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *launch, str(script), str(tmp_path / "state")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["100"]
