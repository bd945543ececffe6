import json

import pytest

from trueup.errors import InputError, QueueError
from trueup.queues import AnnotationQueue, Settings
from trueup.store.events import list_events
from trueup.store.traces import list_traces
from trueup.types import Label, Question

pytestmark = pytest.mark.one_database

QUESTIONS = (
    Question("preference", "preference"),
    Question("labels", "choices", options=("polite", "wrong_tool")),
    Question("correction", "edit"),
    Question("order", "ranking"),
    Question("quality", "rating"),
    Question("tone", "choice", options=("warm", "cold")),
    Question("why", "text"),
    Question("marks", "span", options=("error",)),
)

# A record as `Dataset.records.to_json` of Argilla 2 writes it, and as `to_datasets` flattens it.
ARGILLA = {
    "id": "r-1",
    "fields": {"instruction": "Is it wet?", "response-1": "Yes.", "response-2": "No."},
    "metadata": {"cohort": "tool-heavy", "source": "chat"},
    "suggestions": {"quality": {"value": 1, "score": None, "agent": "judge"}},
    "responses": {
        "preference": [{"value": "response-2", "user_id": "u-ann"}],
        "order": [
            {
                "value": [{"value": "response-2", "rank": 1}, {"value": "response-1", "rank": 2}],
                "user_id": "u-ann",
            }
        ],
        "quality": [{"value": 4, "user_id": "u-ann"}],
        "tone": [{"value": "warm", "user_id": "u-ann"}],
        "labels": [{"value": ["polite"], "user_id": "u-ann"}],
        "why": [{"value": "It says so.", "user_id": "u-ann"}],
    },
    "vectors": {},
    "_server_id": "5b1f",
}
FLAT = {
    "id": "r-2",
    "status": "completed",
    "_server_id": "5b20",
    "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Wet?"}],
    "response-1": "Yes.",
    "response-2": "No.",
    "cohort": "tool-heavy",
    "preference.responses": ["response-1", "response-2", "response-1"],
    "preference.responses.users": ["u-ann", "u-bob", "u-cy"],
    "preference.responses.status": ["submitted", "submitted", "discarded"],
    "quality.suggestion": 3,
    "quality.suggestion.score": None,
    "quality.suggestion.agent": None,
}


def result(name, kind, value, to="text1"):
    return {"id": "x", "from_name": name, "to_name": to, "type": kind, "value": value}


# A task as Label Studio's JSON export writes it.
TASK = {
    "id": 7,
    "data": {"prompt": "Is it wet?", "text1": "Yes.", "text2": "No.", "cohort": "tool-heavy"},
    "annotations": [
        {
            "id": 1001,
            "completed_by": {"id": 10, "email": "ann@example.com", "first_name": "Ann"},
            "was_cancelled": False,
            "lead_time": 4.5,
            "created_at": "2021-03-09T22:16:08.728353Z",
            "result": [
                result("preference", "pairwise", {"selected": "left"}, "text1,text2"),
                result("quality", "rating", {"rating": 4}),
                result("tone", "choices", {"choices": ["cold"]}),
                result("labels", "choices", {"choices": ["polite"]}),
                result("why", "textarea", {"text": ["It says so.", "Twice."]}),
                result(
                    "marks", "labels", {"start": 0, "end": 3, "text": "Yes", "labels": ["error"]}
                ),
            ],
        },
        {"id": 1002, "completed_by": 11, "was_cancelled": True, "result": []},
        {
            "id": 1003,
            "completed_by": 12,
            "result": [result("preference", "pairwise", {"selected": "right"}, "text1,text2")],
        },
    ],
    "predictions": [{"model_version": "m", "result": [result("quality", "rating", {"rating": 1})]}],
    "meta": {},
}
PAIRS = [
    {"prompt": "Wet?", "chosen": "Yes.", "rejected": "No.", "annotator": "ann", "strength": 3},
    {"prompt": "Wet?", "chosen": "No.", "rejected": "Yes.", "annotator": "bob"},
    {
        "messages": [{"role": "user", "content": "Dry?"}],
        "chosen": [{"role": "assistant", "content": "No."}],
        "rejected": [{"role": "assistant", "content": "Yes."}],
        "annotator": "ann",
        "cohort": "dry-ones",
    },
    {"prompt": "Wet?", "completion": "Yes.", "label": True, "annotator": "ann"},
    {"prompt": "Dry?", "completion": "Yes.", "label": False, "annotator": "ann"},
    {"prompt": "Cold?", "completion": "Maybe."},
]


