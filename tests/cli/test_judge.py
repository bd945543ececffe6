"""Evaluators by a judge and by a classifier, as commands."""

import json

import pytest

from judging import completion, error, parts, verdict
from trueup.cli import app
from trueup.cli import eval as command
from trueup.cli._judge import BackendOptions
from trueup.cli.trace import import_
from trueup.errors import EvaluationError, InputError


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.jsonl"
    rows = [
        {"output": f"{text} {n}.", "label": good, "group": str(n)}
        for n, (text, good) in enumerate([("Fair", True), ("Vile", False)] * 4)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_judge_is_held_against_people(judge_server, labels, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", "k-9")

    def graded(asked):
        said = asked["messages"][-1]["content"]
        return verdict("biased" if "Vile" in said else "none")

    judge_server.otherwise = graded
    line = (
        f"eval calibrate bias_detection {labels} --judge-url {judge_server.url} --judge-model j "
        f"--judge-key-env JUDGE_KEY --votes 1 --prices 1,2 --max-cost 0.5 "
        f"--judge-cache {tmp_path / 'kept'} --json"
    )
    for _ in range(2):
        app(line, result_action="return_value")
        found = json.loads(capsys.readouterr().out)
        assert found["whole"]["n"] == 8
        assert found["whole"]["f1"]["value"] == 1.0
        assert found["version"].startswith("judge-1-")
    assert len(judge_server.asked) == 8  # and none of them twice
    assert set(judge_server.keys) == {"Bearer k-9"}


def test_void_rows_are_told_apart(judge_server, labels, capsys):
    judge_server.otherwise = lambda _: completion("I would rather not.")
    by = BackendOptions(judge_model="j", judge_url=judge_server.url)
    judge_server.script = [verdict("none"), completion("")]
    command.calibrate("bias_detection", labels, by=by)
    shown = capsys.readouterr().out
    assert "  7 of 8 not scored: failed: the judge's answer holds no JSON object" in shown
    assert "(6 of them; --json has the other reasons)" in shown


def test_a_judge_that_takes_no_question_is_an_error(judge_server, labels, folder, capsys):
    judge_server.otherwise = lambda _: error(401, "no such key")
    by = BackendOptions(judge_model="j", judge_url=judge_server.url)
    wanted = "nothing could be scored: {0} of {0} not scored: failed: .* 401 .*no such key"
    with pytest.raises(EvaluationError, match=wanted.format(8)):
        command.calibrate("bias_detection", labels, by=by)
    with pytest.raises(EvaluationError, match=wanted.format(3)):
        command.run(dataset="d@v1", evaluators="bias_detection", by=by, as_json=True)
    [row] = json.loads(capsys.readouterr().out)
    assert (row["scored"], row["unscored"], *row["reasons"].values()) == (0, 3, 3)


def test_traces_are_scored_by_a_judge_under_another_version(judge_server, tmp_path, capsys):
    path, store = tmp_path / "traces.jsonl", str(tmp_path / "store")
    row = {
        "messages": [{"role": "user", "content": "q"}],
        "answer": "Hail is.",
        "context": ["Hail."],
    }
    path.write_text(json.dumps(row | {"cohort": "c"}))
    import_(path, store=store)
    capsys.readouterr()
    by = BackendOptions(judge_model="j", judge_url=judge_server.url)
    judge_server.script = [error(400, "context too long")] * 2
    with pytest.raises(EvaluationError, match=r"nothing could be scored: .*context too long"):
        command.run(store=store, evaluators="groundedness", by=by, as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["unscored"] == 1
    assert len(judge_server.asked) == 2  # with the schema and without
    judge_server.otherwise = lambda _: parts("supported", "unsupported")
    for _ in range(2):
        capsys.readouterr()
        command.run(store=store, evaluators="groundedness", by=by, as_json=True)
        [found] = json.loads(capsys.readouterr().out)
        assert (found["mean"], found["scored"]) == (0.5, 1)
    assert len(judge_server.asked) == 3  # what was unscored is asked again, what was scored is not
    with pytest.raises(InputError, match="LengthDrift: no backend Judge"):
        command.run(store=store, evaluators="length_drift", by=by)


def test_a_classifier_is_named_by_its_folder(tmp_path, make_classifier, labels, capsys):
    folder = make_classifier(tmp_path / "m", ["vile", "fair"])
    by = BackendOptions(classifier=str(folder), good="fair")
    command.calibrate("bias_detection", labels, by=by, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["version"].startswith("model-")
    assert found["whole"]["n"] == 8


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"votes": 3}, "options of a judge without a judge: give --judge-model"),
        ({"judge_url": "http://x", "classifier": "m"}, "give --judge-model"),
        ({"judge_model": "j", "classifier": "m"}, "give one of them"),
        ({"good": "x"}, "give --classifier"),
        ({"judge_model": "j", "judge_key_env": "NOT_THERE"}, "NOT_THERE is not set"),
        ({"judge_model": "j", "prices": "1"}, "give two numbers"),
        ({"judge_model": "j", "max_cost": 1.0}, "needs prices"),
    ],
)
def test_options_that_do_not_go_together_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        BackendOptions(**given).backend()


def test_nothing_given_is_the_local_method():
    assert BackendOptions().backend() is None


def test_a_judge_of_pairs_is_asked_in_both_orders(judge_server, tmp_path, capsys):
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"q{n}", "a": "Right.", "b": "Wrong, at length.", "winner": "a"}
        for n in range(6)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    by = BackendOptions(judge_model="j", judge_url=judge_server.url)

    def calibrated():
        command.calibrate("mine", path, by=by, as_json=True)
        return json.loads(capsys.readouterr().out)

    judge_server.otherwise = lambda _: verdict("first")
    swayed = calibrated()["whole"]
    assert len(judge_server.asked) == 12
    assert (swayed["consistent"]["value"], swayed["prefers_first"]["value"]) == (0, 1)

    def takes_right(asked):
        said = asked["messages"][-1]["content"]
        return verdict("first" if said.index("Right.") < said.index("Wrong,") else "second")

    judge_server.otherwise = takes_right
    right = calibrated()["whole"]
    assert right["accuracy"]["value"] == right["consistent"]["value"] == 1
    judge_server.otherwise = lambda _: completion("I would rather not.")
    with pytest.raises(EvaluationError, match=r"6 of 6 not scored: .*holds no JSON object"):
        calibrated()
    void = json.loads(capsys.readouterr().out)
    assert (void["whole"], void["unscored"]) == (None, 6)


def test_a_classifier_chooses_between_no_answers(tmp_path, make_classifier):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"prompt": "q", "a": "x", "b": "y", "winner": "a"}))
    folder = make_classifier(tmp_path / "nli", ["contradiction", "entailment"])
    with pytest.raises(InputError, match="does not choose between answers"):
        command.calibrate("mine", path, by=BackendOptions(classifier=str(folder)))
