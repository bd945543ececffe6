"""The command as a whole: exit codes, and one line for whatever is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trueup.cli import main


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    shown = capsys.readouterr()
    return ended.value.code, shown.out, shown.err


@pytest.mark.parametrize(
    "arguments",
    [["loop", "--sed", "1"], ["dance"], ["loop", "--seed", "one"], ["gate", "--margins"]],
)
def test_usage_errors_end_with_two(arguments, capsys):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "sft", "--model", "none", "--data", "none.jsonl", "--out", "run"], False),
        (["train", "sft", "--beta", "1"], False),
        # a store or a model may be missing where this process runs and nowhere else
        (["lineage", "c0ffee", "--store", "none"], True),
    ],
)
def test_of_processes_that_train_together_one_tells_what_all_find(
    arguments, said, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code > 0
    assert err.startswith("error: ")
    monkeypatch.setenv("RANK", "1")
    assert run(capsys, *arguments) == (code, "", err if said else "")


def test_an_unknown_key_of_the_configuration_is_named(capsys, tmp_path):
    config = tmp_path / "loop.toml"
    config.write_text("sead = 1\n")
    store = tmp_path / "store"
    code, _, err = run(capsys, "loop", "--config", str(config), "--store", str(store))
    assert code == 1
    assert "no key sead; it takes" in err
    assert not store.exists()


def test_a_model_folder_without_weights_ends_the_loop_in_one_line(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    store = tmp_path / "store"
    code, _, err = run(capsys, "loop", "--model", str(tmp_path / "empty"), "--store", str(store))
    assert code == 1
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert str(tmp_path / "empty") in errors[0]
    assert "Traceback" not in err
    assert not (store / "checkpoints").exists()


def test_checkpoints_from_outside_are_added_once_and_listed(capsys, tiny_model_dir, tmp_path):
    store = str(tmp_path / "store")
    code, out, _ = run(capsys, "checkpoint", "add", str(tiny_model_dir), "--store", store)
    assert (code, out.startswith("checkpoint ")) == (0, True)
    _, again, _ = run(capsys, "checkpoint", "add", str(tiny_model_dir), "--store", store)
    assert again.strip() == f"{out.strip()} was there already"
    copy = tmp_path / "store" / "checkpoints" / "copy"
    shutil.copytree(tiny_model_dir, copy)
    _, other, _ = run(capsys, "checkpoint", "add", str(copy), "--store", store)
    assert "was there already" in other, "the folder that was named first still stands"
    code, listed, _ = run(capsys, "checkpoint", "list", "--store", store, "--json")
    assert code == 0
    assert str(tiny_model_dir) in listed
    code, _, err = run(capsys, "checkpoint", "add", str(tmp_path), "--store", store)
    assert (code, err.count("\n")) == (1, 1)


def test_an_error_is_one_line_whatever_the_path_holds(capsys, tmp_path):
    code, _, err = run(capsys, "trace", "list", "--store", str(tmp_path / "two\nlines"))
    assert (code, err.count("\n")) == (1, 1)
    assert "two\\nlines" in err


def command(*arguments, **options):
    """Run the command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "trueup", *arguments],
        stderr=subprocess.PIPE,
        check=False,
        timeout=120,
        **options,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_output_that_cannot_be_written_is_one_line():
    with Path("/dev/full").open("w") as full:
        ended = command("eval", "list", stdout=full)
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"error: standard output: No space left")
    assert ended.stderr.count(b"\n") == 1


def test_a_reader_that_goes_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = command("eval", "list", "--json", stdout=writing)
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_ascii_terminal_shows_escapes(tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    line = '{"messages": [{"role": "user", "content": "h\u00e9"}], "answer": "caf\u00e9"}'
    (tmp_path / "traces.jsonl").write_text(line + "\n", encoding="utf-8")
    store = ["--store", str(tmp_path / "store")]
    assert command("trace", "import", str(tmp_path / "traces.jsonl"), *store).returncode == 0
    ended = command("trace", "list", *store, "--json", stdout=subprocess.PIPE, env=environment)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"caf\\xe9" in ended.stdout or b"caf" not in ended.stdout


def test_a_store_can_move_with_its_weights(capsys, tiny_model_dir, tmp_path):
    folder = tmp_path / "store" / "checkpoints" / "one"
    shutil.copytree(tiny_model_dir, folder)
    run(capsys, "checkpoint", "add", str(folder), "--store", str(tmp_path / "store"))
    (tmp_path / "store").rename(tmp_path / "moved")
    _, out, _ = run(capsys, "checkpoint", "list", "--store", str(tmp_path / "moved"), "--json")
    assert [c["path"] for c in json.loads(out)] == [str(tmp_path / "moved" / "checkpoints" / "one")]
    elsewhere = tmp_path / "weights"
    (tmp_path / "moved" / "checkpoints" / "one").rename(elsewhere)
    _, out, _ = run(capsys, "checkpoint", "add", str(elsewhere), "--store", str(tmp_path / "moved"))
    assert "has moved here from checkpoints/one" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["queue", "list", "--store", ""], "the name is empty"),
        (["demo", "label", "--store", "none"], "no store at"),
        (["demo", "enqueue", "c0ffee", "--store", "none"], "no store at"),
    ],
)
def test_no_store_is_made_by_mistake(capsys, monkeypatch, tmp_path, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert said in err
    assert not list(tmp_path.iterdir())
