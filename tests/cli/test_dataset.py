import json
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from trueup.cli import main
from trueup.datasets import Dataset
from trueup.evals import Evaluator
from trueup.queues import AnnotationQueue, NewItem, Submission
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Label, Score, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Always(Evaluator):
    name = "always"

    def _score(self, *, response):
        return Score(self.name, self.version, 1.0)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A store with dataset d: v1 sealed and evaluated, v2 a draft."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    turns = ({"role": "user", "content": "Is it covered?"},)
    traces = [Trace(f"t{i}", f"c{i}", "tool-heavy", turns, f"served {i}") for i in range(3)]
    with Store.open(tmp_path / "store") as store:
        with store.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
        queue = AnnotationQueue.create("prefs", store=store)
        queue.add_items([NewItem.from_trace(t, reason="sampled", candidate="x") for t in traces])
        queue.submit_many(
            [
                Submission(item.id, who, Label(item.answer("sampled").key, 1), simulated=True)
                for item in queue.items()
                for who in ("ann", "bob")
            ]
        )
        rows = queue.export()
        first = Dataset.create_or_get("d", "v1", store=store)
        first.add_rows(rows)
        first.add_evaluation([Always()], threshold=0.5)
        Dataset.create_or_get("d", "v2", store=store).add_rows(rows[:1])
    return tmp_path


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
    for part in ("d v1", "3 (3 on simulated labels)", "tool-heavy", "always", "yes"):
        assert part in shown
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