@pytest.fixture
def queue(store, now):
    return AnnotationQueue.create("away", questions=QUESTIONS, store=store, actor="ana", now=now)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "export.json"


def write(path, records):
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def by_reviewer(queue):
    return {a.reviewer: a.label for a in queue.annotations()}


def test_argilla_records_become_items_and_labels(store, queue, path, now):
    report = queue.import_annotations(write(path, [ARGILLA]), source="argilla", actor="i", now=now)
    assert (report.added, report.unlabelled, report.rejected) == (1, 0, ())
    (item,) = queue.items()
    assert item.messages == ({"role": "user", "content": "Is it wet?"},)
    assert [(a.key, a.text, a.source) for a in item.answers] == [
        ("a", "Yes.", "response-1"),
        ("b", "No.", "response-2"),
    ]
    assert (item.cohort, item.reason) == ("tool-heavy", "import:argilla")
    (label,) = by_reviewer(queue).values()
    assert label == Label(
        "b",
        1,
        ("polite",),
        answers={"order": ["b", "a"], "quality": 4, "tone": "warm", "why": "It says so."},
    )
    with store.reading() as tx:
        (kept,) = list_traces(tx, source="import:argilla")
        actions = [e.action for e in list_events(tx)]
    assert (kept.id, kept.cohort, kept.answer) == (item.trace_id, "tool-heavy", "Yes.")
    assert actions == ["create", "add_items", "submit"]


def test_flat_argilla_columns_count_what_was_submitted(queue, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = tmp_path / "flat.jsonl"
    lines.write_text(json.dumps(FLAT) + "\n")
    table = tmp_path / "flat.parquet"
    pq.write_table(pa.Table.from_pylist([FLAT]), table)
    assert queue.import_annotations(lines, source="argilla").added == 2
    again = queue.import_annotations(table, source="argilla")
    assert (again.added, again.unchanged) == (0, 2)
    assert {k: v.preferred for k, v in by_reviewer(queue).items()} == {"u-ann": "a", "u-bob": "b"}
    assert queue.items()[0].messages[0] == {"role": "system", "content": "Be brief."}


def test_label_studio_tasks_become_items_and_labels(queue, path, now):
    report = queue.import_annotations(write(path, [TASK]), source="label_studio", now=now)
    assert (report.added, len(queue.items())) == (2, 1)
    found = by_reviewer(queue)
    assert found["12"] == Label("b", 1)
    assert found["ann@example.com"] == Label(
        "a",
        1,
        ("polite",),
        seconds=4.5,
        answers={
            "quality": 4,
            "tone": "cold",
            "why": "It says so.\nTwice.",
            "marks": [{"answer": "a", "start": 0, "end": 3, "label": "error"}],
        },
    )


def test_label_studio_lists_are_ranked_by_their_ids(queue, path):
    entries = [{"id": n, "title": n, "body": f"the {n}"} for n in ("blog", "mdn", "wiki")]
    ranked = result("rank", "ranker", {"ranker": {"rank": ["mdn", "wiki", "blog"]}}, "items")
    task = {
        "data": {"query": "arrows", "items": entries},
        "annotations": [{"completed_by": 1, "result": [ranked]}],
    }
    queue = _asking(queue, Question("order", "ranking"))
    queue.import_annotations(
        write(path, [task]), source="label_studio", questions={"rank": "order"}
    )
    (item,) = queue.items()
    assert (item.answers[0].source, item.answers[0].text) == ("blog", "the blog")
    assert by_reviewer(queue)["1"].answers == {"order": ["b", "c", "a"]}


def _asking(queue, *questions):
    return AnnotationQueue.create("asks", questions=questions, store=queue._store)


def test_two_who_prefer_otherwise_label_one_item(queue, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in PAIRS))
    report = queue.import_annotations(path)
    assert (report.added, report.unlabelled) == (5, 1)
    items = {(i.messages[0]["content"], len(i.answers)): i for i in queue.items()}
    assert items.keys() == {("Wet?", 2), ("Dry?", 2), ("Wet?", 1), ("Dry?", 1), ("Cold?", 1)}
    said = {
        (a.item_id, a.reviewer): (a.label.preferred, a.label.strength) for a in queue.annotations()
    }
    pair = items["Wet?", 2]
    keys = {answer.text: answer.key for answer in pair.answers}
    assert said[pair.id, "ann"] == (keys["Yes."], 3)
    assert said[pair.id, "bob"] == (keys["No."], 1)
    assert said[items["Wet?", 1].id, "ann"] == ("a", 0)
    assert said[items["Dry?", 1].id, "ann"] == ("neither", 0)
    assert items["Dry?", 2].cohort == "dry-ones"
    assert items["Cold?", 1].cohort == "imported"


