"""Rows, labels and items in and out over the API, for those who may."""

import csv
import http.client
import io
import json
from urllib.parse import urlsplit

import pyarrow.parquet as pq
import pytest

from trueup.datasets import Dataset
from trueup.evals import evaluator
from trueup.queues import AnnotationQueue
from trueup.store.events import list_events
from trueup.store.scores import put_scores
from trueup.types import Label, Question, Score
from web.conftest import NOW, connect

pytestmark = pytest.mark.one_database

LINES = [
    {"prompt": "Wet?", "chosen": "Yes.", "rejected": "No.", "annotator": "ann"},
    {"prompt": "Dry?", "chosen": "No.", "rejected": "Yes.", "annotator": "ann"},
]


def as_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def labelled(fill):
    """A queue of three items, two of them labelled by two people."""
    queue = fill(3)
    first = [item for item in queue.items() if item.trace_id != "prefs-trace-2"]
    for item in first:
        for name in ("ben", "cleo"):
            queue.submit(item.id, name, Label(item.answer("served").key, 2), now=NOW)
    return queue


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
def test_rows_are_downloaded_as_they_are_written(labelled, client, store, kind):
    given = {"format": "unpaired", "kind": kind, "shape": "plain", "min_agreement": 0.5}
    found = client("mo").post("/api/queues/prefs/export", json=given)
    assert found.status_code == 200
    assert found.headers["content-disposition"].endswith(f"prefs-unpaired.{kind}")
    assert found.headers["x-trueup-rows"] == "4"
    if kind == "jsonl":
        rows = [json.loads(line) for line in found.text.splitlines()]
    elif kind == "parquet":
        rows = pq.read_table(io.BytesIO(found.content)).to_pylist()
    else:
        rows = list(csv.DictReader(io.StringIO(found.text)))
    assert sorted((r["completion"], str(r["label"])) for r in rows) == [
        ("<b>Pipe 0</b> is not covered.", "False"),
        ("<b>Pipe 1</b> is not covered.", "False"),
        ("Pipe 0 is covered.", "True"),
        ("Pipe 1 is covered.", "True"),
    ]
    with store.reading() as tx:
        [event] = [e for e in list_events(tx, object_id=labelled.id) if e.action == "export"]
    assert (event.actor, event.detail["sha256"]) == ("mo", found.headers["x-trueup-sha256"])


def test_an_export_is_narrowed_and_what_is_wrong_is_one_line(labelled, client):
    mo = client("mo")
    for given, rows in (
        ({"exclude_reviewers": ["ben"]}, "2"),
        ({"cohorts": ["expert-hard"], "since": "2026-01-01T00:00:00"}, "2"),
        ({"format": "reward", "head": "tone"}, "2"),
    ):
        assert mo.post("/api/queues/prefs/export", json=given).headers["x-trueup-rows"] == rows
    for given, status, said in (
        ({"cohorts": ["none"]}, 409, "no item gives a paired row"),
        ({"format": "step"}, 422, "asks about no steps"),
        ({"labels": ["none"]}, 422, "label 'none' is not in queue prefs"),
        ({"min_agreement": 2}, 422, "less than or equal to 1"),
        ({"until": "2026-01-01T00:00:00Z"}, 409, "no item gives"),
    ):
        found = mo.post("/api/queues/prefs/export", json=given)
        assert (found.status_code, said in found.text) == (status, True), found.text


def test_labels_are_imported_and_a_bad_file_is_told_by_its_name(fill, client, store):
    queue = fill(0)
    mo = client("mo")
    files = {"file": ("theirs.jsonl", as_lines(LINES))}
    found = mo.post("/api/queues/prefs/import", files=files).json()
    assert (found["added"], found["rejected"]) == (2, [])
    assert mo.post("/api/queues/prefs/import", files=files).json()["unchanged"] == 2
    assert {a.reviewer for a in queue.annotations()} == {"ann"}
    with store.reading() as tx:
        assert {e.actor for e in list_events(tx) if e.action == "submit"} == {"mo"}
    bad = {"file": ("C:\\theirs.jsonl", as_lines([*LINES, {"prompt": "?"}]))}
    refused = mo.post("/api/queues/prefs/import", files=bad)
    assert refused.status_code == 422
    assert refused.json()["error"].startswith("theirs.jsonl record 3: chosen is missing")
    some = mo.post("/api/queues/prefs/import", files=bad, data={"skip_bad": "true"}).json()
    assert (some["left_out"], some["rejected"][0]["record"]) == (1, 3)


