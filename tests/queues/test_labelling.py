import json

import pytest

from trueup.errors import InputError, QueueEmpty
from trueup.types import Label

pytestmark = pytest.mark.one_database


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.jsonl"


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def fill(path, *annotations):
    """Give every item of the file these annotations."""
    lines = read(path)
    write(path, [{**line, "annotations": list(annotations)} for line in lines])


def test_the_file_shows_everything_but_where_an_answer_came_from(queue, add, path):
    item_id = add(1)
    assert queue.export_for_labelling(path) == 1
    (line,) = read(path)
    assert line["item_id"] == item_id
    assert line["messages"][1]["content"].startswith("Is pipe 1 covered?")
    assert line["context"] == ["Pipe 1 is covered."]
    assert set(line["answers"].values()) == {"served 1", "sampled 1"}
    assert line["annotations"] == []
    assert line["fill_in"]["labels"] == list(queue.labels)
    blind = {k: v for k, v in line.items() if k != "answers"}
    assert "served" not in json.dumps(blind)
    assert "failed" not in json.dumps(blind)


def test_only_items_that_need_reviewers_are_written(queue, add, vote, path):
    one, two = add(1), add(2)
    vote(one, {"ann": "served", "bob": "served", "cy": "served"})
    assert queue.export_for_labelling(path) == 1
    assert [line["item_id"] for line in read(path)] == [two]
    assert queue.export_for_labelling(path, include_done=True, overwrite=True) == 2
    vote(two, {"ann": "served", "bob": "served", "cy": "served"})
    with pytest.raises(QueueEmpty, match="no item needs a reviewer"):
        queue.export_for_labelling(path.with_name("none.jsonl"))
    assert not path.with_name("none.jsonl").exists()


def test_a_file_that_may_hold_labels_is_not_overwritten(queue, add, path):
    add(1)
    path.write_text("a reviewer's day")
    with pytest.raises(InputError, match="exists"):
        queue.export_for_labelling(path)
    assert path.read_text() == "a reviewer's day"


def test_filled_in_labels_come_back_as_people_gave_them(queue, add, path, now):
    add(1)
    add(2)
    queue.export_for_labelling(path)
    given = {"reviewer": "rita", "preferred": "a", "strength": 3, "labels": ["wrong_tool"]}
    simulated = {"reviewer": "bot", "preferred": "neither", "correction": "Yes.", "simulated": True}
    fill(path, given, simulated)
    report = queue.import_labels(path, actor="ana", now=now)
    assert (report.added, report.unchanged, report.corrected) == (4, 0, 0)
    found = queue.annotations()
    rita = next(a for a in found if a.reviewer == "rita")
    assert (rita.label, rita.simulated) == (Label("a", 3, ("wrong_tool",)), False)
    bot = next(a for a in found if a.reviewer == "bot")
    assert (bot.label.correction, bot.simulated) == ("Yes.", True)


def test_importing_twice_changes_nothing_and_a_changed_label_is_a_correction(queue, add, path):
    add(1)
    queue.export_for_labelling(path)
    assert queue.import_labels(path).unlabelled == 1
    old = {"reviewer": "rita", "preferred": "a", "strength": 3}
    fill(path, old)
    queue.import_labels(path)
    report = queue.import_labels(path)
    assert (report.added, report.unchanged) == (0, 1)
    fill(path, {"reviewer": "rita", "preferred": "tie"})
    report = queue.import_labels(path)
    assert (report.added, report.corrected) == (1, 1)
    assert [a.label.preferred for a in queue.annotations()] == ["tie"]
    assert queue.import_labels(path).unchanged == 1
    fill(path, old)  # and back again
    report = queue.import_labels(path)
    assert (report.added, report.corrected) == (1, 1)
    assert [a.label.preferred for a in queue.annotations()] == ["a"]
    assert queue.stats().corrections == 2


def test_lines_that_contradict_each_other_are_an_error(queue, add, path):
    add(1)
    queue.export_for_labelling(path)
    fill(path, {"reviewer": "rita", "preferred": "a", "strength": 3})
    one = path.read_text()
    fill(path, {"reviewer": "rita ", "preferred": "tie"})
    path.write_text(one + path.read_text())
    with pytest.raises(InputError, match=r"line 2: .* rita labelled it on an earlier line"):
        queue.import_labels(path)
    path.write_text(one + one)
    assert queue.import_labels(path).added == 1


