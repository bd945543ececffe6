import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from trueup.errors import InputError, QueueEmpty, QueueError, StoreError, UnknownName
from trueup.queues import AnnotationQueue, NewItem, Submission, list_queues
from trueup.types import ItemAnswer, Label


def test_a_queue_is_found_by_its_name(store, queue):
    found = AnnotationQueue.get("prefs", store=store)
    assert (found.id, found.name, found.overlap, found.stream) == (queue.id, "prefs", 3, "reviewer")
    assert found.labels == ("better_answer", "unsafe_refusal", "wrong_tool", "missing_context")
    assert [q.name for q in list_queues(store=store)] == ["prefs"]


def test_an_unknown_queue_names_those_there_are(store, queue):
    with pytest.raises(UnknownName, match=r"no queue 'pref' in .*: there are prefs"):
        AnnotationQueue.get("pref", store=store)


def test_get_reads_the_default_store_and_never_makes_one(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "nowhere"))
    with pytest.raises(StoreError, match="no store at"):
        AnnotationQueue.get("prefs")
    assert not (tmp_path / "nowhere").exists()
    AnnotationQueue.create("prefs")
    assert AnnotationQueue.get("prefs").overlap == 3


def test_creating_twice_is_an_error_and_create_or_get_is_not(store, queue):
    with pytest.raises(QueueError, match="queue prefs exists"):
        AnnotationQueue.create("prefs", store=store)
    assert AnnotationQueue.create_or_get("prefs", store=store).id == queue.id
    with pytest.raises(QueueError, match="exists with overlap 3"):
        AnnotationQueue.create_or_get("prefs", overlap=2, store=store)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": " "}, "needs a name"),
        ({"overlap": 0}, "overlap is 0"),
        ({"stream": "robots"}, "stream 'robots' is none of"),
        ({"labels": ("x", "x")}, "repeat or are empty"),
    ],
)
def test_settings_are_checked(store, settings, message):
    with pytest.raises(InputError, match=message):
        AnnotationQueue.create(**{"name": "new", "store": store} | settings)
    assert list_queues(store=store) == []


def test_an_item_freezes_what_it_shows(queue, trace):
    made = trace(1)
    new = NewItem.from_trace(made, reason="sampled", candidate="better")
    assert queue.add_items([new]) == 1
    (item,) = queue.items()
    assert item.messages == made.messages
    assert (item.context, item.expected, item.reason) == (made.context, made.expected, "sampled")
    assert {(a.text, a.source) for a in item.answers} == {
        ("served 1", "served"),
        ("better", "sampled"),
    }
    assert [a.key for a in item.answers] == ["a", "b"]


def test_adding_an_item_twice_is_adding_it_once_in_either_order(queue, trace):
    new = NewItem.from_trace(trace(1), reason="sampled", candidate="better")
    first, second = new.answers
    swapped = (replace(second, key="a"), replace(first, key="b"))
    assert queue.add_items([new, new]) == 1
    assert queue.add_items([new, replace(new, answers=swapped)]) == 0
    assert queue.add_items([NewItem.from_trace(trace(1), reason="sampled", candidate="other")]) == 1
    assert len(queue.items()) == 2


def test_places_are_blind_but_the_same_each_time(trace):
    made = [trace(i) for i in range(40)]
    places = [NewItem.from_trace(t, reason="r", candidate="c").answers[0].source for t in made]
    again = [NewItem.from_trace(t, reason="r", candidate="c").answers[0].source for t in made]
    assert places == again
    assert 8 < places.count("served") < 32


@pytest.mark.parametrize(
    "answers",
    [
        (),
        (ItemAnswer("a", "x", "sampled"),),
        (ItemAnswer("b", "x", "served"),),
        (ItemAnswer("a", "x", "served"), ItemAnswer("b", "y", "served")),
        (ItemAnswer("a", "x", "served"), ItemAnswer("a", "y", "sampled")),
    ],
)
def test_answers_that_make_no_sense_add_nothing(queue, trace, answers):
    good = NewItem.from_trace(trace(1), reason="r")
    with pytest.raises(InputError, match="give the served one and at most one sampled"):
        queue.add_items([good, replace(good, answers=answers)])
    assert queue.items() == []


def test_an_item_needs_its_trace_and_its_fields(queue, trace):
    good = NewItem.from_trace(trace(1), reason="r")
    with pytest.raises(UnknownName, match=r"1 items are on traces .* nope first"):
        queue.add_items([good, replace(good, trace_id="nope")])
    with pytest.raises(InputError, match="`cohort` is empty"):
        queue.add_items([replace(good, cohort="")])
    for wrong in (0.0, -0.5, 1.5, float("nan")):
        with pytest.raises(InputError, match=r"its inclusion is .*; give the probability"):
            queue.add_items([replace(good, inclusion=wrong)])
    assert queue.items() == []


def test_a_label_is_kept_with_who_gave_it(queue, add, now):
    item_id = add(1)
    label = Label("a", 2, ("wrong_tool", "better_answer"), seconds=4.5)
    given = queue.submit(item_id, "rita", label, simulated=True, now=now)
    assert queue.annotations() == [given]
    assert (given.reviewer, given.stream, given.simulated) == ("rita", "reviewer", True)
    assert (given.created_at, given.label.seconds) == (now, 4.5)
    # in the queue's order, whichever the reviewer ticked first
    assert given.label.labels == ("better_answer", "wrong_tool")


def test_the_same_label_twice_is_one(queue, add):
    item_id = add(1)
    first = queue.submit(item_id, "rita", Label("a", 2))
    assert queue.submit(item_id, "rita", Label("a", 2)) == first
    assert len(queue.annotations()) == 1