@pytest.mark.parametrize(("source", "record"), [("argilla", ARGILLA), ("label_studio", TASK)])
def test_the_same_file_twice_adds_nothing(store, queue, path, source, record):
    write(path, [record, record])
    first = queue.import_annotations(path, source=source)
    items, labels = queue.items(), queue.annotations()
    again = queue.import_annotations(path, source=source)
    assert again.added == 0
    assert again.unchanged == first.added + first.unchanged == 2 * len(labels)
    assert (queue.items(), queue.annotations()) == (items, labels)


def test_imported_items_wait_for_the_reviewers_they_lack(queue, tmp_path, now):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(PAIRS[0]))
    queue.import_annotations(path)
    claim = queue.claim("bob", now=now)
    assert claim.item.id == queue.items()[0].id
    with pytest.raises(QueueError, match="nothing is left for ann"):
        queue.claim("ann", now=now)


def test_a_changed_label_is_a_correction(queue, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(PAIRS[0]))
    queue.import_annotations(path)
    path.write_text(json.dumps(PAIRS[0] | {"strength": 1}))
    report = queue.import_annotations(path)
    assert (report.added, report.corrected) == (1, 1)
    assert [a.label.strength for a in queue.annotations()] == [1]


def test_fields_and_questions_are_named_where_they_are_called_otherwise(queue, path):
    record = {
        "fields": {"task": "Wet?", "left_model": "Yes.", "right_model": "No.", "note": "x"},
        "responses": {
            "which": [{"value": "right_model", "user_id": None}],
            "mood": [{"value": "warm", "user_id": None}],
        },
        "metadata": {},
    }
    write(path, [record])
    with pytest.raises(InputError, match=r"record 1: its prompt is none of its fields task, left"):
        queue.import_annotations(path, source="argilla", reviewer="ann")
    with pytest.raises(InputError, match=r"which of its fields .* are answers is not clear"):
        queue.import_annotations(path, source="argilla", reviewer="ann", prompt="task")
    named = {"prompt": "task", "answers": ["left_model", "right_model"]}
    with pytest.raises(InputError, match="a label of it names nobody"):
        queue.import_annotations(path, source="argilla", **named)
    with pytest.raises(InputError, match="queue away does not ask 'which'; it asks preference"):
        queue.import_annotations(path, source="argilla", reviewer="ann", **named)
    assert queue.items() == []
    questions = {"which": "preference", "mood": None}
    queue.import_annotations(path, source="argilla", reviewer="ann", questions=questions, **named)
    assert by_reviewer(queue) == {"ann": Label("b", 1)}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"chosen": None}, "chosen is missing"),
        ({"chosen": "Yes."}, "two of its answers are the same"),
        ({"prompt": [{"content": "?"}]}, "its prompt is neither a text nor a list"),
        ({"annotator": None}, "names nobody"),
        ({"strength": 9}, "strength is 9"),
        ({"cohort": "all"}, "its cohort is 'all'"),
        ({"cohort": "c" * 101}, "its cohort is called ccc"),
        ({"chosen": "a\0b"}, "a null character"),
        ({"completion": "x", "label": "yes"}, "label is 'yes'; give true or false"),
    ],
)
def test_a_bad_record_is_named_and_nothing_is_imported(queue, tmp_path, change, match):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in (PAIRS[0], PAIRS[2] | change)))
    with pytest.raises(InputError, match=rf"record 2: .*{match}.*; nothing was imported"):
        queue.import_annotations(path)
    assert (queue.items(), queue.annotations()) == ([], [])
    report = queue.import_annotations(path, skip_bad=True)
    assert (report.added, [number for number, _ in report.rejected]) == (1, [2])
    assert len(queue.items()) == 1


