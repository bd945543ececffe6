"""Columns, patterns and lists of items, held against the annotations themselves."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa

from trueup.queues import AnnotationQueue, NewItem
from trueup.store import schema
from trueup.store.annotations import list_annotations
from trueup.store.figures import (
    Scope,
    columns,
    label_ids,
    patterns,
    sources,
    version,
)
from trueup.store.items import list_items
from trueup.store.listing import (
    Matching,
    answer_texts,
    backlog,
    labelled_queues,
    matching_items,
    open_items,
)
from trueup.store.traces import put_trace
from trueup.types import Label, Question, Trace

NOW = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
ASKED = (
    Question("preference", "preference", required=True),
    Question("labels", "choices", options=("rude", "wrong")),
    Question("tone", "choice", options=("warm", "cold")),
)
PEOPLE = ("ana", "ben", "cleo", "dan")


@pytest.fixture
def queue(store):
    """40 items with up to three labels each, some of them corrected; and another queue's."""
    dice = random.Random(4)
    for name in ("prefs", "other"):
        queue = AnnotationQueue.create(
            name, overlap=3, questions=ASKED, store=store, actor="mo", now=NOW
        )
        new = []
        for i in range(40 if name == "prefs" else 5):
            trace = Trace(
                f"{name}{i}",
                f"c{i}",
                dice.choice(("hard", "easy")),
                ({"role": "user", "content": f"{i}?"},),
                f"served {i}",
                question_type=dice.choice(("refund", "status", "")),
            )
            with store.transaction() as tx:
                put_trace(tx, trace, source="t", checkpoint_id=None, actor="mo", now=NOW)
            reason = dice.choice(("failed:groundedness", "sampled"))
            new.append(NewItem.from_trace(trace, reason=reason, candidate=f"sampled {i}, perhaps"))
        queue.add_items(new, actor="mo", now=NOW)
        for item in queue.items():
            for who in dice.sample(PEOPLE, dice.choice((0, 1, 2, 3, 3, 3))):
                given = queue.submit(
                    item.id,
                    who,
                    label(dice),
                    simulated=who == "dan",
                    shown=dice.choice(("ab", "ba", "")),
                    now=NOW + timedelta(days=dice.randint(0, 20)),
                )
                if dice.random() < 0.3:
                    queue.submit(item.id, who, label(dice), replaces=given.id, shown="ba", now=NOW)
        if name == "prefs":
            first = queue
    return first


def label(dice):
    preferred = dice.choice(("a", "b", "tie", "neither"))
    return Label(
        preferred,
        dice.randint(1, 3) if preferred in "ab" else 0,
        tuple(dice.sample(("rude", "wrong"), dice.randint(0, 2))),
        seconds=dice.choice((None, 4.5, 30.0)) or dice.random(),
        answers=dice.choice(({}, {"tone": "warm"}, {"tone": "cold"})),
    )


def read(store, queue, **more):
    with store.reading() as tx:
        return columns(tx, Scope(queue.id, **more), queue.questions)


def told(found):
    """Return columns as (item, reviewer, preference, labels, tone) of each label."""
    names = ("preference", "labels", "tone")
    said = [
        [None if code < 0 else found.values[name][code] for code in found.answers[name]]
        for name in names
    ]
    rows = zip(found.item, found.reviewer, *said, strict=True)
    return sorted(
        ((found.items[item], found.reviewers[who], *answers) for item, who, *answers in rows),
        key=lambda row: row[:2],
    )


def meant(items, annotations):
    by_id = {item.id: item for item in items}

    def source(a):
        return {x.key: x.source for x in by_id[a.item_id].answers}.get(
            a.label.preferred, a.label.preferred
        )

    return [
        (
            a.item_id,
            a.reviewer,
            source(a),
            json.dumps(list(a.label.labels)),
            json.dumps(a.label.answers["tone"]) if "tone" in a.label.answers else None,
        )
        for a in annotations
    ]