def test_labels_of_another_tool_are_imported_as_the_form_says(fill, client):
    asked = (Question("preference", "preference"),)
    queue = fill(0, questions=asked)
    record = {
        "fields": {"ask": "Wet?", "one": "Yes.", "two": "No."},
        "responses": {
            "better": [{"value": "two", "user_id": None}],
            "mood": [{"value": "x", "user_id": None}],
        },
    }
    files = {"file": ("a.json", json.dumps([record]))}
    form = {
        "source": "argilla",
        "prompt": "ask",
        "answers": "one, two",
        "reviewer": "ann",
        "questions": "better=preference\nmood=",
    }
    mo = client("mo")
    assert mo.post("/api/queues/prefs/import", files=files, data=form).json()["added"] == 1
    as_json = form | {"questions": json.dumps({"better": "preference", "mood": None})}
    assert mo.post("/api/queues/prefs/import", files=files, data=as_json).json()["unchanged"] == 1
    [given] = queue.annotations()
    assert (given.reviewer, given.label.preferred) == ("ann", "b")
    for change, said in (
        ({"questions": "better"}, "give THEIRS=OURS"),
        ({"questions": "[1]"}, "give an object"),
        ({"source": "excel"}, "source 'excel' is none of"),
    ):
        refused = mo.post("/api/queues/prefs/import", files=files, data=form | change)
        assert (refused.status_code, said in refused.text) == (422, True), refused.text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"json": {}}, "no file was sent"),
        ({"data": {"source": "jsonl"}}, "no file was sent"),
        ({"files": [("file", b"{}"), ("more", b"{}")]}, "the form cannot be read: Too many files"),
        (
            {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
            "the form cannot be read: Missing boundary",
        ),
        ({"files": {"file": ("p.parquet", b"PAR1 not")}}, "cannot read p.parquet"),
        ({"files": {"file": ("p.jsonl", b"\xff\xfe")}}, "cannot read p.jsonl"),
    ],
)
def test_what_is_no_file_of_labels_is_one_line(fill, client, sent, said):
    fill(0)
    refused = client("mo").post("/api/queues/prefs/import", **sent)
    assert (refused.status_code, said in refused.json()["error"]) == (422, True), refused.text


def test_a_file_may_be_larger_than_other_requests_and_not_without_end(fill, client, address):
    fill(0)
    blank = b" " * 3_000_000 + b"\n"
    files = {"file": ("large.jsonl", blank + as_lines(LINES))}
    assert client("mo").post("/api/queues/prefs/import", files=files).json()["added"] == 2
    assert client("ben").post("/api/queues/prefs/import", files=files).status_code == 403
    at = http.client.HTTPConnection(urlsplit(address).netloc)
    at.putrequest("POST", "/api/queues/prefs/import")
    at.putheader("Content-Length", "50000001")
    at.endheaders()
    refused = at.getresponse()
    assert (refused.status, b"larger than 50000000 bytes" in refused.read()) == (413, True)
    at.close()


def test_items_come_from_every_place(labelled, client, store):
    mo = client("mo")
    with store.transaction() as tx:
        scores = [("prefs-trace-0", Score("groundedness", "1", 0.1))]
        put_scores(tx, "trace", scores, "mo", NOW)
    Dataset.create_or_get("d", "v1", store=store).add_rows(labelled.export())
    for given, items in (
        ({"source": "traces", "failed_by": ["groundedness"]}, 1),
        ({"source": "rows", "dataset": "d", "version": "v1", "sample": 1}, 1),
        ({"source": "records", "records": [{"prompt": "?", "answers": ["a", "b"]}]}, 1),
    ):
        AnnotationQueue.create(given["source"], store=store)
        found = mo.post(f"/api/queues/{given['source']}/add", json=given)
        assert found.json()["items"] == items, found.text
    for given, status, said in (
        ({"source": "air"}, 422, "air"),
        ({"source": "traces", "failed_by": ["luck"]}, 404, "no evaluator 'luck'"),
        ({"source": "rows", "dataset": "none"}, 404, "no dataset none"),
        ({"source": "spans"}, 409, "no span makes an item"),
        ({"source": "records", "records": [{}]}, 422, "record 1: it holds nothing"),
    ):
        found = mo.post("/api/queues/prefs/add", json=given)
        assert (found.status_code, said in found.text) == (status, True), found.text


def test_a_reviewer_sees_what_is_known_and_not_which_answer_it_is_about(fill, client, store):
    fill(1)
    version = evaluator("groundedness").version
    with store.transaction() as tx:
        scores = [
            (
                "prefs-trace-0",
                Score("groundedness", version, 0.25, "low", None, "Pipe 0 is covered."),
            ),
            ("prefs-trace-0", Score("length", "1", None, None, 4.0, seconds=2.41, cost=0.00137)),
        ]
        put_scores(tx, "trace", scores, "mo", NOW)
    item = client("ben").post("/api/queues/prefs/claim", json={}).json()["item"]
    assert [(s["evaluator"], s["value"], s["label"], s["reason"]) for s in item["scores"]] == [
        ("groundedness", 0.25, None, "")
    ]
    assert item["scores"][0]["agreement"][0].startswith("AUROC 0.")
    page = client("mo").get(f"/item/{item['id']}").text
    assert "What evaluators found" in page
    assert "length" in page
    assert "agreement with people: not measured" in page
    assert "2.4 s, $0.00137" in page


