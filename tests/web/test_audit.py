"""The audit log over the API and as a page."""

import json

import pytest
import sqlalchemy as sa

from trueup.store import schema
from trueup.store.events import list_events, seal_events
from trueup.types import Label

pytestmark = pytest.mark.one_database


@pytest.fixture
def log(fill, store):
    """A safety queue with labels and another one, all of it sealed."""
    queue = fill(2, "harm", settings={"safety": True})
    fill(1, "tone")
    for item in queue.items(actor="mo"):
        queue.submit(item.id, "ben", Label("a", 1))
    with store.transaction() as tx:
        seal_events(tx)
    return queue


def test_events_are_picked_and_paged_by_their_number(log, client, store):
    mo = client("mo")
    with store.reading() as tx:
        every = [event.number for event in list_events(tx)]
    got, before = [], None
    while True:
        asked = {"limit": 3} | ({} if before is None else {"before": before})
        page = mo.get("/api/audit", params=asked).json()
        got += [event["number"] for event in page["events"]]
        before = page["next"]
        if before is None:
            break
    assert got[: len(every)] == sorted(got, reverse=True)
    assert set(every) <= set(got)

    def picked(**asked):
        return mo.get("/api/audit", params=asked).json()["events"]

    assert {event["action"] for event in picked(noun="annotation")} == {"submit"}
    assert {event["noun"] for event in picked(action="add_items")} == {"queue"}
    assert {event["object_id"] for event in picked(object=log.id)} == {log.id}
    assert {event["actor"] for event in picked(by="ben")} == {"ben"}
    assert all(event["safety"] for event in picked(safety=True))
    assert not any(event["safety"] for event in picked(safety=False))
    assert picked(by="nobody") == []


def test_the_chain_is_verified_from_where_it_was_and_anew_when_asked(log, client, store):
    mo = client("mo")
    assert mo.get("/api/audit/chain").json()["fault"] == ""
    first = mo.post("/api/audit/verify", json={}).json()
    assert (first["unsealed"], first["fault"]) == (0, "")
    with store.transaction() as tx:
        tx.execute(sa.update(schema.event).where(schema.event.c.number == 2).values(actor="eve"))
    assert mo.get("/api/audit/chain").json()["fault"] == ""  # it was verified before
    again = mo.post("/api/audit/verify", json={"head": first["head"]}).json()
    assert again["fault"].startswith("event 2 or its place")
    assert mo.get("/api/audit/chain").json()["fault"] == again["fault"]
    assert "The log is not what it was" in mo.get("/audit").text


def test_a_new_event_is_verified_as_it_comes(log, client, store):
    mo = client("mo")
    with store.transaction() as tx:
        seal_events(tx)
    before = mo.get("/api/audit/chain").json()
    log.configure(overlap=3, actor="mo")
    with store.transaction() as tx:
        seal_events(tx)
    after = mo.get("/api/audit/chain").json()
    assert after["sealed"] > before["sealed"]
    assert after["head"] != before["head"]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_the_export_is_a_file_with_its_head_and_is_an_event(log, client, store, kind):
    answer = client("mo").post("/api/audit/export", json={"format": kind})
    assert answer.status_code == 200
    assert f'filename="audit.{kind}"' in answer.headers["content-disposition"]
    with store.reading() as tx:
        [event] = [event for event in list_events(tx) if event.noun == "audit_log"]
    assert (event.actor, event.detail["head"]) == ("mo", answer.headers["x-audit-head"])
    assert event.detail["labels"] == 2
    if kind == "jsonl":
        rows = [json.loads(line) for line in answer.text.splitlines()]
        assert [row["reviewer"] for row in rows if row["record"] == "label"] == ["ben", "ben"]
    naive = client("mo").post("/api/audit/export", json={"since": "2026-01-01T00:00:00"})
    assert naive.status_code == 422


def test_what_is_asked_for_on_the_page_is_shown_and_leads_on(log, client):
    mo = client("mo")
    text = mo.get("/audit", params={"action": "submit", "safety": "yes"}).text
    assert text.count('class="tag">safety') == 2
    assert 'href="/annotation/' in text
    assert "Verified up to seal" in text
    assert "There are none." in mo.get("/audit", params={"by": "<b>"}).text
    assert "<b>" not in mo.get("/audit", params={"by": "<b>"}).text.replace("<b class", "")