def test_columns_are_the_standing_labels(store, queue):
    items, given = queue.items(), queue.annotations()
    found = read(store, queue)
    rows = [(i, w, p, json.dumps(json.loads(ticks)), tone) for i, w, p, ticks, tone in told(found)]
    assert sorted(rows, key=str) == sorted(meant(items, given), key=str)
    assert sorted(found.items) == sorted(item.id for item in items)
    by_key = {(a.item_id, a.reviewer): a for a in given}
    for place in range(len(found)):
        a = by_key[found.items[found.item[place]], found.reviewers[found.reviewer[place]]]
        assert found.day[place] == (a.created_at.date() - datetime(1970, 1, 1).date()).days
        assert found.seconds[place] == a.label.seconds
        chosen = a.shown.find(a.label.preferred) if a.label.preferred in "ab" else -1
        assert found.first[place] == {0: 1, 1: 0, -1: -1}[chosen]
    for place, item_id in enumerate(found.items):
        [item] = [i for i in items if i.id == item_id]
        assert found.cohorts[found.cohort[place]] == item.cohort
        assert found.question_types[found.question_type[place]] == item.question_type
        assert found.failed[place] == item.reason.startswith("failed:")


@pytest.mark.parametrize(
    ("scope", "kept"),
    [
        ({"cohort": "hard"}, lambda i, a: i.cohort == "hard"),
        ({"question_type": ""}, lambda i, a: i.question_type == ""),
        ({"include_simulated": False}, lambda i, a: not a.simulated),
        ({"since": NOW + timedelta(days=9)}, lambda i, a: a.created_at >= NOW + timedelta(days=9)),
        ({"until": NOW + timedelta(days=9)}, lambda i, a: a.created_at < NOW + timedelta(days=9)),
    ],
)
def test_a_scope_keeps_what_fits(store, queue, scope, kept):
    items = {item.id: item for item in queue.items()}
    wanted = {(a.item_id, a.reviewer) for a in queue.annotations() if kept(items[a.item_id], a)}
    found = read(store, queue, **scope)
    assert {(i, w) for i, w, *_ in told(found)} == wanted
    assert 0 < len(wanted) < len(queue.annotations())


def test_a_reviewers_scope_has_everybodys_labels_on_their_items(store, queue):
    given = queue.annotations()
    theirs = {a.item_id for a in given if a.reviewer == "ana"}
    found = read(store, queue, reviewer="ana")
    assert {(i, w) for i, w, *_ in told(found)} == {
        (a.item_id, a.reviewer) for a in given if a.item_id in theirs
    }


def test_patterns_are_counted_in_the_database(store, queue):
    votes = {}
    for item_id, _, vote, *_ in meant(queue.items(), queue.annotations()):
        votes.setdefault(item_id, Counter())[vote] += 1
    with store.reading() as tx:
        found = patterns(tx, queue.id)
    wanted = Counter(tuple(c[v] for v in found.domain) for c in votes.values())
    assert dict(zip(map(tuple, found.counts.tolist()), found.units.tolist(), strict=True)) == wanted


def test_more_sources_than_fit_in_a_number_are_not_counted_there(store):
    queue = AnnotationQueue.create("many", overlap=1, store=store, actor="mo", now=NOW)
    answers = [f"model{n:02d}" for n in range(70)]
    from trueup.types import ItemAnswer

    with store.transaction() as tx:
        trace = Trace("t", "c", "x", ({"role": "user", "content": "?"},), "a")
        put_trace(tx, trace, source="t", checkpoint_id=None, actor="mo", now=NOW)
    queue.add_items(
        [
            NewItem(
                "t",
                "c",
                "x",
                ({"role": "user", "content": "?"},),
                (ItemAnswer("a", name, name), ItemAnswer("b", "other", "zz")),
                "sampled",
            )
            for name in answers
        ],
        now=NOW,
    )
    for item in queue.items():
        queue.submit(item.id, "ana", Label("a", 1), now=NOW)
    with store.reading() as tx:
        assert patterns(tx, queue.id) is None


def test_ids_sources_texts_and_the_backlog(store, queue):
    items, given = queue.items(), queue.annotations()
    with store.reading() as tx:
        ids, simulated = label_ids(tx, queue.id)
        shown = sources(tx, queue.id)
        texts = answer_texts(tx, [items[0].id])
        places, since = backlog(tx, queue.id)
        unfinished = open_items(tx, [item.id for item in items])
    assert ids == sorted(a.id for a in given)
    assert simulated == sum(a.simulated for a in given)
    assert sorted(shown) == sorted((i.id, a.key, a.source) for i in items for a in i.answers)
    assert texts == {items[0].id: {a.source: a.text for a in items[0].answers}}
    wanting = {i.id: 3 - sum(a.item_id == i.id for a in given) for i in items}
    assert places == sum(wanting.values())
    assert since == [NOW] * sum(n > 0 for n in wanting.values())
    assert unfinished == {key for key, n in wanting.items() if n}