BAD = [
    ("{", "line 2: "),
    ('"text"', "line 2: "),
    ('{"annotations": []}', "line 2: item_id: Field required"),
    ('{"item_id": "nope", "annotations": []}', "line 2: queue prefs has no item 'nope'"),
    ('{"item_id": "ID", "annotations": {}}', "line 2: annotations: "),
    ('{"item_id": "ID"}', "line 2: annotations: Field required"),
    ({"preferred": "a", "strength": 1}, r"annotations\.0\.reviewer: Field required"),
    ({"reviewer": "", "preferred": "a", "strength": 1}, "reviewer's name"),
    ({"reviewer": "x", "preferred": "c", "strength": 1}, "preferred is 'c'; give a, b, tie"),
    ({"reviewer": "x", "preferred": "a"}, "strength is 0"),
    ({"reviewer": "x", "preferred": "a", "strength": "2"}, r"annotations\.0\.strength"),
    ({"reviewer": "x", "preferred": "a", "strength": 2, "labels": ["no"]}, "label 'no' is not"),
    ({"reviewer": "x", "preferred": "a", "strength": 2, "mood": 1}, r"annotations\.0\.mood"),
    ({"reviewer": "x", "preferred": "a", "strength": 2, "seconds": -1}, "seconds"),
    ({"reviewer": "x\ny", "preferred": "tie"}, r"reviewer 'x\\ny' has control characters"),
]


@pytest.mark.parametrize(("bad", "message"), BAD)
def test_a_bad_line_is_named_and_nothing_is_imported(queue, add, path, bad, message):
    item_id, other = add(1), add(2)
    good = {"item_id": other, "annotations": [{"reviewer": "r", "preferred": "tie"}]}
    if isinstance(bad, dict):
        bad = json.dumps({"item_id": item_id, "annotations": [bad]})
    path.write_text("\n".join([json.dumps(good), bad.replace("ID", item_id)]) + "\n")
    with pytest.raises(InputError, match=message) as caught:
        queue.import_labels(path)
    assert "labels.jsonl line 2" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert queue.annotations() == []
    report = queue.import_labels(path, skip_bad=True)
    assert (report.added, [line for line, _ in report.rejected]) == (1, [2])
    assert len(queue.annotations()) == 1


@pytest.mark.parametrize("shown", [{"a": "B", "b": "A"}, {"a": "A"}, {"a": "A", "b": "B", "c": ""}])
def test_a_label_on_other_answers_than_the_queue_holds_is_refused(queue, add, path, shown):
    add(1)
    queue.export_for_labelling(path)
    (line,) = read(path)
    texts = {"A": line["answers"]["a"], "B": line["answers"]["b"]}
    answers = {key: texts.get(name, name) for key, name in shown.items()}
    label = {"reviewer": "rita", "preferred": "a", "strength": 3}
    write(path, [{**line, "answers": answers, "annotations": [label]}])
    with pytest.raises(InputError, match="is not the one that the queue holds"):
        queue.import_labels(path)
    assert queue.annotations() == []


def test_two_labels_of_one_hand_in_a_line_must_be_alike(queue, add, path):
    add(1)
    queue.export_for_labelling(path)
    tie = {"reviewer": "rita", "preferred": "tie"}
    fill(path, tie, {"reviewer": "rita ", "preferred": "neither"})
    with pytest.raises(InputError, match="rita labels it twice, and not alike"):
        queue.import_labels(path)
    fill(path, tie, tie)
    assert queue.import_labels(path).added == 1


def test_spaces_around_a_name_make_no_second_reviewer(queue, add, path):
    add(1)
    queue.export_for_labelling(path)
    fill(path, {"reviewer": "rita", "preferred": "tie"})
    queue.import_labels(path)
    fill(path, {"reviewer": " rita ", "preferred": "tie"})
    assert queue.import_labels(path).unchanged == 1
    assert [a.reviewer for a in queue.annotations()] == ["rita"]


def test_a_line_counts_whole_or_not_at_all(queue, add, path):
    item_id = add(1)
    fine = [{"reviewer": r, "preferred": "tie"} for r in "abc"]
    too_many = {"item_id": item_id, "annotations": [*fine, {"reviewer": "d", "preferred": "tie"}]}
    write(path, [too_many, {"item_id": item_id, "annotations": fine[:2]}])
    report = queue.import_labels(path, skip_bad=True)
    assert report.rejected[0][0] == 1
    assert "has the 3 reviewers it needs" in report.rejected[0][1]
    assert sorted(a.reviewer for a in queue.annotations()) == ["a", "b"]


def test_several_bad_lines_are_counted(queue, add, path):
    add(1)
    path.write_text("{\n\n[\n{\n")
    with pytest.raises(InputError, match=r"line 1: .*\(2 more bad lines\).*nothing was imported"):
        queue.import_labels(path)


def test_files_that_cannot_be_read_are_one_line_errors(queue, path):
    with pytest.raises(InputError, match=r"cannot read .*No such file"):
        queue.import_labels(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        queue.import_labels(path)
