"""The stations of the demo one at a time, as the README has them, on a tiny random model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trueup.cli.demo import app
from trueup.store import Store
from trueup.store.runs import list_checkpoints
from trueup.store.traces import list_traces

SETTINGS = """
model = "{model}"
record_per_phrasing = 1
samples = 1
max_new_tokens = 4
deploy = {{ max_steps = 1, max_length = 2048, precision = "fp32" }}
"""


def test_stations_take_the_beginning_of_an_id(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, config = tmp_path / "model", tmp_path / "loop.toml"
    shutil.copytree(tiny_model_dir, model)
    settings = json.loads((model / "config.json").read_text())
    settings["max_position_embeddings"] = 2048  # a byte of the requests is a token here
    (model / "config.json").write_text(json.dumps(settings))
    config.write_text(SETTINGS.format(model=model))
    rest = ("--config", str(config), "--store", str(tmp_path / "store"))

    def run(*arguments: str) -> str:
        capsys.readouterr()
        app((*arguments, *rest), exit_on_error=False, result_action="return_value")
        return capsys.readouterr().out

    deployed = json.loads(run("deploy", "--json"))["checkpoint"]
    found = json.loads(run("record", deployed[:12], "--json"))
    told = run("enqueue", deployed[:12])
    with Store.open(tmp_path / "store", create=False) as store, store.reading() as tx:
        assert deployed in {made.id for made in list_checkpoints(tx)}
        traces = list_traces(tx)
    assert {trace.model for trace in traces} == {deployed}
    assert len(traces) <= found["scored"]
    reasons = next(line for line in told.splitlines() if line.startswith("reasons"))
    assert "failed:" in reasons
    assert "{" not in told
