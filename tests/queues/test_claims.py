"""Who gets which item, and that nobody gets one too many."""

import threading
from collections import Counter
from datetime import timedelta

import pytest

from trueup.errors import InputError, LeaseExpired, QueueEmpty, QueueError, UnknownName
from trueup.queues import AnnotationQueue, NewItem, Settings
from trueup.store.events import list_events
from trueup.types import Label

A = Label("a", 2)


@pytest.fixture
def fill(store, trace, now):
    """Return a function that makes a queue of items and returns it."""

    def make(count: int, name: str = "claims", tags: tuple[str, ...] = (), **settings):
        overlap = settings.pop("overlap", 2)
        queue = AnnotationQueue.create(
            name, overlap=overlap, settings=Settings(**settings), store=store, actor="ana", now=now
        )
        new = [
            NewItem.from_trace(trace(i), reason="sampled", candidate=f"other {i}")
            for i in range(count)
        ]
        if tags:
            from dataclasses import replace

            new = [replace(item, tag=tag) for item, tag in zip(new, tags, strict=True)]
        for item in new:  # one after the other, so that their order is known
            queue.add_items([item], actor="ana", now=now)
        return queue

    return make


def order(queue):
    """Items in the order they are handed out in."""
    return [item.id for item in queue.items()] if queue else []


def label_all(queue, reviewer, now):
    """Claim and label until nothing is left; return the items in order."""
    seen = []
    while True:
        try:
            claim = queue.claim(reviewer, now=now)
        except QueueEmpty:
            return seen
        queue.submit(claim.item.id, reviewer, A, shown=claim.shown, now=now)
        seen.append(claim.item.id)


def test_each_reviewer_gets_each_item_once_and_no_item_more_reviewers_than_it_needs(fill, now):
    queue = fill(3)
    first, second = label_all(queue, "ben", now), label_all(queue, "cleo", now)
    assert first == second
    assert len(set(first)) == 3
    with pytest.raises(QueueEmpty, match="every item has the reviewers it needs"):
        queue.claim("dan", now=now)
    assert Counter(a.item_id for a in queue.annotations()) == dict.fromkeys(first, 2)


def test_a_claim_is_held_until_its_time_and_then_anybodys(fill, now):
    queue = fill(1, overlap=1, reservation_minutes=10)
    claim = queue.claim("ben", now=now)
    assert claim.expires_at == now + timedelta(minutes=10)
    assert queue.claim("ben", now=now + timedelta(minutes=5)) == claim
    with pytest.raises(QueueEmpty, match=r"1 places wait: 1 reserved by others until 09:10 UTC"):
        queue.claim("cleo", now=now + timedelta(minutes=9))
    late = now + timedelta(minutes=10)
    assert queue.claim("cleo", now=late).item == claim.item
    with pytest.raises(LeaseExpired, match=r"reserved by others .* ben holds none"):
        queue.submit(claim.item.id, "ben", A, now=late)
    queue.submit(claim.item.id, "cleo", A, now=late)


def test_a_label_that_comes_late_is_taken_while_nobody_else_has_the_place(fill, now):
    queue = fill(1, overlap=1, reservation_minutes=10)
    claim = queue.claim("ben", now=now)
    queue.submit(claim.item.id, "ben", A, now=now + timedelta(hours=5))
    assert len(queue.annotations()) == 1


def test_a_place_given_back_is_free_at_once(fill, now):
    queue = fill(1, overlap=1)
    claim = queue.claim("ben", now=now)
    assert queue.release(claim.item.id, "ben")
    assert not queue.release(claim.item.id, "ben")
    assert queue.claim("cleo", now=now).item == claim.item


def test_a_further_item_can_be_at_hand(fill, now):
    queue = fill(3, overlap=1)
    first = queue.claim("ben", now=now)
    second = queue.claim("ben", beside=first.item.id, now=now)
    assert first.item != second.item
    assert queue.claim("ben", beside=first.item.id, now=now) == second
    queue.submit(first.item.id, "ben", A, now=now)
    assert queue.claim("ben", now=now).item == second.item


