import json

import pyarrow.parquet as pq
import pytest

from trueup.cli import main


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["dataset", *map(str, arguments)])
    return stopped.value.code


def test_versions_are_listed(folder, capsys):
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert "v1" in shown
    assert "draft" in shown
    assert run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(v["version"], v["rows"], v["simulated"]) for v in found] == [
        ("v1", 3, 3),
        ("v2", 1, 1),
    ]


def test_a_version_is_shown_with_its_evaluations(folder, capsys):
    assert run("show", "d", "--version", "v1") == 0
    shown = capsys.readouterr().out
    for part in ("d v1", "3 (3 on simulated labels)", "tool-heavy", "always 1: not measured"):
        assert part in shown
    [line] = [line.split() for line in shown.splitlines() if "always" in line and "yes" in line]
    assert line == ["tool-heavy", "always", "1", "1", "0.5", "yes", "3", "of", "3"]
    assert run("show", "d", "--version", "v1", "--json") == 0
    [evaluation] = json.loads(capsys.readouterr().out)["evaluations"]
    assert (evaluation["evaluator_version"], evaluation["agreement"]) == ("1", [])
    assert run("show", "d", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["version"], found["content_hash"], found["evaluations"]) == ("v2", None, [])
    assert run("show", "nope") == 1
    assert "no dataset nope" in capsys.readouterr().err


def test_a_version_is_written_out(folder, capsys):
    assert run("export", "d", "--version", "v1", "--out", "rows.parquet") == 0
    assert "3 rows written to rows.parquet" in capsys.readouterr().out
    assert pq.ParquetFile(folder / "rows.parquet").metadata.num_rows == 3
    assert run("export", "d", "--out", "rows.jsonl", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == "v2"
    (row,) = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    assert row["chosen"] == [{"role": "assistant", "content": "x"}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "rows.csv"), "ends in .parquet or .jsonl"),
        (("--out", "rows.parquet"), "is a draft and has no Parquet file"),
        (("--out", "here.jsonl"), "here.jsonl exists"),
    ],
)
def test_what_cannot_be_written_is_a_one_line_error(folder, capsys, arguments, message):
    (folder / "here.jsonl").write_text("mine")
    assert run("export", "d", *arguments) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert (folder / "here.jsonl").read_text() == "mine"
    assert not list(folder.glob("rows*"))
