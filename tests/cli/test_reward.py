from __future__ import annotations

import json
from pathlib import Path

import pytest

from trueup.cli import app
from trueup.errors import InputError


def trueup(*arguments: object) -> None:
    app(
        [str(argument) for argument in arguments], exit_on_error=False, result_action="return_value"
    )


def test_a_reward_model_is_trained_on_heads_and_measured(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"claim {i}", "chosen": "it covers fire", "rejected": f"theft {i}", "cohort": c}
        for i, c in enumerate(["fire", "flood"] * 4)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "run"
    heads = ("--heads", "quality", "--heads", "safety")
    data = ("--data", f"quality={path}", "--data", f"safety={path}")
    trueup("train", "reward", "--model", tiny_model_dir, *data, *heads, "--out", out, "--lr", 1e-3)
    capsys.readouterr()
    trueup("reward", out / "checkpoint", *data)
    shown = capsys.readouterr().out
    for word in ("quality", "safety", "fire", "flood", "95% interval", "prefers the longer"):
        assert word in shown
    trueup("reward", out / "checkpoint", out / "checkpoint", *data, "--json")
    quality, safety = json.loads(capsys.readouterr().out)
    assert (quality["head"], safety["head"]) == ("quality", "safety")
    assert [c["cohort"] for c in quality["cohorts"]] == ["all", "fire", "flood"]
    assert quality["cohorts"][0]["accuracy"]["n"] == 8
    assert quality["cohorts"][0]["spread"] == 0


def test_a_model_is_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no reward model is named"):
        trueup("reward", "--data", tmp_path / "pairs.jsonl")