def test_a_skipped_item_goes_to_others_and_says_why(fill, store, now):
    queue = fill(1, overlap=1)
    claim = queue.claim("ben", now=now)
    with pytest.raises(InputError, match="a skip needs its reason"):
        queue.skip(claim.item.id, "ben", " ", now=now)
    with pytest.raises(UnknownName, match="has no item 'nope'"):
        queue.skip("nope", "ben", "cannot read it", now=now)
    queue.skip(claim.item.id, "ben", "cannot read it", now=now)
    queue.skip(claim.item.id, "ben", "wrong language", now=now)
    with pytest.raises(QueueEmpty, match="1 places wait: 1 on items that ben skipped"):
        queue.claim("ben", now=now)
    assert queue.claim("cleo", now=now).item == claim.item
    with store.reading() as tx:
        skips = [e for e in list_events(tx, object_id=claim.item.id) if e.action == "skip"]
    assert [e.detail["reason"] for e in skips] == ["cannot read it", "wrong language"]


def test_undo_hands_the_last_item_back_and_a_new_label_replaces_the_old(fill, now):
    queue = fill(2, overlap=1)
    with pytest.raises(QueueEmpty, match="ben has labelled nothing"):
        queue.undo("ben", now=now)
    first = queue.claim("ben", now=now)
    queue.submit(first.item.id, "ben", A, shown="ba", now=now)
    undone = queue.undo("ben", now=now)
    assert (undone.item, undone.shown, undone.standing.label) == (first.item, "ba", A)
    given = queue.submit(first.item.id, "ben", Label("tie"), replaces=undone.standing.id, now=now)
    assert queue.annotations() == [given]
    assert queue.claim("ben", now=now).item != first.item


def test_what_is_shown_first_differs_by_reviewer_and_is_kept(fill, now):
    queue = fill(1, overlap=41)
    shown = {}
    for number in range(40):
        claim = queue.claim(f"r{number}", now=now)
        shown[f"r{number}"] = claim.shown
        assert queue.claim(f"r{number}", now=now).shown == claim.shown
        queue.submit(claim.item.id, f"r{number}", A, shown=claim.shown, now=now)
    assert 8 <= sum(keys == "ab" for keys in shown.values()) <= 32
    assert {a.reviewer: a.shown for a in queue.annotations()} == shown
    with pytest.raises(InputError, match="shown as 'aa'"):
        queue.submit(claim.item.id, "x", A, shown="aa", now=now)


@pytest.mark.parametrize("assignment", ["round_robin", "balanced"])
def test_items_can_be_assigned_as_they_come(fill, now, assignment):
    queue = fill(6, assignment=assignment, reviewers=("ben", "cleo", "dan"))
    got = {name: label_all(queue, name, now) for name in ("ben", "cleo", "dan")}
    assert {name: len(items) for name, items in got.items()} == {"ben": 4, "cleo": 4, "dan": 4}
    assert all(len(set(items)) == 4 for items in got.values())
    with pytest.raises(QueueError, match=r"eve is none of its reviewers \(ben, cleo, dan\)"):
        queue.claim("eve", now=now)


def test_who_has_least_to_do_gets_the_next_item(fill, trace, now):
    queue = fill(2, overlap=1, assignment="balanced", reviewers=("ben", "cleo"))
    label_all(queue, "ben", now)  # ben is done, cleo has one waiting
    queue.add_items([NewItem.from_trace(trace(9), reason="sampled")], actor="ana", now=now)
    assert queue.claim("ben", now=now).item.trace_id == "trace-9"


def test_a_place_can_be_kept_for_one_reviewer(fill, now):
    queue = fill(2, overlap=1)
    first = queue.claim("ben", now=now).item.id
    queue.release(first, "ben")
    assert queue.assign([first], "cleo", actor="ana", now=now) == 1
    assert queue.assign([first], "dan", actor="ana", now=now) == 0
    with pytest.raises(LeaseExpired, match="assigned to them, and ben holds none"):
        queue.submit(first, "ben", A, now=now)
    assert label_all(queue, "ben", now) != [first]
    with pytest.raises(QueueEmpty, match="1 places wait: 1 assigned to others"):
        queue.claim("ben", now=now)
    assert queue.assign([first], None, actor="ana", now=now) == 1
    assert queue.claim("ben", now=now).item.id == first


def test_items_go_to_those_who_have_the_expertise(fill, now):
    queue = fill(3, overlap=1, tags=("law", "", "medicine"), assignment="expertise")
    law = queue.claim("ben", tags=["law"], now=now)
    queue.submit(law.item.id, "ben", A, now=now)
    anybodys = queue.claim("ben", tags=["law"], now=now)
    queue.submit(anybodys.item.id, "ben", A, now=now)
    assert (law.item.tag, anybodys.item.tag) == ("law", "")
    with pytest.raises(QueueEmpty, match="1 assigned to others or asking for other expertise"):
        queue.claim("ben", tags=["law"], now=now)
    assert queue.claim("cleo", tags=["medicine"], now=now).item.tag == "medicine"


