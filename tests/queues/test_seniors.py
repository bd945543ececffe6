"""What senior reviewers do: settle what others disagree on, check labels, try reviewers by gold."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from trueup.errors import InputError, LeaseExpired, QueueEmpty, QueueError
from trueup.queues import AnnotationQueue, NewItem, Settings, Submission, draw_weekly
from trueup.store.annotations import list_annotations
from trueup.store.events import list_events
from trueup.types import Label, Question


def vote(item, source, **more):
    """Return a label for the answer that came from a source."""
    key = next((a.key for a in item.answers if a.source == source), source)
    return Label(key, 2 if len(key) == 1 else 0, **more)


@pytest.fixture
def fill(store, trace, now):
    """Return a function that makes a queue of items and returns it with them."""

    def make(count, *, first=0, overlap=2, questions=None, **settings):
        queue = AnnotationQueue.create_or_get(
            "seniors",
            overlap=overlap,
            questions=questions,
            settings=Settings(**settings),
            store=store,
            actor="ana",
            now=now,
        )
        new = [item_on(trace(i)) for i in range(first, first + count)]
        for item in new:
            queue.add_items([item], actor="ana", now=now)
        return queue, {item.trace_id: item for item in queue.items()}

    return make


def item_on(trace):
    return NewItem.from_trace(trace, reason="sampled", candidate=f"sampled {trace.id}")


def say(queue, item, now, **votes):
    for reviewer, source in votes.items():
        queue.submit(item.id, reviewer, vote(item, source), now=now)


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- adjudication --------------------------------------------------------------------------------


def test_what_reviewers_disagree_on_goes_to_somebody_else_who_settles_it(fill, now, tmp_path):
    queue, items = fill(3, min_agreement=0.6)
    say(queue, items["trace-0"], now, ben="served", cleo="served")
    say(queue, items["trace-1"], now, ben="served", cleo="sampled")
    say(queue, items["trace-2"], now, ben="served")  # has not its labels yet
    assert (queue.stats().adjudications, queue.stats().done) == (1, 2)
    before = queue.export("paired", now=now)
    assert {p.trace_id for p in before} == {"trace-0", "trace-2"}
    assert before.left_out["waits for adjudication"] == 1

    with pytest.raises(QueueEmpty, match="no adjudication is left for ben"):
        queue.claim("ben", kind="adjudication", now=now)
    claim = queue.claim("dora", kind="adjudication", now=now)
    assert claim.item.trace_id == "trace-1"
    assert {a.reviewer for a in claim.labels} == {"ben", "cleo"}
    made = queue.submit(
        claim.item.id, "dora", vote(claim.item, "sampled"), kind="adjudication", now=now
    )
    assert (made.kind, queue.stats().adjudications) == ("adjudication", 0)

    found = {p.trace_id: p for p in queue.export("paired", min_agreement=0.9, now=now)}
    assert found.keys() == {"trace-0", "trace-1"}
    settled = found["trace-1"]
    assert (settled.chosen, settled.rejected) == ("sampled trace-1", "served 1")
    assert (settled.agreement, settled.raters) == (0.0, 2)
    assert made.id in settled.annotation_ids
    assert len(settled.annotation_ids) == 3
    done = queue.export_rows(tmp_path / "p.jsonl", format="paired", min_agreement=0.9, now=now)
    assert done.rows == 2
    assert {r["trace_id"]: r["chosen"][0]["content"] for r in rows(tmp_path / "p.jsonl")} == {
        "trace-0": "served 0",
        "trace-1": "sampled trace-1",
    }
    assert queue.audit(0.0, now=now).annotations == 5  # an adjudication is no rater's label


def test_who_settles_may_be_kept_from_the_labels(fill, now):
    queue, items = fill(1, min_agreement=1.0, adjudicators_see=False)
    say(queue, items["trace-0"], now, ben="served", cleo="sampled")
    assert queue.claim("dora", kind="adjudication", now=now).labels == ()


def test_every_item_is_reviewed_where_the_queue_says_so(fill, now):
    queue, items = fill(2, review_required=True)
    for item in items.values():
        say(queue, item, now, ben="served", cleo="served")
    with pytest.raises(QueueEmpty, match=r"waits for adjudication \(2\)"):
        queue.export("paired", now=now)
    for _ in items:
        claim = queue.claim("dora", kind="adjudication", now=now)
        queue.submit(
            claim.item.id, "dora", vote(claim.item, "served"), kind="adjudication", now=now
        )
    assert len(queue.export("paired", now=now)) == 2


def test_a_line_that_is_drawn_later_holds_for_what_is_labelled_already(fill, now):
    queue, items = fill(2)
    say(queue, items["trace-0"], now, ben="served", cleo="sampled")
    say(queue, items["trace-1"], now, ben="served", cleo="served")
    assert queue.stats().adjudications == 0
    queue.configure(min_agreement=0.5, actor="ana", now=now)
    assert queue.stats().adjudications == 1


def test_labels_given_many_at_once_are_held_against_the_line_too(fill, now):
    queue, items = fill(2, min_agreement=0.5)
    given = [
        Submission(item.id, who, vote(item, said))
        for item in items.values()
        for who, said in (("ben", "served"), ("cleo", "tie"))
    ]
    queue.submit_many(given, actor="ana", now=now)
    assert queue.stats().adjudications == 2


def test_an_item_is_referred_by_hand_once(fill, now, store):
    queue, items = fill(2)
    say(queue, items["trace-0"], now, ben="served", cleo="served")
    key = items["trace-0"].id
    assert queue.refer([key], actor="ana", now=now) == 1
    assert queue.refer([key], actor="ana", now=now) == 0
    with pytest.raises(QueueError, match="nobody has labelled it"):
        queue.refer([items["trace-1"].id], actor="ana", now=now)
    with pytest.raises(QueueError, match="no item 'none'"):
        queue.refer(["none"], actor="ana", now=now)
    with store.reading() as tx:
        found = [e for e in list_events(tx) if e.action == "refer"]
    assert [(e.actor, e.detail) for e in found] == [("ana", {"items": [key]})]


def test_only_what_is_up_for_adjudication_is_settled_and_once(fill, now):
    queue, items = fill(2, min_agreement=1.0)
    item = items["trace-0"]
    say(queue, item, now, ben="served", cleo="sampled")
    with pytest.raises(QueueError, match="is not up for adjudication"):
        queue.submit(items["trace-1"].id, "dora", vote(item, "tie"), kind="adjudication", now=now)
    queue.claim("dora", kind="adjudication", now=now)
    with pytest.raises(LeaseExpired):
        queue.submit(item.id, "emil", vote(item, "tie"), kind="adjudication", now=now)
    first = queue.submit(item.id, "dora", vote(item, "tie"), kind="adjudication", now=now)
    with pytest.raises(QueueError, match="has its adjudication label, by dora"):
        queue.submit(item.id, "emil", vote(item, "served"), kind="adjudication", now=now)
    again = queue.undo("dora", kind="adjudication", now=now)
    assert again.standing == first
    later = now + timedelta(minutes=1)
    queue.submit(
        item.id, "dora", vote(item, "served"), kind="adjudication", replaces=first.id, now=later
    )
    [settled] = queue.export("paired", now=later)
    assert settled.chosen == "served 0"


def test_what_is_not_a_preference_is_settled_as_well(fill, now):
    asked = [Question("tone", "choice", options=("warm", "cold"), required=True)]
    queue, items = fill(2, questions=asked, min_agreement=0.6)
    warm, cold = Label(answers={"tone": "warm"}), Label(answers={"tone": "cold"})
    queue.submit(items["trace-0"].id, "ben", warm, now=now)
    queue.submit(items["trace-0"].id, "cleo", warm, now=now)
    queue.submit(items["trace-1"].id, "ben", warm, now=now)
    queue.submit(items["trace-1"].id, "cleo", cold, now=now)
    claim = queue.claim("dora", kind="adjudication", now=now)
    assert claim.item.trace_id == "trace-1"


def test_rankings_and_steps_follow_the_adjudication(fill, now, tmp_path):
    asked = [Question("order", "ranking", required=True), Question("steps", "steps")]
    queue, items = fill(1, questions=asked, min_agreement=1.0)
    item = items["trace-0"]
    served = next(a.key for a in item.answers if a.source == "served")
    other = "ab".replace(served, "")
    bad = [{"step": 0, "label": "bad", "better": "Ask first."}]
    queue.submit(item.id, "ben", Label(answers={"order": [served, other]}), now=now)
    queue.submit(item.id, "cleo", Label(answers={"order": [other, served]}), now=now)
    claim = queue.claim("dora", kind="adjudication", now=now)
    ruling = Label(answers={"order": [served, other], "steps": bad})
    queue.submit(claim.item.id, "dora", ruling, kind="adjudication", now=now)
    queue.export_rows(tmp_path / "r.jsonl", format="ranked", now=now)
    [ranked] = rows(tmp_path / "r.jsonl")
    assert [turn[0]["content"] for turn in ranked["ranking"]] == ["served 0", "sampled trace-0"]
    queue.export_rows(tmp_path / "s.jsonl", format="step", now=now)
    [step] = rows(tmp_path / "s.jsonl")
    assert step["chosen"][0]["content"] == "Ask first."


def test_an_answer_that_was_shown_alone_follows_the_adjudication(fill, store, trace, now, tmp_path):
    queue, _ = fill(0, min_agreement=1.0)
    queue.add_items([NewItem.from_trace(trace(0), reason="sampled")], actor="ana", now=now)
    [item] = queue.items()
    queue.submit(item.id, "ben", Label("a", 0), now=now)
    queue.submit(item.id, "cleo", Label("neither", 0), now=now)
    queue.submit(item.id, "dora", Label("neither", 0), kind="adjudication", now=now)
    queue.export_rows(tmp_path / "u.jsonl", format="unpaired", now=now)
    assert [row["label"] for row in rows(tmp_path / "u.jsonl")] == [False]


# --- spot checks ---------------------------------------------------------------------------------


def test_a_draw_takes_each_reviewer_and_what_they_say_in_proportion(fill, now, store):
    queue, items = fill(60, overlap=1)
    for number, item in enumerate(items.values()):
        # ben gives 40 labels, three in four for the served answer; cleo 20, all for it
        if number < 40:
            say(queue, item, now, ben="served" if number % 4 else "sampled")
        else:
            say(queue, item, now, cleo="served")
    later = now + timedelta(days=1)
    assert queue.draw_spot_checks(0.2, seed=3, actor="ana", now=later) == 12
    assert queue.draw_spot_checks(0.2, seed=3, actor="ana", now=later) == 0
    said = Counter()
    while True:
        try:
            claim = queue.claim("dora", kind="spot_check", now=later)
        except QueueEmpty:
            break
        assert claim.labels == ()
        with store.reading() as tx:
            [given] = list_annotations(tx, item_ids=[claim.item.id])
        said[given.reviewer, given.label == vote(claim.item, "served")] += 1
        queue.submit(
            claim.item.id, "dora", vote(claim.item, "served"), kind="spot_check", now=later
        )
    assert said == {("ben", True): 6, ("ben", False): 2, ("cleo", True): 4}
    found = {r.reviewer: r for r in queue.reliability()}
    assert (found["ben"].checked, found["ben"].upheld) == (8, 6)
    assert (found["cleo"].checked, found["cleo"].upheld) == (4, 4)
    told = queue.feedback("ben")
    assert [one.kind for one in told] == ["spot_check"] * 8
    assert sum(not one.agrees for one in told) == 2
    assert all(one.right.reviewer == "dora" for one in told)


def test_a_draw_is_of_a_time_and_of_people(fill, now):
    queue, items = fill(4, overlap=1)
    first, second, third, _ = items.values()
    say(queue, first, now, ben="served")
    say(queue, second, now + timedelta(days=9), ben="served")
    queue.submit_many(
        [Submission(third.id, "model", vote(third, "served"), simulated=True)],
        actor="ana",
        now=now + timedelta(days=9),
    )
    assert queue.draw_spot_checks(1.0, now=now + timedelta(days=10)) == 1
    early = {"since": now, "until": now + timedelta(days=1)}
    assert queue.draw_spot_checks(1.0, **early, now=now + timedelta(days=10)) == 1
    with pytest.raises(InputError, match=r"share is 0\.0"):
        queue.draw_spot_checks(0.0, now=now)
    assert len(queue.export("paired", now=now)) == 3  # a check does not hold an item back


def test_a_week_is_drawn_once_when_it_is_over(fill, now, store):
    queue, items = fill(40, overlap=1, spot_check_share=0.1)  # 1 April 2026 is a Wednesday
    for item in items.values():
        say(queue, item, now, ben="served")
    assert draw_weekly(store, now=now + timedelta(days=4)) == 0
    monday = now + timedelta(days=5)
    assert draw_weekly(store, now=monday) == 4
    assert draw_weekly(store, now=monday + timedelta(days=6)) == 0
    with store.reading() as tx:
        [drawn] = [e for e in list_events(tx) if e.action == "draw_spot_checks"]
    assert drawn.actor == "trueup"
    queue.configure(spot_check_share=0.0, actor="ana", now=now)
    assert draw_weekly(store, now=monday + timedelta(days=7)) == 0


# --- gold ----------------------------------------------------------------------------------------


def test_gold_items_stand_among_the_others_and_count_for_nothing_else(fill, trace, now, tmp_path):
    queue, _ = fill(3, gold_share=1.0)
    known = [item_on(trace(i)) for i in (10, 11)]
    gold = [(item, vote(item, "served")) for item in known]
    assert queue.add_gold(gold, actor="ana", now=now) == 2
    assert queue.add_gold(gold, actor="ana", now=now) == 0
    seen = []
    for reviewer in ("ben", "cleo"):
        while True:
            try:
                claim = queue.claim(reviewer, now=now)
            except QueueEmpty:
                break
            assert queue.claim(reviewer, now=now).item == claim.item
            queue.submit(claim.item.id, reviewer, vote(claim.item, "served"), now=now)
            seen.append((reviewer, claim.item.trace_id))
    assert Counter(seen) == {
        (who, f"trace-{i}"): 1 for who in ("ben", "cleo") for i in (0, 1, 2, 10, 11)
    }
    stats = queue.stats()
    assert (stats.items, stats.done, stats.annotations) == (3, 3, 6)
    assert queue.audit(now=now).annotations == 6
    assert {p.trace_id for p in queue.export("paired", now=now)} == {
        "trace-0",
        "trace-1",
        "trace-2",
    }
    done = queue.export_rows(tmp_path / "p.jsonl", format="paired", now=now)
    assert done.rows == 3
    assert len(queue.annotations()) == 6
    assert [(r.gold, r.gold_right) for r in queue.reliability()] == [(2, 2), (2, 2)]
    assert queue.feedback("ben") == []  # who is told of gold knows it the next time


def test_a_gold_item_may_be_labelled_by_more_than_the_overlap_and_corrected(fill, trace, now):
    queue, _ = fill(0, overlap=1)
    new = item_on(trace(9))
    queue.add_gold([(new, vote(new, "served"))], actor="ana", now=now)
    [item] = queue.items()
    for reviewer in ("ben", "cleo", "dora"):
        queue.submit(item.id, reviewer, vote(item, "sampled"), now=now)
    back = queue.undo("ben", now=now)
    later = now + timedelta(minutes=1)
    queue.submit(item.id, "ben", vote(item, "served"), replaces=back.standing.id, now=later)
    assert [(r.reviewer, r.gold_right) for r in queue.reliability()] == [
        ("ben", 1),
        ("cleo", 0),
        ("dora", 0),
    ]


def test_who_falls_under_the_line_is_flagged_and_may_be_left_out(fill, trace, now, tmp_path):
    queue, items = fill(2, overlap=2, gold_line=0.8)
    gold = [item_on(trace(i)) for i in range(10, 15)]
    queue.add_gold([(item, vote(item, "served")) for item in gold], actor="ana", now=now)
    tried = [item for item in queue.items() if item.gold]
    for number, item in enumerate(tried):
        say(queue, item, now, ben="served", cleo="served" if number else "tie")
        queue.submit(item.id, "dora", vote(item, "served" if number < 3 else "sampled"), now=now)
    say(queue, items["trace-0"], now, ben="served", dora="sampled")
    say(queue, items["trace-1"], now, ben="served", dora="served")
    found = {r.reviewer: r for r in queue.reliability()}
    assert [found[who].gold_right for who in ("ben", "cleo", "dora")] == [5, 4, 3]
    assert [found[who].flagged for who in ("ben", "cleo", "dora")] == [False, False, True]
    assert 0.2 < found["dora"].gold_low < 0.6 < found["dora"].gold_high < 0.9
    assert len(queue.export("paired", now=now)) == 1
    kept = queue.export("paired", exclude_flagged=True, now=now)
    assert {(p.trace_id, p.raters) for p in kept} == {("trace-0", 1), ("trace-1", 1)}
    done = queue.export_rows(tmp_path / "p.jsonl", format="paired", exclude_flagged=True, now=now)
    assert done.rows == 2


def test_gold_comes_from_files_too(fill, now, tmp_path):
    queue, _ = fill(1)
    known = [{"prompt": f"Is pipe {i} wet?", "chosen": "Yes.", "rejected": "No."} for i in range(3)]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in known))
    assert queue.import_annotations(path, gold=True, actor="ana", now=now).added == 3
    assert queue.import_annotations(path, gold=True, actor="ana", now=now).unchanged == 3
    gold = [item for item in queue.items() if item.gold]
    assert (len(gold), queue.stats().items) == (3, 1)
    right = next(a.key for a in gold[0].answers if a.text == "Yes.")
    queue.submit(gold[0].id, "ben", Label(right, 2), now=now)
    assert [(r.gold, r.gold_right) for r in queue.reliability()] == [(1, 1)]
    path.write_text(json.dumps(known[0] | {"chosen": "No.", "rejected": "Yes."}) + "\n")
    with pytest.raises(InputError, match="has its known label, by ana"):
        queue.import_annotations(path, gold=True, actor="ben", now=now)


def test_gold_that_makes_no_sense_is_refused_whole(fill, trace, now):
    queue, items = fill(1)
    taken = item_on(trace(0))
    with pytest.raises(QueueError, match="to be labelled, so its answer is not known"):
        queue.add_gold([(taken, vote(taken, "served"))], actor="ana", now=now)
    good, vague = item_on(trace(5)), item_on(trace(6))
    with pytest.raises(InputError, match="preferred is 'zebra'"):
        queue.add_gold(
            [(good, vote(good, "served")), (vague, Label("zebra", 0))], actor="ana", now=now
        )
    assert list(items) == [item.trace_id for item in queue.items()]
    queue.add_gold([(good, vote(good, "served"))], actor="ana", now=now)
    with pytest.raises(QueueError, match="known label, by ana"):
        queue.add_gold([(good, vote(good, "sampled"))], actor="ben", now=now)
    with pytest.raises(QueueError, match="to settle"):
        queue.refer([item.id for item in queue.items() if item.gold], now=now)


def test_a_gold_item_that_is_skipped_or_given_back_comes_as_any_other(fill, trace, now):
    queue, _ = fill(2, gold_share=1.0, reservation_minutes=10)
    new = item_on(trace(9))
    queue.add_gold([(new, vote(new, "served"))], actor="ana", now=now)
    gold = queue.claim("ben", now=now).item
    assert gold.gold
    assert queue.release(gold.id, "ben")
    assert not queue.claim("ben", now=now).item.gold  # what was claimed before it waits
    later = now + timedelta(minutes=11)
    assert queue.claim("ben", now=later).item == gold
    queue.skip(gold.id, "ben", "broken", now=later)
    assert not queue.claim("ben", now=later).item.gold
