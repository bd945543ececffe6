from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from trueup.cli.lineage import lineage
from trueup.cli.train import app
from trueup.datasets import Dataset
from trueup.errors import (
    DatasetError,
    InputError,
    ModelError,
    PromptTooLong,
    TrainingError,
    UnknownName,
)
from trueup.store import Store
from trueup.store.runs import list_checkpoints, list_runs
from trueup.training import METHODS, train


def write_pairs(path: Path) -> Path:
    rows = [
        {"id": f"r{i}", "prompt": f"claim {i}", "chosen": f"pay {i}", "rejected": f"deny {i}"}
        for i in range(4)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments: str) -> None:
    app(arguments, exit_on_error=False, result_action="return_value")


def test_dpo_prints_its_result_as_json(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    out = tmp_path / "run"
    run(
        *("dpo", "--model", str(tiny_model_dir), "--data", data, "--out", str(out)),
        *("--lora-rank", "2", "--beta", "0.3", "--batch-size", "2", "--max-steps", "1", "--json"),
    )
    told = json.loads(capsys.readouterr().out)
    assert told["steps"] == 1
    assert Path(told["checkpoint_path"]) == out / "checkpoint"
    claimed = json.loads((out / "run.json").read_text())
    assert (claimed["method"], claimed["beta"], claimed["lora_rank"]) == ("dpo", 0.3, 2)


def test_sft_with_full_weights_says_where_the_checkpoint_is(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    out = tmp_path / "run"
    run(
        *("sft", "--model", str(tiny_model_dir), "--data", data, "--out", str(out)),
        *("--full", "--held-out", data),
    )
    told = capsys.readouterr().out
    assert f"checkpoint: {out / 'checkpoint'}" in told
    assert "0 completions cut to fit" in told
    assert "lowest held-out loss" in told
    assert json.loads((out / "run.json").read_text())["lora_rank"] is None


def test_a_folder_is_taken_by_a_run_that_begins(tiny_model_dir: Path, tmp_path: Path) -> None:
    data, out = str(write_pairs(tmp_path / "d.jsonl")), tmp_path / "run"
    rest = ("--data", data, "--out", str(out), "--max-steps", "1")
    with pytest.raises(ModelError):
        run("sft", "--model", str(tmp_path), *rest)
    with pytest.raises(PromptTooLong):
        run("sft", "--model", str(tiny_model_dir), *rest, "--max-length", "2")
    assert not out.exists()
    run("sft", "--model", str(tiny_model_dir), *rest)
    (out / "run.json").write_text("{")
    with pytest.raises(TrainingError, match=r"run\.json cannot be read"):
        run("sft", "--model", str(tiny_model_dir), *rest)
    with pytest.raises(TrainingError, match="is a file: name a folder"):
        run("sft", "--model", str(tiny_model_dir), "--data", data, "--out", data)


def test_answers_that_are_not_wanted_are_not_imitated(tiny_model_dir: Path, tmp_path: Path) -> None:
    rows = [{"id": str(i), "prompt": "p", "completion": f"c {i}", "label": i > 0} for i in range(3)]
    data = tmp_path / "d.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(InputError, match=r"1 of 3 rows have .* not wanted \(label: false\) \(0\)"):
        run(
            "sft", "--model", str(tiny_model_dir), "--data", str(data), "--out", str(tmp_path / "o")
        )


def test_advice_names_a_method_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    run("advise", data)
    told = capsys.readouterr().out
    assert told.startswith("dpo: 4 pairs")
    assert "warning: only 4 rows" in told
    run("advise", data, "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["method"], found["evidence"]["pairs"]) == ("dpo", 4)


@pytest.mark.parametrize(("method", "rows"), [("sft", 3), ("dpo", 3), ("kto", 6)])
def test_a_dataset_of_the_store_is_trained_on_by_its_name(
    folder: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], method: str, rows: int
) -> None:
    rest = ("--model", str(tiny_model_dir), "--epochs", "1", "--batch-size", "2", "--json")
    run(method, "--data", "d@v1", "--out", str(folder / "run"), *rest)
    told = json.loads(capsys.readouterr().out)
    with Store.open(folder / "store", create=False) as store:
        held_out = len(Dataset.get("d", "v1", store=store).examples("chosen", "validation"))
    left = rows - held_out * rows // 3
    assert told["steps"] == math.ceil(left / 2)
    assert (told["best_metric"] is not None) == (held_out > 0)
    with Store.open(folder / "store", create=False) as store:
        options = METHODS[method](batch_size=2)
        dataset = Dataset.get("d", "v1", store=store)
        again = train(options, model=tiny_model_dir, data=dataset, out=folder / "python")
    assert again.content_hash == told["content_hash"]
    with pytest.raises(UnknownName, match="no dataset nope"):
        run(method, "--data", "nope", "--out", str(folder / "other"), *rest)
    with pytest.raises(DatasetError, match="v2 is a draft: seal it before training"):
        run(method, "--data", "d@v2", "--out", str(folder / "other"), *rest)


def test_a_run_on_a_dataset_of_the_store_is_in_its_lineage(
    folder: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = ("--data", "d@v1", "--max-steps", "1", "--lora-rank", "2", "--json")
    model, hashes = str(tiny_model_dir), []
    for name in ("round-1", "round-2", "round-2"):  # the last is asked for again
        run("dpo", "--model", model, "--out", str(folder / name), *rest)
        told = json.loads(capsys.readouterr().out)
        model = told["checkpoint_path"] if name == "round-1" else model
        hashes.append(told["content_hash"])
    with Store.open(folder / "store", create=False) as store:
        version = Dataset.get("d", "v1", store=store).id
        with store.reading() as tx:
            runs = {found.stage: found for found in list_runs(tx)}
            made = {c.content_hash: c for c in list_checkpoints(tx)}
    assert sorted(runs) == ["round-1", "round-2"]
    assert {found.dataset_version_id for found in runs.values()} == {version}
    first, second = runs["round-1"], runs["round-2"]
    assert first.checkpoint_id == second.base_checkpoint_id == made[hashes[0]].id
    assert (second.checkpoint_id, second.method) == (made[hashes[1]].id, "dpo")
    assert made[hashes[1]].role == "candidate"


def test_files_beside_a_dataset_are_named_in_its_lineage(
    folder: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write_pairs(folder / "more.jsonl"))
    rest = ("--model", str(tiny_model_dir), "--data", "d@v1", "--max-steps", "1")
    run("sft", *rest, "--out", str(folder / "alone"))
    run("sft", *rest, "--data", data, "--out", str(folder / "mixed"))
    with Store.open(folder / "store", create=False) as store, store.reading() as tx:
        made = {found.stage: found.checkpoint_id for found in list_runs(tx)}
    told = {}
    for name, checkpoint in made.items():
        capsys.readouterr()
        lineage(checkpoint)
        told[name] = capsys.readouterr().out
    beside = f"and on rows that no label here bears out: {data}"
    assert beside in told["mixed"]
    assert "bears out" not in told["alone"]


def test_what_would_be_ignored_is_refused(tiny_model_dir: Path, tmp_path: Path) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    rest = ("--model", str(tiny_model_dir), "--out", str(tmp_path / "o"))
    with pytest.raises(
        InputError, match=r"--data quality=\.\.\. is about a head.*--heads quality, or"
    ):
        run("reward", "--data", f"quality={data}", *rest)
    with pytest.raises(InputError, match=r"dpo has none of that name: train reward has them"):
        run("dpo", "--data", f"quality={data}", *rest)
    for option in (("--keep", "best"), ("--eval-every", "1")):
        with pytest.raises(InputError, match="there are none: give --held-out"):
            run("dpo", "--data", data, *option, *rest)
    with pytest.raises(
        InputError, match="nothing: no file or folder has that name; as a dataset, no"
    ):
        run("dpo", "--data", "nothing", "--store", str(tmp_path / "none"), *rest)
    assert not (tmp_path / "o").exists()


def test_two_checkpoints_answer_side_by_side(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    model = str(tiny_model_dir)
    run("sft", "--model", model, "--data", data, "--out", str(tmp_path / "o"), "--lr", "0.1")
    other = str(tmp_path / "o" / "checkpoint")
    capsys.readouterr()
    rest = ("--data", data, "--limit", "3", "--max-new-tokens", "6")
    run("compare", model, other, *rest, "--json")
    found = json.loads(capsys.readouterr().out)
    assert [row["prompt"] for row in found] == ["claim 0", "claim 1", "claim 2"]
    assert any(row["first"] != row["second"] for row in found)
    run("compare", model, model, *rest)
    assert "3 of 3 answers are the same" in capsys.readouterr().out
    (tmp_path / "texts.jsonl").write_text('{"text": "a claim"}\n')
    with pytest.raises(InputError, match="1 of 1 rows have no prompt"):
        run("compare", model, model, "--data", str(tmp_path / "texts.jsonl"))


def test_a_bad_value_is_one_line(tiny_model_dir: Path, tmp_path: Path) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    with pytest.raises(InputError, match="batch_size is 0; it must be above 0"):
        run(
            *("sft", "--model", str(tiny_model_dir), "--data", data, "--out", str(tmp_path / "o")),
            *("--batch-size", "0"),
        )


def test_a_file_gives_what_the_command_does_not_say(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_pairs(tmp_path / "d.jsonl")
    out = tmp_path / "run"
    config = tmp_path / "dpo.toml"
    config.write_text(
        f'model = "{tiny_model_dir}"\ndata = ["{data}"]\nlora_rank = 2\nbeta = 0.3\n'
        'batch_size = 2\nmax_steps = 1\nlr = 1e-3\nloss = "hinge"\n'
    )
    # 5e-05 is what dpo takes by itself: said here, it goes before the file's
    run("dpo", "--config", str(config), "--out", str(out), "--lr", "5e-05")
    claimed = json.loads((out / "run.json").read_text())
    assert (claimed["beta"], claimed["lora_rank"], claimed["loss"]) == (0.3, 2, "hinge")
    assert claimed["lr"] == 5e-05
    page = (out / "report.html").read_text()
    assert page.count("<svg") >= 4
    assert str(data) in page
    assert "1 step over" in page
    told = capsys.readouterr().out
    assert f"report: {out / 'report.html'}" in told
    assert "finished before" not in told
    run("dpo", "--config", str(config), "--out", str(out), "--lr", "5e-05")
    assert "this run was finished before: nothing was trained anew" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bta = 0.3\n", "bta"),
        (
            "beta = 0.3\nbeta",
            r"dpo.toml: cannot be read \(.*\); --config takes a TOML file",
        ),
        ("lr = 'fast'\n", "fast"),
        ("[train.dpo]\nlr = 0.1\n", r"\[train\]"),
        ("[dpo]\nlr = 0.1\n", r"\[dpo\] is not read; options stand at the top"),
    ],
)
def test_mistakes_in_the_file_are_named(text: str, said: str, tmp_path: Path) -> None:
    config = tmp_path / "dpo.toml"
    config.write_text(text)
    with pytest.raises((CycloptsError, InputError), match=said):
        run(*("dpo", "--config", str(config), "--model", "m", "--data", "d", "--out", "o"))
    with pytest.raises(InputError, match=r"No such file.*; --config takes a TOML file"):
        run(*("dpo", "--config", str(tmp_path / "x"), "--model", "m", "--data", "d", "--out", "o"))


def test_metrics_go_to_tensorboard_too(tiny_model_dir: Path, tmp_path: Path) -> None:
    data = str(write_pairs(tmp_path / "d.jsonl"))
    out = tmp_path / "run"
    run(
        *("dpo", "--model", str(tiny_model_dir), "--data", data, "--out", str(out)),
        *("--lora-rank", "2", "--max-steps", "1", "--track", "tensorboard"),
    )
    assert list((out / "tensorboard").glob("events.out.tfevents*"))


def test_an_interrupted_run_saves_its_step_and_says_so(
    tiny_model_dir: Path, tmp_path: Path
) -> None:
    data, out = write_pairs(tmp_path / "d.jsonl"), tmp_path / "run"
    command = ["sft", "--model", str(tiny_model_dir), "--data", str(data), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "trueup", "train", *command, "--epochs", "5000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not (out / "metrics.jsonl").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.strip().splitlines()[-1] == "error: interrupted; what was finished is kept"
    steps = len((out / "metrics.jsonl").read_text().splitlines())
    assert [path.name for path in (out / "state").iterdir()] == [str(steps)]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--batch-size", "4.5"), "--batch-size is 4.5; it must be a whole number"),
        (("--max-steps", "two"), "--max-steps is two; it must be a whole number"),
        (("--full", "--lora-rank", "8"), "give one of them"),
    ],
)
def test_flags_are_taken_as_they_are_said(flags: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run("dpo", "--model", "m", "--data", "d", "--out", "o", *flags)


def test_a_warning_is_one_line(tiny_model_dir: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model_dir, model)
    config = json.loads((model / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    (model / "chat_template.jinja").unlink(missing_ok=True)
    data = write_pairs(tmp_path / "d.jsonl")
    command = ["sft", "--model", str(model), "--data", str(data), "--out", str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, "-m", "trueup", "train", *command, "--max-steps", "1"],
        capture_output=True,
        text=True,
        check=True,
    )
    [line] = done.stderr.strip().splitlines()
    assert line.startswith("warning: ")
    assert "chat template" in line