def test_a_paused_queue_hands_out_nothing_and_takes_what_is_in_hand(fill, now):
    queue = fill(2, overlap=1)
    claim = queue.claim("ben", now=now)
    queue.configure(state="paused", actor="ana", now=now)
    with pytest.raises(QueueError, match="queue claims is paused"):
        queue.claim("cleo", now=now)
    queue.submit(claim.item.id, "ben", A, now=now)
    queue.configure(state="archived", actor="ana", now=now)
    with pytest.raises(QueueError, match="queue claims is archived"):
        queue.submit(claim.item.id, "cleo", A, now=now)


def test_overlap_can_grow_and_shrink_and_labels_stay(fill, now):
    queue = fill(2, overlap=1)
    label_all(queue, "ben", now)
    queue.configure(overlap=3, actor="ana", now=now)
    assert [len(label_all(queue, name, now)) for name in ("ben", "cleo")] == [0, 2]
    queue.configure(overlap=1, actor="ana", now=now)
    assert label_all(queue, "dan", now) == []
    assert (queue.overlap, len(queue.annotations())) == (1, 4)
    queue.configure(overlap=3, actor="ana", now=now)  # the places that were filled are there still
    assert len(label_all(queue, "dan", now)) == 2
    assert label_all(queue, "eve", now) == []


def test_settings_that_make_no_sense_change_nothing(fill, now):
    queue = fill(1)
    for given, message in (
        ({"overlap": 0}, "overlap is 0"),
        ({"state": "asleep"}, "state 'asleep' is none of active, paused"),
        ({"assignment": "random"}, "assignment 'random' is none of open"),
        ({"assignment": "balanced"}, "needs the reviewers"),
        ({"reviewers": ("ben", "ben")}, "repeat or are empty"),
        ({"reservation_minutes": 0}, "reservation_minutes is 0"),
        ({"colour": "red"}, "'colour' is none of description, reviewers, teams"),
    ):
        with pytest.raises(InputError, match=message):
            queue.configure(**given, actor="ana", now=now)
    found = AnnotationQueue.get("claims", store=queue._store)
    assert (found.overlap, found.state, found.settings) == (2, "active", Settings())


def test_labels_name_the_guidelines_that_they_were_given_under(fill, now):
    queue = fill(1)
    queue.submit(queue.claim("ben", now=now).item.id, "ben", A, now=now)
    queue.configure(guidelines="Prefer the **true** answer.", actor="ana", now=now)
    queue.configure(guidelines="Prefer the short one.", actor="ana", now=now)
    queue.submit(queue.claim("cleo", now=now).item.id, "cleo", A, now=now)
    versions = queue.guidelines()
    assert [(g.version, g.text) for g in versions] == [
        (1, "Prefer the **true** answer."),
        (2, "Prefer the short one."),
    ]
    under = {a.reviewer: a.guideline_id for a in queue.annotations()}
    assert under == {"ben": None, "cleo": versions[1].id}


def test_reviewers_at_the_same_moment_share_out_every_place_exactly_once(fill, now):
    """Eight threads, two of them the same reviewer's, on both databases."""
    queue = fill(12, overlap=3)
    names = ["r0", "r0", "r1", "r2", "r3", "r4", "r5", "r6"]
    failures = []

    def work(name: str) -> None:
        while True:
            try:
                claim = queue.claim(name, now=now)
            except QueueEmpty:
                return
            try:
                queue.submit(claim.item.id, name, A, now=now)
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    given = queue.annotations()
    assert len(given) == 36
    assert len({(a.item_id, a.reviewer) for a in given}) == 36
    assert set(Counter(a.item_id for a in given).values()) == {3}


def test_claims_of_one_reviewer_at_once_are_one(fill, now):
    queue = fill(3)
    start, claims = threading.Barrier(6), []

    def claim() -> None:
        start.wait()
        claims.append(queue.claim("ben", now=now).item.id)

    threads = [threading.Thread(target=claim) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claims) == 6
    assert len(set(claims)) == 1


@pytest.mark.parametrize("ask", ["claim", "submit", "undo"])
def test_nobody_asks_to_be_tried_by_gold(fill, now, ask):
    queue = fill(1)
    given = {"submit": (order(queue)[0], "ben", A)}.get(ask, ("ben",))
    with pytest.raises(InputError, match="of kind 'gold' cannot be asked for"):
        getattr(queue, ask)(*given, kind="gold", now=now)
    assert queue.annotations() == []
