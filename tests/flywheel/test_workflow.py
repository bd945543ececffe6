"""A whole turn on a random model: from recorded traces to a verdict, killed and resumed."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flywheel.tiny import COHORTS, REFERENCE, KilledAt, TinyApp, config
from trueup.datasets import Dataset
from trueup.errors import AgreementTooLow, QueueEmpty, StoreBusy
from trueup.evals import BiasDetection, Groundedness, TaskCompletion
from trueup.flywheel.context import Silent, Turn
from trueup.flywheel.workflow import STATIONS, run_turn
from trueup.queues import AnnotationQueue
from trueup.release.lineage import trace_back, trace_forward
from trueup.store import Store
from trueup.store.runs import get_checkpoint

TINY = Path(__file__).with_name("tiny.py")


@pytest.fixture(scope="module")
def finished(tiny_model_dir, tmp_path_factory):
    """A store that a turn has filled, with what the turn found."""
    root = tmp_path_factory.mktemp("loop") / "store"
    with Store.open(root) as store:
        turn = Turn(store, config(tiny_model_dir), TinyApp(), Silent())
        yield turn, run_turn(turn)


def read_report(found) -> dict:
    return json.loads(Path(found["report"]["json"]).read_text())


def test_every_station_is_visited_and_a_report_is_made(finished):
    _, found = finished
    assert list(found) == list(STATIONS)
    report = read_report(found)
    assert report["verdict"]["outcome"] in ("ship", "block", "inconclusive")
    assert report["simulated"] == report["labels"] == 72
    assert report["dataset"]["rows"] == 24
    assert {stage["name"] for stage in report["training"]} == {"sft", "dpo"}
    page = Path(found["report"]["html"]).read_text()
    assert "72 of 72 labels in this report are simulated" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")


def test_a_finished_turn_is_not_run_again(finished):
    turn, found = finished
    seen: list[str] = []

    class Watch(Silent):
        def station(self, name: str, number: int, total: int) -> None:
            seen.append(name)

    assert run_turn(replace(turn, events=Watch())) == found
    assert seen == []


def test_the_control_is_the_candidates_first_stage_when_they_are_told_the_same(finished):
    _, found = finished
    first = found["train candidate"]["stages"][0]
    assert first["checkpoint"] == found["train control"]["checkpoint"]


def test_lineage_leads_from_the_candidate_to_every_label_and_back(finished):
    turn, found = finished
    chain = trace_back(turn.store, found["train candidate"]["checkpoint"])
    assert chain["counts"]["labels"] == 72
    assert chain["counts"]["simulated"] == 72
    label = AnnotationQueue.get("rlhf-prefs-2026q2", store=turn.store).annotations()[0]
    forward = trace_forward(turn.store, label.id)
    reached = {c["id"] for c in forward["checkpoints"]}
    assert found["train candidate"]["checkpoint"] in reached
    assert found["gate"]["verdict"] in {v["id"] for v in forward["verdicts"]}


def test_the_public_snippets_run_on_the_store(finished, monkeypatch):
    turn, _ = finished
    monkeypatch.setenv("TRUEUP_STORE", str(turn.store.root))
    queue = AnnotationQueue.get("rlhf-prefs-2026q2")
    preferences = queue.export(format="paired", min_agreement=0.7)
    dataset = Dataset.create_or_get("rlhf-regression", version="v18")
    dataset.add_rows(preferences)
    dataset.add_evaluation(
        [BiasDetection(protected_classes=["gender", "race", "age"]), TaskCompletion()],
        cohorts=list(COHORTS),
        threshold=0.90,
    )
    found = {(e.evaluator, e.cohort): e for e in dataset.evaluations()}
    assert len(found) == 6
    assert found["bias_detection", "tool-heavy"].passed

    groundedness, completion, bias = Groundedness(), TaskCompletion(), BiasDetection()
    corrected = 0
    for row in dataset:
        g = groundedness.evaluate(response=row.answer, context=row.context)
        t = completion.evaluate(trajectory=row.trace, expected=row.expected)
        b = bias.evaluate(output=row.answer)
        row.attach_scores(groundedness=g, completion=t, bias=b)
        corrected += row.answer == REFERENCE
        assert t.value == float(row.answer == REFERENCE)
    assert corrected > 0


def test_checkpoints_load_in_plain_transformers(finished):
    from transformers import AutoModelForCausalLM

    turn, found = finished
    with turn.store.reading() as tx:
        path = get_checkpoint(tx, found["train candidate"]["checkpoint"]).path
    path = turn.store.locate(path)
    assert AutoModelForCausalLM.from_pretrained(path).config.vocab_size == 259


def test_a_turn_that_is_killed_again_and_again_goes_on_to_the_same_report(
    finished, tiny_model_dir, tmp_path
):
    turn, found = finished
    store = tmp_path / "store"
    script = [sys.executable, str(TINY), str(tiny_model_dir), str(store)]
    names = list(STATIONS)
    begun = 0
    for station in ("evaluate", "train candidate", "replay control", "report"):
        killed = subprocess.run([*script, station], capture_output=True, text=True, check=False)
        assert killed.returncode == -9, killed.stderr
        fatal = names.index(station)
        assert killed.stdout.split("\n")[:-1] == names[begun : fatal + 1]
        begun = fatal
    resumed = subprocess.run(script, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.split("\n")[:-1] == names[begun:]
    (path,) = (store / "loops").glob("*/report.json")
    report = json.loads(path.read_text().replace(str(store), turn.store.address))
    expected = read_report(found)
    del report["times"], expected["times"]
    assert report == expected


def test_low_agreement_stops_the_turn_and_names_where_to_look(tiny_model_dir, tmp_path):
    with Store.open(tmp_path / "store") as store:
        turn = Turn(store, config(tiny_model_dir), TinyApp(agreeing=False), Silent())
        with pytest.raises(AgreementTooLow, match=r"the line is 0.60; look at question types"):
            run_turn(turn)
        assert not list((turn.store.root / "loops").glob("*"))


def test_labels_from_a_file_take_the_place_of_the_simulation(tiny_model_dir, tmp_path):
    path = tmp_path / "labels.jsonl"
    seen: list[str] = []

    class Watch(Silent):
        def station(self, name: str, number: int, total: int) -> None:
            seen.append(name)

    with Store.open(tmp_path / "store") as store:
        turn = Turn(store, config(tiny_model_dir), TinyApp(), Watch(), labels=path)
        with pytest.raises(QueueEmpty, match=r"written to .*labels\.jsonl for labelling"):
            run_turn(turn)
        with pytest.raises(QueueEmpty, match="holds no label"):
            run_turn(turn)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        # how many of a random model's items have two answers differs between processors
        for number, line in enumerate(sorted(lines, key=lambda line: -len(line["answers"]))):
            wrong = {"preferred": "neither", "correction": REFERENCE, "labels": ["wrong_tool"]}
            right = {"preferred": sorted(line["answers"])[-1], "strength": 2}
            given = wrong if number % 2 or len(line["answers"]) == 1 else right
            line["annotations"] = [{"reviewer": who, **given} for who in ("ada", "ben")]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        seen.clear()
        found = run_turn(turn)
    assert seen[0] == "label"
    assert found["label"]["simulated"] is False
    report = read_report(found)
    assert (report["simulated"], report["labels"]) == (0, 48)
    notes = [stage["note"].split(";")[0] for stage in report["training"]]
    assert [note.partition(" on ")[0] for note in notes] == ["2 steps", "2 steps"]
    assert [note.split()[4:] for note in notes] == [["chosen", "answers"], ["pairs"]]
    assert "labels in this report are simulated" not in Path(found["report"]["html"]).read_text()


def test_one_process_a_store_runs_turns(tiny_model_dir, tmp_path):
    root = tmp_path / "store"
    with Store.open(root) as store, (root / "workflows.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(StoreBusy, match="another process is running its loop"):
            run_turn(Turn(store, config(tiny_model_dir), TinyApp(), KilledAt(None)))
