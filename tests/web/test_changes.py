"""Server-sent events: what happens to a queue, to those who may see it, and no more than that."""

import json
import time
from contextlib import contextmanager

import pytest

from trueup.people import set_member
from trueup.store.events import seal_events
from trueup.types import Label
from trueup.web.events import _changes, _changes_api


class Stream:
    """What came over a stream, as events."""

    def __init__(self, answer):
        self._lines = answer.iter_lines()

    def next(self, kind):
        """Return the next event of a kind: its id and data."""
        event = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line:
                event[name] = value
            elif event.get("event") == kind:
                return event.get("id"), json.loads(event["data"])
            else:
                event = {}
        raise AssertionError(f"the stream ended before a {kind}")


@pytest.fixture
def listen(client, store):
    """Return a function that listens to a queue as somebody, to what comes from then on."""

    @contextmanager
    def start(name, queue="prefs", **headers):
        one = client(name)
        with store.transaction() as tx:
            seal_events(tx)
        for _ in range(300):
            with one.stream("GET", f"/api/queues/{queue}/events", headers=headers) as answer:
                if answer.status_code == 429:  # of one that left, the server hears a little later
                    time.sleep(0.1)
                    continue
                assert answer.status_code == 200, answer.read()
                assert answer.headers["content-type"].startswith("text/event-stream")
                assert "default-src 'none'" in answer.headers["content-security-policy"]
                yield Stream(answer)
            return
        raise AssertionError("no place is given back")

    return start


def test_a_label_is_told_with_new_counts(fill, listen):
    queue = fill(1)
    [item] = queue.items()
    with listen("mo") as stream:
        assert stream.next("counts")[1]["annotations"] == 0
        given = queue.submit(item.id, "ben", Label("a", 1))
        key, data = stream.next("change")
        assert key.isdecimal()
        assert (data["noun"], data["id"], data["action"]) == ("annotation", given.id, "submit")
        assert data["actor"] == "ben"
        assert set(data) == {"number", "action", "noun", "id", "at", "actor"}
        counts = stream.next("counts")[1]
        assert (counts["annotations"], counts["started"], counts["done"]) == (1, 1, 0)


def test_a_reviewer_is_told_ids_and_not_who_did_it_and_of_their_queues_alone(fill, listen, client):
    mine = fill(1, "mine", settings={"reviewers": ("ben", "cleo")})
    yours = fill(1, "yours", settings={"reviewers": ("cleo",)})
    with listen("ben", "mine") as stream:
        stream.next("counts")
        for queue in (yours, mine):
            queue.submit(queue.items()[0].id, "cleo", Label("a", 1))
        _, data = stream.next("change")
        assert data["action"] == "submit"
        assert "actor" not in data
        mine.submit(mine.items()[0].id, "ben", Label("b", 1))
        assert stream.next("change")[1]["actor"] == "ben"
    assert client("ben").get("/api/queues/yours/events").status_code == 403
    assert client("ben").get("/api/queues/none/events").status_code == 404
    assert client().get("/api/queues/mine/events").status_code == 401


def test_who_comes_back_goes_on_where_they_were(fill, listen):
    queue = fill(1)
    with listen("mo") as stream:
        stream.next("counts")
        queue.configure(description="one")
        first, _ = stream.next("change")
        for text in ("two", "three"):
            queue.configure(description=text)
        with listen("mo", **{"Last-Event-ID": first}) as second:
            missed = [second.next("change")[0] for _ in range(2)]
        assert [stream.next("change")[0] for _ in range(2)] == missed
    # nobody listens now; what they missed is read from the store
    with listen("mo", **{"Last-Event-ID": first}) as third:
        assert [third.next("change")[0] for _ in range(2)] == missed
    for odd in ("9" * 30, "-1", "x", "³"):
        with listen("mo", **{"Last-Event-ID": odd.encode("latin-1", "ignore")}) as stream:
            stream.next("counts")


def test_who_missed_too_much_is_told_to_read_anew(fill, listen, monkeypatch):
    monkeypatch.setattr(_changes, "_CAUGHT_UP", 2)
    queue = fill(1)
    for number in range(5):
        queue.configure(description=str(number))
    with listen("mo", **{"Last-Event-ID": "0"}) as stream:
        assert stream.next("reset") == (None, {})


def test_so_many_may_listen_and_places_are_given_back(fill, listen, client, monkeypatch):
    monkeypatch.setattr(_changes, "_EACH", 1)
    fill(1)
    for _ in range(2):
        with listen("mo") as stream:
            stream.next("counts")
            assert client("mo").get("/api/queues/prefs/events").status_code == 429


def test_who_may_no_longer_see_a_queue_is_told_no_more(fill, listen, people, monkeypatch):
    monkeypatch.setattr(_changes_api, "_BEAT", 0.2)
    fill(1)
    with listen("ben") as stream:
        stream.next("counts")
        set_member(people, "ben", active=False, actor="ana")
        with pytest.raises(AssertionError, match="the stream ended"):
            stream.next("change")