def test_labels_are_checked_as_those_given_here(queue, path, now):
    def bad(**responses):
        said = {k: [{"value": v, "user_id": "u"}] for k, v in responses.items()}
        return write(path, [ARGILLA | {"responses": said}])

    for given, match in (
        ({"preference": "response-9"}, "names 'response-9', which is none of its answers"),
        ({"quality": 4}, "preferred is None"),
        ({"preference": "response-1", "quality": 11}, "'quality' takes a whole number"),
        ({"preference": "response-1", "labels": ["rude"]}, "label 'rude' is not in queue away"),
        ({"preference": "response-1", "marks": [{"start": 0, "end": 1}]}, "which answer its spans"),
    ):
        with pytest.raises(InputError, match=match):
            queue.import_annotations(bad(**given), source="argilla")
    assert queue.items() == []
    others = [
        ARGILLA | {"responses": {"preference": [{"value": "response-1", "user_id": f"u{n}"}]}}
        for n in range(4)
    ]
    report = queue.import_annotations(write(path, others), source="argilla", skip_bad=True)
    assert report.added == 3
    assert "it has the 3 reviewers it needs" in report.rejected[0][1]


def test_one_hand_that_says_two_things_is_a_mix_up(queue, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(json.dumps(PAIRS[0] | {"strength": n}) for n in (1, 2)))
    with pytest.raises(InputError, match="record 2: ann labels its answers twice, and not alike"):
        queue.import_annotations(path)


def test_what_is_no_such_export_is_said_to_be_none(queue, tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(InputError, match="cannot read"):
        queue.import_annotations(path)
    path.write_text("[1")
    with pytest.raises(InputError, match="is not JSON"):
        queue.import_annotations(path)
    path.write_text('{"prompt"')
    with pytest.raises(InputError, match="record 1: it is not a JSON object"):
        queue.import_annotations(path)
    write(path, [{"id": 1}])
    with pytest.raises(InputError, match="not as label_studio exports it"):
        queue.import_annotations(path, source="label_studio")
    with pytest.raises(
        InputError, match="source 'doccano' is none of argilla, label_studio, jsonl"
    ):
        queue.import_annotations(path, source="doccano")
    write(path, [TASK | {"annotations": [{"completed_by": 1, "result": [
        result("box", "rectanglelabels", {"x": 1})]}]}])  # fmt: skip
    with pytest.raises(InputError, match="'box' is of type 'rectanglelabels'"):
        queue.import_annotations(path, source="label_studio")


def test_a_queue_that_is_completed_takes_none(store, path, now):
    queue = AnnotationQueue.create("done", settings=Settings(), store=store)
    queue.configure(state="completed")
    with pytest.raises(QueueError, match="completed"):
        queue.import_annotations(write(path, PAIRS[:1]))


def test_what_was_imported_is_exported(queue, tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps(PAIRS[2]))
    queue.import_annotations(path)
    queue.export_rows(tmp_path / "out.jsonl", format="paired")
    (row,) = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (row["chosen"][0]["content"], row["rejected"][0]["content"]) == ("No.", "Yes.")
    assert (row["origin"], row["cohort"]) == ("given", "dry-ones")
