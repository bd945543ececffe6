import io
import json
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from trueup.cli.gate import gate, print_verdict
from trueup.errors import GateError, InputError, StoreError, UnknownName
from trueup.release.replay import Request, replay
from trueup.store import Store
from trueup.store.releases import list_verdicts
from trueup.store.runs import put_checkpoint
from trueup.types import Checkpoint, Completion, Expected, Score

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def score(*, answer, **_):
    return {
        "tool_selection_accuracy": Score("tool_selection_accuracy", "1", float(answer == "right")),
        "task_completion": Score("task_completion", "1", float(answer == "right")),
        "refusal": Score("refusal", "1", None, "none"),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A store where `weak-0001` is right on half of the requests and `good-0001` on all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    requests = [
        Request(
            str(i),
            "rest",
            f"f{i % 20}",
            "",
            ({"role": "user", "content": str(i)},),
            (),
            Expected(refuse=False),
        )
        for i in range(100)
    ]
    with Store.open() as store:
        for name in ("weak", "same", "good", "bare"):
            with store.transaction() as tx:
                put_checkpoint(tx, Checkpoint(f"{name}-0001", "/m", "f" * 64, name), "ana", NOW)
            if name == "bare":
                continue

            def sample(prompts, name=name):
                texts = [
                    "right" if name == "good" or int(p[0]["content"]) // 20 % 2 else "wrong"
                    for p in prompts
                ]
                return [Completion(t, 1, "stop", 1) for t in texts]

            replay(
                store,
                f"{name}-0001",
                requests,
                suite="held-out",
                sample=sample,
                score=score,
                sampling={},
                actor="ana",
                now=NOW,
            )
    return tmp_path


def test_each_verdict_has_its_exit_code(folder, capsys):
    assert gate("weak-0001", "good-0001") == 0
    assert capsys.readouterr().out.startswith("SHIP")
    assert gate("good-0001", "weak-0001") == 3
    assert capsys.readouterr().out.startswith("BLOCK")
    assert gate("weak-0001", "same-0001") == 4
    assert capsys.readouterr().out.startswith("INCONCLUSIVE")


def test_a_narrow_terminal_gets_several_tables_of_whole_cells(folder, capsys):
    with Store.open() as store:
        gate("weak-0001", "good-0001")
        with store.reading() as tx:
            [verdict] = list_verdicts(tx)
    capsys.readouterr()
    shown = {}
    for width in (50, 200):
        out = io.StringIO()
        print_verdict(verdict, Console(file=out, width=width, force_terminal=True, no_color=True))
        shown[width] = out.getvalue()
    ends = re.findall(r"[+-]?\d\.\d\d to [+-]?\d\.\d\d", shown[200])
    assert ends
    assert sorted(re.findall(r"[+-]?\d\.\d\d to [+-]?\d\.\d\d", shown[50])) == sorted(ends)
    tables = {width: text.count("┏") for width, text in shown.items()}
    assert tables[200] == 1 < tables[50]
    for text in shown.values():
        assert text.count("Candidate against") == 1
        assert "its 95% interval, n requests   ▲ better" in text


def test_json_is_the_verdict(folder, capsys):
    gate("weak-0001", "good-0001", control="weak-0001", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "ship"
    assert {row["against"] for row in found["table"]} == {"baseline", "control"}


def test_without_names_the_last_pair_is_judged_again(folder, capsys):
    with pytest.raises(GateError, match="no verdict yet"):
        gate()
    gate("weak-0001", "good-0001", control="weak-0001")
    capsys.readouterr()
    assert gate(json=True) == 0
    assert {row["against"] for row in json.loads(capsys.readouterr().out)["table"]} == {
        "baseline",
        "control",
    }


def test_gate_toml_here_is_read(folder, capsys):
    (folder / "gate.toml").write_text("[metrics.tool_selection_accuracy]\nmin_gain = 0.9\n")
    strict = (
        "targets = ['tool_selection_accuracy']\n[metrics.tool_selection_accuracy]\nmin_gain = 0.9\n"
    )
    (folder / "strict.toml").write_text(strict)
    assert gate("weak-0001", "good-0001", margins=folder / "strict.toml") == 4
    capsys.readouterr()
    gate("weak-0001", "good-0001", json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["margins"]["metrics"]["tool_selection_accuracy"]["min_gain"] == 0.9


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (("weak-0001",), GateError, "name the candidate"),
        (("weak-0001", "bare-0001"), GateError, "never replayed"),
        (("weak-0001", "nobody"), UnknownName, "none in this store"),
    ],
)
def test_other_names_are_refused(folder, names, error, said):
    with pytest.raises(error, match=said):
        gate(*names)


def test_no_store_is_made_by_asking(tmp_path):
    with pytest.raises(StoreError, match="no store at"):
        gate("a", "b", store=str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_the_verdict_as_a_page(folder, capsys):
    assert gate("weak-0001", "good-0001", control="weak-0001", report=folder / "out/r.html") == 0
    assert capsys.readouterr().out.rstrip().endswith("r.html")
    page = (folder / "out" / "r.html").read_text()
    assert "SHIP" in page
    assert "good-0001" in page
    told = json.loads((folder / "out" / "r.json").read_text())
    assert told["verdict"]["outcome"] == "ship"
    assert told["examples"]["better_total"] == 60
    assert told["lineage"]["children"][0]["text"].startswith("it came from outside")


def test_a_report_takes_no_place_that_is_taken(folder, capsys):
    (folder / "keep.html").write_text("mine")
    (folder / "sub").mkdir()
    for name, said in (
        ("v.json", "name the page"),
        ("sub", "is a folder"),
        ("keep.html", "exists"),
    ):
        with pytest.raises(InputError, match=said):
            gate("weak-0001", "good-0001", report=folder / name)
    assert (folder / "keep.html").read_text() == "mine"
    assert not (folder / "sub.json").exists()
    assert gate("weak-0001", "good-0001", report=folder / "keep.html", force=True) == 0
    assert "SHIP" in (folder / "keep.html").read_text()
