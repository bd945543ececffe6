"""The report of a queue, held against other packages and against plain loops over its labels."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta

import krippendorff
import numpy as np
import pytest

from trueup.errors import InputError, QueueEmpty
from trueup.queues import MIN_RATED, AnnotationQueue, NewItem
from trueup.stats.agreement import Ratings, krippendorff_alpha, reviewer_reliability
from trueup.stats.dawid_skene import dawid_skene
from trueup.store import schema
from trueup.store.traces import put_trace
from trueup.types import ItemAnswer, Label, Question, Trace

NOW = datetime(2026, 4, 6, 9, 0, tzinfo=UTC)  # a Monday
PEOPLE = ("ana", "ben", "cleo", "dan")
ASKED = (
    Question("preference", "preference", required=True),
    Question("labels", "choices", options=("rude", "wrong")),
    Question("tone", "choice", options=("warm", "plain", "cold")),
    Question("stars", "rating"),
    Question("cost", "number"),
    Question("keep", "thumbs"),
    Question("order", "ranking"),
    Question("why", "text"),
)


@pytest.fixture
def make(store):
    """Return a function that makes a queue and labels it as a function of (dice, item, who)."""

    def build(count, label, *, questions=ASKED, overlap=3, hedge=False, name="prefs"):
        dice = random.Random(11)
        queue = AnnotationQueue.create(
            name, overlap=overlap, questions=questions, store=store, actor="mo", now=NOW
        )
        new = []
        for i in range(count):
            trace = Trace(
                f"{name}{i}",
                f"c{i}",
                ("hard", "easy")[i % 2],
                ({"role": "user", "content": f"{i}?"},),
                f"It is so, {i}.",
                question_type=("refund", "status")[i % 3 == 0],
            )
            with store.transaction() as tx:
                put_trace(tx, trace, source="t", checkpoint_id=None, actor="mo", now=NOW)
            other = f"Perhaps it may be so, {i}." if hedge else f"It is not so, {i}."
            reason = "failed:groundedness" if i % 4 == 0 else "sampled"
            new.append(NewItem.from_trace(trace, reason=reason, candidate=other))
        queue.add_items(new, actor="mo", now=NOW)
        for place, item in enumerate(queue.items()):
            for who in dice.sample(PEOPLE, overlap):
                given, shown, days = label(dice, item, who, place)
                queue.submit(
                    item.id, who, given, shown=shown, now=NOW + timedelta(days=days), simulated=True
                )
        return queue

    return build


def noisy(dice, item, who, place):
    """Everybody is right seven times in ten, of everything."""
    keys = {a.source: a.key for a in item.answers}
    true = ("sampled", "served", "tie", "neither")[place % 4]
    said = true if dice.random() < 0.7 else dice.choice(("sampled", "served", "tie"))
    stars = min(5, 1 + place % 5 + (dice.random() < 0.3))
    answers = {
        "tone": ("warm", "plain", "cold")[place % 3 if dice.random() < 0.8 else 0],
        "stars": stars,
        "cost": float(place % 7 + dice.choice((0, 0, 1))),
        "keep": (place % 2 == 0) == (dice.random() < 0.9),
        "order": ["a", "b"] if dice.random() < 0.5 else [["a", "b"]],
        "why": "so",
    }
    ticks = tuple(t for t in ("rude", "wrong") if dice.random() < 0.4)
    label = Label(keys.get(said, said), 2 if said in keys else 0, ticks, answers=answers)
    return label, dice.choice(("ab", "ba")), place % 30


@pytest.fixture
def queue(make):
    return make(90, noisy)


def table_of(queue, value):
    """Return raters x items of a value of each label, None where there is none."""
    items = {item.id: n for n, item in enumerate(queue.items())}
    table = [[None] * len(items) for _ in PEOPLE]
    for a in queue.annotations():
        table[PEOPLE.index(a.reviewer)][items[a.item_id]] = value(a)
    return table


def source_of(queue):
    items = {item.id: {a.key: a.source for a in item.answers} for item in queue.items()}
    return lambda a: items[a.item_id].get(a.label.preferred, a.label.preferred)


def numbers(table):
    return [[np.nan if v is None else float(v) for v in row] for row in table]


def test_alphas_equal_those_of_krippendorffs_package(queue):
    report = queue.agreement()
    found = {a.name: a for a in report.questions}
    assert list(found) == ["preference", "labels", "tone", "stars", "cost", "keep", "order"]
    source = source_of(queue)
    words = ("neither", "sampled", "served", "tie")
    tones = ("warm", "plain", "cold")
    values = {
        "preference": ("nominal", lambda a: words.index(source(a))),
        "tone": ("nominal", lambda a: tones.index(a.label.answers["tone"])),
        "stars": ("ordinal", lambda a: a.label.answers["stars"]),
        "cost": ("interval", lambda a: a.label.answers["cost"]),
        "keep": ("nominal", lambda a: a.label.answers["keep"]),
    }
    for name, (level, value) in values.items():
        wanted = krippendorff.alpha(numbers(table_of(queue, value)), level_of_measurement=level)
        one = found[name]
        assert (one.level, one.alpha) == (level, pytest.approx(wanted)), name
        assert one.low <= one.alpha <= one.high
        assert (one.items, one.labels) == (90, 270)
    assert (found["labels"].level, found["order"].level) == ("set", "ranking")
    assert found["labels"].ac1 is None
    for option in report.ticked:
        holds = table_of(queue, lambda a, name=option.name: name in a.label.labels)
        wanted = krippendorff.alpha(numbers(holds), level_of_measurement="nominal")
        assert option.alpha == pytest.approx(wanted)
    assert [a.name for a in report.ticked] == ["rude", "wrong"]


def test_the_headline_is_that_of_the_report(queue):
    assert queue.alpha() == queue.agreement().main


def test_sets_and_rankings_take_the_distances_of_their_kind(queue):
    found = {a.name: a.alpha for a in queue.agreement().questions}
    sets = table_of(queue, lambda a: frozenset(a.label.labels))
    assert found["labels"] == pytest.approx(krippendorff_alpha(sets, "set").value)
    items = {item.id: {a.key: a.source for a in item.answers} for item in queue.items()}

    def ranks(a):
        rank = {
            items[a.item_id][key]: place
            for place, group in enumerate(a.label.answers["order"])
            for key in group
        }
        return (rank["sampled"], rank["served"])

    rankings = table_of(queue, ranks)
    assert found["order"] == pytest.approx(krippendorff_alpha(rankings, "ranking").value)


def test_parts_are_those_of_the_items_in_them(queue):
    report = queue.agreement("tone")
    items = {item.id: item for item in queue.items()}
    for rows, part in ((report.cohorts, "cohort"), (report.question_types, "question_type")):
        assert [a.alpha for a in rows] == sorted(a.alpha for a in rows)
        for row in rows:
            entries = [
                (a.item_id, a.reviewer, a.label.answers["tone"])
                for a in queue.annotations()
                if getattr(items[a.item_id], part) == row.name
            ]
            wanted = krippendorff_alpha(Ratings.from_triples(entries))
            assert (row.alpha, row.labels) == (pytest.approx(wanted.value), len(entries))
            whole = queue.agreement("tone", **{part: row.name})
            assert whole.main.alpha == row.alpha
            assert whole.scope == {part: row.name}


def test_reviewers_are_held_against_the_others(queue):
    report, source = queue.agreement(), source_of(queue)
    ratings = Ratings.from_triples((a.item_id, a.reviewer, source(a)) for a in queue.annotations())
    wanted = {r.rater: r for r in reviewer_reliability(ratings)}
    skills = {s.rater: s for s in dawid_skene(ratings).skills}
    assert [r.reviewer for r in report.reviewers] == list(wanted)
    for one in report.reviewers:
        other = wanted[one.reviewer]
        assert (one.labels, one.compared) == (other.rated, other.n)
        assert (one.agreement, one.low, one.high) == (other.agreement, other.low, other.high)
        assert one.alpha_without == pytest.approx(other.alpha_without)
        assert one.skill.reliability == pytest.approx(skills[one.reviewer].reliability, abs=1e-4)
        assert one.seconds is None
        weeks = [p.period for p in one.drift.periods]
        assert sum(p.n for p in one.drift.periods) == one.compared
        assert weeks == sorted(set(weeks))
        assert (weeks[0], weeks[-1] - weeks[0]) == ((NOW.date().toordinal() - 719160) // 7, 4)
        assert one.position.n <= one.labels
    assert len(report.pairs) == 6
    assert sum(p.units for p in report.pairs) == 90 * 3


def test_who_changes_or_favours_a_place_is_found(make):
    def label(dice, item, who, place):
        keys = {a.source: a.key for a in item.answers}
        shown = dice.choice(("ab", "ba"))
        key = keys[("sampled", "served")[place % 2]]
        if who == "ben":  # always what stands first
            key = shown[0]
        if who == "cleo" and dice.random() < place / 240:  # tires
            key = keys[("served", "sampled")[place % 2]]
        return Label(key, 1), shown, place // 2

    report = make(240, label, questions=ASKED[:1]).agreement()
    found = {r.reviewer: r for r in report.reviewers}
    assert found["ben"].position.share == 1
    assert [n for n, r in found.items() if r.position.p_holm < 0.05] == ["ben"]
    assert found["cleo"].drift.change < 0
    assert found["cleo"].drift.p_holm < 0.05
    assert report.reviewers[0].reviewer == "ben"
    assert report.position.share > 0.5


def test_hurried_labels_that_prefer_hedges_are_told_of(make):
    def label(dice, item, who, place):
        keys = {a.source: a.key for a in item.answers}
        seconds = dice.choice((2.0, 4.0, 8.0, 16.0, 32.0, 64.0))
        hurried = dice.random() < 3 / seconds
        key = keys["sampled" if hurried or dice.random() < 0.2 else "served"]
        return Label(key, 1, seconds=seconds), "ab", 0

    report = make(120, label, questions=ASKED[:1], hedge=True).agreement()
    said = [h for h in report.haste if h.says and h.by == "all"]
    assert [h.measure for h in said] == ["hedges", "words"]
    assert "hurried labels prefer answers with more hedges" in said[0].says
    assert said[0].effect.high < 0  # fewer hedges with each doubling of the time
    assert {h.by for h in report.haste} == {"all", "question type", "reviewer"}
    assert all(r.seconds in (4.0, 6.0, 8.0, 12.0, 16.0) for r in report.reviewers)


def test_nothing_is_said_of_haste_where_there_is_none(make):
    def label(dice, item, who, place):
        return Label(dice.choice("ab"), 1, seconds=dice.choice((5.0, 50.0))), "ab", 0

    report = make(60, label, questions=ASKED[:1], hedge=True).agreement()
    assert report.haste
    assert [h.says for h in report.haste if h.says] == []


def test_little_is_said_of_few_labels(make):
    report = make(MIN_RATED - 5, noisy).agreement()
    for one in report.reviewers:
        assert (one.agreement, one.alpha_without, one.skill, one.drift, one.position) == (
            None,
            None,
            None,
            None,
            None,
        )
        assert 0 < one.labels < MIN_RATED


def test_a_part_without_labels_and_a_question_that_is_none_are_errors(queue):
    with pytest.raises(QueueEmpty, match="no label fits"):
        queue.agreement(cohort="none")
    with pytest.raises(InputError, match="'why' is none of the questions"):
        queue.agreement("why")
    with pytest.raises(QueueEmpty, match="no label fits"):
        queue.agreement(include_simulated=False)


def test_a_queue_of_texts_has_nothing_to_agree_on(make):
    def label(dice, item, who, place):
        return Label(answers={"why": "so"}), "", 0

    queue = make(3, label, questions=ASKED[-1:])
    with pytest.raises(InputError, match="asks nothing that reviewers can agree on"):
        queue.agreement()
    with pytest.raises(InputError, match="asks for no preference"):
        queue.alpha()


def test_a_queue_without_a_preference_is_about_its_first_question(make):
    def label(dice, item, who, place):
        return Label(answers={"tone": dice.choice(("warm", "cold"))}), "", 0

    report = make(30, label, questions=ASKED[2:3]).agreement()
    assert (report.question, report.position, report.haste) == ("tone", None, ())


def test_numbers_of_many_kinds_are_put_into_bins(make):
    def label(dice, item, who, place):
        return Label(answers={"cost": place * 10 + dice.random()}), "", 0

    queue = make(90, label, questions=ASKED[4:5])
    wanted = krippendorff.alpha(
        numbers(table_of(queue, lambda a: a.label.answers["cost"])),
        level_of_measurement="interval",
    )
    assert queue.agreement().main.alpha == pytest.approx(wanted, abs=1e-3)


def test_rankings_of_other_numbers_of_answers_are_left_out(store, make):
    queue = AnnotationQueue.create(
        "rank", overlap=2, questions=ASKED[6:7], store=store, actor="mo", now=NOW
    )
    messages = ({"role": "user", "content": "?"},)
    for n, sources in enumerate([("x", "y", "z")] * 3 + [("x", "y")]):
        trace = Trace(f"r{n}", f"c{n}", "hard", messages, "a")
        with store.transaction() as tx:
            put_trace(tx, trace, source="t", checkpoint_id=None, actor="mo", now=NOW)
        shown = tuple(ItemAnswer("abc"[k], f"{s}{n}", s) for k, s in enumerate(sources))
        queue.add_items([NewItem(f"r{n}", f"c{n}", "hard", messages, shown, "sampled")], now=NOW)
    for item in queue.items():
        keys = [a.key for a in item.answers]
        queue.submit(item.id, "ana", Label(answers={"order": keys}), now=NOW)
        queue.submit(item.id, "ben", Label(answers={"order": keys[::-1]}), now=NOW)
    report = queue.agreement()
    assert (report.main.items, report.main.labels, report.main.raw) == (3, 6, 0.0)


def test_reports_are_plain_json(queue):
    report, activity = queue.quality()
    assert json.loads(json.dumps(report.to_json()))["question"] == "preference"
    assert json.loads(json.dumps(activity.to_json()))["places"] == 0


# --- how the work goes ---------------------------------------------------------------------------


def test_activity_counts_days_seconds_and_what_waits(store, make):
    def label(dice, item, who, place):
        return Label("a", 1, seconds=float(1 + place)), "ab", place % 5

    queue = make(15, label, questions=ASKED[:1])
    queue.configure(overlap=4)
    found = queue.activity(now=NOW + timedelta(days=10))
    assert [d.labels for d in found.days] == [9] * 5
    assert found.days[0].day == "2026-04-06"
    assert sum(sum(d.reviewers.values()) for d in found.days) == 45
    assert found.labels_a_day == 9
    assert found.seconds == 8.0
    assert (found.places, found.waiting) == (15, 15)
    with store.reading() as tx:
        slot = schema.slot
        since = tx.execute(slot.select().where(~slot.c.filled)).first().created_at
    assert found.oldest_days == pytest.approx((NOW + timedelta(days=10) - since).days, abs=1)


def test_what_is_overruled_is_counted_by_label(queue):
    found, source = queue.activity(now=NOW), source_of(queue)
    items = {item.id: item for item in queue.items()}
    votes = {}
    for a in queue.annotations():
        votes.setdefault(a.item_id, []).append((a.reviewer, source(a)))
    for one in found.overruled:
        settled = differ = judged = against = 0
        for item_id, given in votes.items():
            said = [vote for _, vote in given]
            winner = next((v for v in said if 2 * said.count(v) > len(said)), None)
            failed = items[item_id].reason.startswith("failed:")
            for who, vote in given:
                if one.reviewer not in ("", who):
                    continue
                settled += winner is not None
                differ += winner is not None and vote != winner
                judged += 1
                against += vote == ("served" if failed else "neither")
        assert (one.settled, one.differ) == (settled, differ)
        assert (one.judged, one.against) == (judged, against)
        assert one.low <= one.share == differ / settled <= one.high
    assert found.overruled[0].reviewer == ""
    assert {o.reviewer for o in found.overruled} == {"", *PEOPLE}


def test_items_behind_a_figure_come_in_pages_and_blind_where_they_must(store, make):
    queue = make(25, noisy, overlap=2)
    queue.configure(overlap=3)
    first = queue.matches()
    assert (len(first.items), first.page, first.more) == (20, 1, True)
    second = queue.matches(page=2)
    assert (len(second.items), second.more) == (5, False)
    for match in queue.matches(blind_to="ana").items:
        given = [a for a in queue.annotations() if a.item_id == match.item.id]
        mine = any(a.reviewer == "ana" for a in given)
        assert (len(match.labels), match.hidden) == ((2, 0) if mine else (0, 2))
    queue.configure(overlap=2)
    assert all(not match.hidden for match in queue.matches(blind_to="ana").items)
    for wrong in ({"page": 0}, {"page": 51}, {"label": "none"}, {"beside": "ben"}):
        with pytest.raises(InputError):
            queue.matches(**wrong)


def test_looking_at_labels_about_safety_is_logged(store, make):
    from trueup.store.events import list_events

    queue = make(2, noisy)
    queue.matches(actor="mo", now=NOW)
    queue.configure(safety=True)
    queue.matches(actor="mo", now=NOW)
    with store.reading() as tx:
        reads = [e for e in list_events(tx, safety=True) if e.action == "read"]
    assert [(e.actor, e.object_id, len(e.detail["items"])) for e in reads] == [("mo", queue.id, 2)]
