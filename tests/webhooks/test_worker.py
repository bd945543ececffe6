"""Deliveries over real HTTP: signed, in order, retried, given up, shared, and never lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from trueup.store import webhooks as rows
from trueup.store.events import list_events
from trueup.types import Label
from trueup.webhooks import Sending, add_webhook, list_webhooks, resume_webhook
from webhooks.conftest import NOW, QUICK

WHO = {"actor": "ana", "now": NOW}


def test_a_change_arrives_signed_and_says_nothing_but_ids(make, receive, seal, work, store):
    receiver = receive()
    queue = make(items=1)
    seal()
    made = add_webhook(store, receiver.url, **WHO)
    [item] = queue.items()
    given = queue.submit(item.id, "ben", Label("a", 2, (), None), now=NOW)
    seal()
    work(lambda: len(receiver.got) == 1)
    headers, body = receiver.got[0]
    assert Webhook(made.secret).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(made.secret).verify(body.replace("ben", "eve"), headers)
    with store.reading() as tx:
        [event] = [event for event in list_events(tx) if event.action == "submit"]
    assert json.loads(body) == {
        "type": "annotation.submit",
        "timestamp": NOW.isoformat(),
        "data": {
            "number": event.number,
            "noun": "annotation",
            "id": given.id,
            "action": "submit",
            "actor": "ben",
            "queue": {"id": queue.id, "name": "prefs"},
        },
    }
    assert headers["webhook-id"] == f"msg_{made.kept.id}_{event.number}"
    [now] = list_webhooks(store)
    assert (now.waiting, now.delivered, now.last_error) == (0, 1, "")


def test_only_what_was_asked_for_is_told(make, receive, seal, work, store):
    one, two, three = receive(), receive(), receive()
    prefs, other = make("prefs"), make("other")
    seal()
    add_webhook(store, one.url, queue="other", **WHO)
    add_webhook(store, two.url, actions=["configure"], **WHO)
    add_webhook(store, three.url, **WHO)
    prefs.configure(overlap=2, **WHO)
    other.configure(state="paused", **WHO)
    prefs.items(**WHO)
    other.assign([other.items()[0].id], "ben", **WHO)
    seal()
    work(lambda: [len(r.got) for r in (one, two, three)] == [2, 2, 3])
    assert [kind for kind, _ in one.told] == ["queue.configure", "queue.assign"]
    assert {kind for kind, _ in two.told} == {"queue.configure"}


def test_a_receiver_that_fails_is_tried_again_and_told_in_order(make, receive, seal, work, store):
    receiver = receive()
    queue = make()
    seal()
    add_webhook(store, receiver.url, **WHO)
    receiver.answers = [500, 302]
    receiver.location = receiver.url
    for overlap in (2, 4, 5):
        queue.configure(overlap=overlap, **WHO)
    seal()
    work(lambda: len(receiver.got) == 5)
    numbers = [number for _, number in receiver.told]
    assert numbers[0] == numbers[1] == numbers[2]
    assert numbers[2:] == sorted(set(numbers))
    assert len({headers["webhook-id"] for headers, _ in receiver.got[:3]}) == 1
    [now] = list_webhooks(store)
    assert (now.active, now.delivered, now.waiting) == (True, 3, 0)


@pytest.mark.parametrize(("answers", "tries"), [([500] * 3, 3), ([410], 1)])
def test_a_dead_one_is_disabled_with_an_event_and_loses_nothing(
    make, receive, seal, work, store, answers, tries
):
    receiver = receive()
    queue = make()
    seal()
    hook = add_webhook(store, receiver.url, **WHO).kept
    receiver.answers = list(answers)
    for overlap in (2, 4):
        queue.configure(overlap=overlap, **WHO)
    seal()
    work(lambda: not list_webhooks(store)[0].active)
    assert len(receiver.got) == tries
    [now] = list_webhooks(store)
    assert (now.waiting, now.attempts, now.last_error) == (2, tries, f"it answered {answers[0]}")
    with store.reading() as tx:
        [event] = [event for event in list_events(tx) if event.action == "disable"]
    assert (event.noun, event.object_id, event.detail["tries"]) == ("webhook", hook.id, tries)
    assert event.detail["to"] == receiver.url.partition("/hook")[0]
    queue.configure(overlap=5, **WHO)
    seal()
    resume_webhook(store, hook.id, actor="ana", now=datetime.now(UTC))
    work(lambda: len(receiver.got) == tries + 3)
    numbers = [number for _, number in receiver.told[tries:]]
    assert numbers == sorted(set(numbers))


def test_nobody_there_is_a_failure_with_its_reason(make, receive, seal, work, store):
    receiver = receive()
    receiver.close()
    queue = make()
    seal()
    add_webhook(store, receiver.url, **WHO)
    queue.configure(overlap=2, **WHO)
    seal()
    work(lambda: list_webhooks(store)[0].attempts == 2)
    assert "cannot reach it" in list_webhooks(store)[0].last_error


def test_a_host_that_is_no_name_is_a_failure_like_any_other(make, seal, work, store):
    queue = make()
    seal()
    for host in ("a" * 70 + ".org", "b..c.org", "xn--" + "z" * 50 + ".org"):
        add_webhook(store, f"https://{host}/", **WHO)
    queue.configure(overlap=2, **WHO)
    seal()
    work(lambda: not any(hook.active for hook in list_webhooks(store)))
    assert all(hook.last_error for hook in list_webhooks(store))


def test_several_workers_on_one_store_tell_each_thing_once(make, receive, seal, work, store):
    receivers = [receive() for _ in range(3)]
    queue = make()
    seal()
    for receiver in receivers:
        receiver.hold = 0.01
        add_webhook(store, receiver.url, **WHO)
    for number in range(30):
        queue.configure(description=f"the {number}th", **WHO)
    seal()
    work(lambda: all(len(r.got) >= 30 for r in receivers), workers=4)
    for receiver in receivers:
        numbers = [number for _, number in receiver.told]
        assert numbers == sorted(set(numbers))
        assert len(numbers) == 30


def test_a_try_is_anybodys_again_when_its_time_is_over(make, receive, seal, store):
    """What a worker that was killed had under way is not lost, and not made twice at once."""
    queue = make()
    seal()
    add_webhook(store, receive().url, **WHO)
    queue.configure(overlap=2, **WHO)
    seal()
    lease = timedelta(seconds=30)

    def take(now):
        with store.transaction(beside_others=True) as tx:
            return rows.take_due(tx, now=now, lease=lease, limit=5)

    with store.transaction(beside_others=True) as tx:
        assert rows.enqueue(tx, now=NOW) == 1
        assert rows.enqueue(tx, now=NOW) == 0
    [first] = take(NOW)
    assert take(NOW + lease / 2) == []
    [second] = take(NOW + lease)
    assert (second.change, second.attempts) == (first.change, 2)
    with store.transaction() as tx:
        assert not rows.finish(tx, first, now=NOW)  # it came too late to count
        assert rows.finish(tx, second, now=NOW)
        assert not rows.anything_due(tx, now=NOW + lease)


def test_what_waits_does_not_grow_without_bound_and_is_told_all_the_same(make, seal, store):
    queue = make()
    seal()
    add_webhook(store, "http://localhost:9/", **WHO)
    for number in range(510):
        queue.configure(description=str(number), **WHO)
    seal()
    with store.transaction() as tx:
        assert sum(rows.enqueue(tx, now=NOW) for _ in range(3)) == 500
        for _ in range(12):
            [due] = rows.take_due(tx, now=NOW, lease=timedelta(0), limit=5)
            rows.finish(tx, due, now=NOW)
        assert rows.enqueue(tx, now=NOW) == 10


def test_waits_grow_to_a_bound_and_differ():
    how = Sending()
    for attempts, whole in ((1, 5), (2, 20), (5, 1280), (9, 43200), (30, 43200)):
        waits = {how.wait(attempts).total_seconds() for _ in range(20)}
        assert all(whole / 2 <= wait <= whole for wait in waits)
        assert len(waits) > 10
    assert replace(QUICK, longest_wait=0.01).wait(3).total_seconds() <= 0.01