def test_another_label_has_to_name_the_one_that_it_corrects(queue, add):
    item_id = add(1)
    first = queue.submit(item_id, "rita", Label("a", 2))
    with pytest.raises(QueueError, match=f"rita has labelled it.*{first.id}"):
        queue.submit(item_id, "rita", Label("b", 1))
    second = queue.submit(item_id, "rita", Label("b", 1), replaces=first.id)
    assert queue.submit(item_id, "rita", Label("b", 1), replaces=first.id) == second
    assert queue.annotations() == [second]
    with pytest.raises(QueueError, match=f"is not rita's standing label.*{second.id}"):
        queue.submit(item_id, "rita", Label("tie"), replaces=first.id)
    back = queue.submit(item_id, "rita", Label("a", 2), replaces=second.id)
    assert queue.annotations() == [back]
    assert queue.stats().corrections == 2


def test_an_item_takes_no_more_reviewers_than_it_needs(queue, add):
    item_id = add(1)
    for reviewer in "abc":
        queue.submit(item_id, reviewer, Label("a", 1))
    with pytest.raises(QueueError, match="has the 3 reviewers it needs; give d another item"):
        queue.submit(item_id, "d", Label("a", 1))
    (mine,) = [a for a in queue.annotations() if a.reviewer == "b"]
    queue.submit(item_id, "b", Label("b", 1), replaces=mine.id)
    assert len(queue.annotations()) == 3


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (Label("c", 1), "preferred is 'c'; give a, b, tie, neither"),
        (Label("a", 0), "strength is 0 with preferred 'a'; give 1 to 3"),
        (Label("a", 4), "strength is 4"),
        (Label("tie", 1), "strength is 1 with preferred 'tie'; give 0"),
        (Label("a", 1, ("rude",)), "label 'rude' is not in queue prefs"),
        (Label("a", 1, (), "text"), "a correction comes with preferred 'neither'"),
        (Label("neither", 0, (), "  "), "the correction is empty"),
    ],
)
def test_labels_that_do_not_fit_are_rejected(queue, add, label, message):
    item_id = add(1)
    with pytest.raises(InputError, match=message):
        queue.submit(item_id, "rita", label)
    assert queue.annotations() == []


def test_an_item_that_shows_one_answer_is_approved_or_not(queue, add):
    item_id = add(1, candidate=None)
    for preferred in ("b", "tie"):
        with pytest.raises(InputError, match="give a, neither"):
            queue.submit(item_id, "rita", Label(preferred))
    queue.submit(item_id, "rita", Label("a"))
    queue.submit(item_id, "sam", Label("neither", correction=" Covered. "))
    assert [a.label.correction for a in queue.annotations()].count("Covered.") == 1


def test_unknown_items_and_nameless_reviewers_are_errors(store, queue, add):
    item_id = add(1)
    with pytest.raises(UnknownName, match="queue prefs has no item 'nope'"):
        queue.submit("nope", "rita", Label("a", 1))
    other = AnnotationQueue.create("other", store=store)
    with pytest.raises(UnknownName, match="queue other has no item"):
        other.submit(item_id, "rita", Label("a", 1))
    with pytest.raises(InputError, match="reviewer's name"):
        queue.submit(item_id, " ", Label("a", 1))


def test_many_labels_land_together_or_not_at_all(queue, add):
    one, two = add(1), add(2)
    good = [Submission(i, r, Label("a", 1), simulated=True) for i in (one, two) for r in "abc"]
    with pytest.raises(QueueError, match="needs"):
        queue.submit_many([*good, Submission(two, "d", Label("a", 1))])
    with pytest.raises(UnknownName, match="no item 'nope'"):
        queue.submit_many([*good, Submission("nope", "d", Label("a", 1))])
    assert queue.annotations() == []
    assert queue.submit_many(good) == 6
    assert queue.submit_many(good) == 0
    assert len(queue.annotations()) == 6


def test_reviewers_at_the_same_moment_do_not_exceed_the_overlap(queue, add):
    item_id = add(1)
    start = threading.Barrier(8)

    def label(reviewer: str) -> bool:
        start.wait()
        try:
            queue.submit(item_id, reviewer, Label("a", 1))
        except QueueError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        accepted = list(pool.map(label, "abcdefgh"))
    assert accepted.count(True) == 3
    assert len(queue.annotations()) == 3


def test_stats_count_what_is_done(queue, add, vote):
    one, two, _ = add(0), add(1), add(2)
    vote(one, {"ann": "served", "bob": "served", "cy": "tie"})
    vote(two, {"ann": "sampled"}, simulated=True)
    stats = queue.stats()
    assert (stats.items, stats.done, stats.started) == (3, 1, 1)
    assert (stats.annotations, stats.simulated, stats.corrections) == (4, 1, 0)
    assert stats.reviewers == {"ann": 2, "bob": 1, "cy": 1}
    assert stats.cohorts == {"expert-hard": 2, "tool-heavy": 1}
    assert stats.to_json()["reasons"] == {"failed:groundedness": 3}


def test_an_empty_queue_says_so(queue, add, vote):
    for call in (queue.audit, queue.export):
        with pytest.raises(QueueEmpty, match="queue prefs has 0 items and no labels"):
            call()
    vote(add(1), {"ann": "sampled", "bob": "sampled"}, simulated=True)
    with pytest.raises(QueueEmpty, match="no labels given by people"):
        queue.export(include_simulated=False)