def test_a_schema_is_checked_and_guidelines_keep_their_versions(fill, client):
    queue = fill(0)
    mo = client("mo")
    good = mo.post("/api/questions", json={"text": '[[question]]\nname = "a"\nkind = "text"\n'})
    assert [q["name"] for q in good.json()] == ["a"]
    for text, said in (
        ("[[question]]\nname = 1", "question 1: name: Input should be a valid string"),
        ('[[question]]\nname = "a"\nkind = "mood"', "of kind 'mood'"),
        ("name = 'a'", "it holds name; write a [[question]]"),
        ("question = 3", "it is no list"),
        ("]", "neither TOML nor JSON"),
        ("[]", "it asks nothing"),
    ):
        refused = mo.post("/api/questions", json={"text": text})
        assert (refused.status_code, said in refused.json()["error"]) == (422, True), refused.text
    for text in ("one", "two"):
        queue.configure(guidelines=text)
    found = mo.get("/api/queues/prefs/guidelines").json()
    assert [(v["version"], v["text"]) for v in found] == [(1, "one"), (2, "two")]


def test_forms_carry_their_sessions_token(fill, people, address):

    from trueup.people import set_password
    from web.conftest import PASSWORD

    queue = fill(1)
    set_password(people, "mo", PASSWORD, actor="ana")
    with connect(address) as page:
        page.post("/signin", data={"name": "mo", "password": PASSWORD})
        for path in ("export", "settings"):
            assert page.post(f"/queue/{queue.id}/{path}", data={}).status_code == 403
        for path in ("import", "items"):
            files = {"file": ("a.jsonl", as_lines(LINES))}
            refused = page.post(f"/queue/{queue.id}/{path}", files=files)
            assert (refused.status_code, "session" in refused.text) == (403, True)
    assert queue.annotations() == []


def test_a_set_up_that_makes_no_sense_is_told_and_stays_filled_in(fill, people, address):
    import re

    from trueup.people import set_password
    from web.conftest import PASSWORD

    queue = fill(1)
    set_password(people, "mo", PASSWORD, actor="ana")
    asked = '[[question]]\nname = "a"\nkind = "text"\n'
    good = {"name": "tone", "overlap": "2", "questions": asked, "reservation_minutes": "30"}
    with connect(address) as page:
        page.post("/signin", data={"name": "mo", "password": PASSWORD})
        token = re.search('name="csrf" content="([^"]+)', page.get("/queues/new").text)[1]
        for change, status, said in (
            ({"name": " "}, 422, "a queue needs a name"),
            ({"name": "prefs"}, 409, "queue prefs exists"),
            ({"name": "to\0ne"}, 422, "name: a null character"),
            ({"overlap": "1e400"}, 422, "give 1 to 1000"),
            ({"overlap": "two"}, 422, "give a number"),
            ({"reservation_minutes": "nan"}, 422, "reservation_minutes is nan"),
            ({"questions": asked.replace("text", "mood")}, 422, "is of kind"),
            ({"questions": asked.replace('"a"', '"\\u0000"')}, 422, "a null character"),
            ({"assignment": "luck"}, 422, "none of open"),
            ({"assignment": "balanced"}, 422, "needs the reviewers"),
            ({"stream": "radio"}, 422, "none of reviewer"),
            ({"reviewers": ["ben", "ben"]}, 422, "repeat"),
        ):
            found = page.post("/queues/new", data=good | {"csrf": token} | change)
            assert (found.status_code, said in found.text) == (status, True), (change, found.text)
            assert "kind = " in found.text, "what was filled in stays"
        for change, said in (({"state": "asleep"}, "none of active"), ({"overlap": "0"}, "give 1")):
            where = f"/queue/{queue.id}/settings"
            found = page.post(where, data=good | {"csrf": token} | change)
            assert (found.status_code, said in found.text) == (422, True), (change, found.text)
        bad = {"csrf": token, "reviewers": "be\0n"}
        assert page.post(f"/queue/{queue.id}/export", data=bad).status_code == 422
        assert page.post("/queues/new", data=good | {"csrf": token}).status_code == 303
    assert AnnotationQueue.get("tone", store=people).overlap == 2
