"""Pages and API log who reads what of a queue about safety, by the reader's own name."""

from trueup.queues import AnnotationQueue
from trueup.store.events import list_events
from trueup.types import Label


def reads(store):
    with store.reading() as tx:
        found = [event for event in list_events(tx) if event.action == "read"]
    return [(event.actor, event.detail["what"], event.detail["count"]) for event in found]


def test_what_pages_and_api_show_of_a_safety_queue_is_logged(fill, client, store):
    fill(2, "tone")
    queue = fill(2, "harm", settings={"safety": True})
    mo, vic, ben = (client(name) for name in ("mo", "vic", "ben"))
    item = ben.post("/api/queues/harm/claim", json={}).json()["item"]["id"]
    label = {"preferred": "a", "strength": 1}
    given = ben.post(f"/api/queues/harm/items/{item}/label", json=label).json()["id"]
    assert reads(store) == [("ben", "item", 1)]
    assert ben.post("/api/queues/harm/undo").status_code == 200
    assert mo.get("/api/queues/harm/annotations").status_code == 200
    assert mo.get(f"/item/{item}").status_code == 200
    assert vic.get("/trace/harm-trace-0").status_code == 200
    assert vic.get(f"/annotation/{given}").status_code == 200
    assert vic.get(f"/queue/{queue.id}").status_code == 200
    expected = [("ben", "item", 1), ("mo", "labels", 1), ("mo", "item", 1), ("vic", "trace", 1)]
    assert reads(store)[1:] == [*expected, ("vic", "labels", 1)]


def test_what_may_not_be_seen_is_not_read(fill, client, store):
    fill(1, "harm", settings={"safety": True, "reviewers": ("cleo",)})
    ben = client("ben")
    assert ben.get("/trace/harm-trace-0").status_code == 403
    assert ben.post("/api/queues/harm/claim", json={}).status_code == 403
    assert ben.get("/api/queues/harm/annotations").status_code == 403
    assert reads(store) == []


def test_other_queues_are_read_without_a_word(fill, client, store):
    item = fill(1, "tone").items()[0].id
    AnnotationQueue.get("tone", store=store).submit(item, "cleo", Label("a", 1))
    mo = client("mo")
    for path in ("/api/queues/tone/annotations", f"/item/{item}", "/trace/tone-trace-0"):
        assert mo.get(path).status_code == 200
    assert mo.post("/api/queues/tone/claim", json={}).status_code == 200
    assert reads(store) == []