def test_the_version_changes_with_every_change(store, queue):
    with store.reading() as tx:
        before = version(tx)
    queue.configure(description="more")
    with store.reading() as tx:
        assert version(tx) > before


def test_a_label_knows_its_queue_and_its_source(store, queue):
    given = schema.annotation.c
    with store.reading() as tx:
        rows = tx.execute(
            sa.select(given.queue_id, given.source, schema.item.c.queue_id).join(
                schema.item, schema.item.c.id == given.item_id
            )
        ).all()
    assert all(mine == items for mine, _, items in rows)
    assert {source for _, source, _ in rows} == {"served", "sampled", "tie", "neither"}


def brute(items, given, wanted, asked):
    """Return which items fit, by the labels one by one."""
    by_item = {item.id: [] for item in items}
    for row, a in zip(meant(items, given), given, strict=True):
        value = {"preference": row[2], "tone": row[4]}[asked]
        by_item[a.item_id].append((a.reviewer, value, set(a.label.labels)))
    found = []
    for item in items:
        mine = [x for x in by_item[item.id] if wanted.reviewer in (None, x[0])]
        others = [x for x in by_item[item.id] if wanted.beside in (None, x[0])]

        def differ(x, y):
            if wanted.label:
                return wanted.label not in y[2]
            return None not in (x[1], y[1]) and x[1] != y[1]

        plain = wanted == Matching(wanted.cohort, wanted.question_type)
        fits = plain or any(
            (not wanted.label or wanted.label in x[2])
            and (
                not (wanted.disagree or wanted.beside)
                or any(not wanted.disagree or differ(x, y) for y in others)
            )
            for x in mine
        )
        if (
            fits
            and wanted.cohort in (None, item.cohort)
            and wanted.question_type in (None, item.question_type)
        ):
            found.append(item.id)
    return found


@pytest.mark.parametrize("asked", ["preference", "tone"])
def test_items_behind_a_figure_are_those_and_in_pages(store, queue, asked):
    items, given = queue.items(), queue.annotations()
    [question] = [q for q in ASKED if q.name == asked]
    for wanted in (
        Matching(),
        Matching(cohort="hard"),
        Matching(question_type="refund", disagree=True),
        Matching(disagree=True),
        Matching(reviewer="ana"),
        Matching(reviewer="ana", disagree=True, cohort="easy"),
        Matching(reviewer="ana", beside="ben"),
        Matching(reviewer="ana", beside="ben", disagree=True),
        Matching(label="rude"),
        Matching(label="rude", disagree=True),
        Matching(reviewer="nobody"),
    ):
        with store.reading() as tx:
            every = matching_items(tx, queue.id, wanted, question, offset=0, limit=99)
            parts = [
                matching_items(tx, queue.id, wanted, question, offset=n, limit=7)
                for n in range(0, 49, 7)
            ]
        assert sorted(every) == sorted(brute(items, given, wanted, asked)), wanted
        assert [key for part in parts for key in part] == every


def test_a_reviewers_queues_are_counted_by_item(store, queue):
    with store.reading() as tx:
        found = labelled_queues(tx, "ana")
        other = [i.id for i in list_items(tx) if i.queue_id != queue.id]
        theirs = [a.item_id for a in list_annotations(tx) if a.reviewer == "ana"]
    assert found[queue.id] == sum(key not in other for key in theirs)
    assert sum(found.values()) == len(theirs)


def test_a_small_queue_among_many_labels_is_found_by_its_index(store, queue):
    """Both ways of reading, by the index and from end to end, give the same."""
    small = AnnotationQueue.get("other", store=store)
    found = read(store, small)
    assert [(i, w) for i, w, *_ in told(found)] == sorted(
        (a.item_id, a.reviewer) for a in small.annotations()
    )
    assert np.isfinite(found.seconds).all()
