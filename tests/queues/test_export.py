import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from trueup.errors import InputError, QueueEmpty
from trueup.queues import NewItem
from trueup.queues.exports._settle import settle
from trueup.store import schema
from trueup.store.preferences import list_preferences
from trueup.types import Annotation, Item, ItemAnswer, Label


def texts(preferences):
    return [(p.chosen, p.rejected, p.origin) for p in preferences]


def test_the_preferred_answer_is_chosen_over_the_other(queue, add, vote):
    vote(add(1), {"ann": "sampled", "bob": "sampled", "cy": "served"})
    vote(add(2), {"ann": "served", "bob": "served", "cy": "served"})
    found = queue.export()
    assert sorted(texts(found)) == [
        ("sampled 1", "served 1", "sampled"),
        ("served 2", "sampled 2", "served"),
    ]
    one = next(p for p in found if p.trace_id == "trace-1")
    assert (one.agreement, one.raters, one.strength) == (pytest.approx(1 / 3), 3, 2.0)
    assert (one.conversation_id, one.family, one.cohort) == ("talk-1", "family-0", "tool-heavy")
    assert one.annotation_ids == tuple(
        sorted(a.id for a in queue.annotations() if a.item_id == one.item_id)
    )
    assert (found.queue, found.stream, found.format, found.simulated) == (
        "prefs",
        "reviewer",
        "paired",
        False,
    )


def test_min_agreement_is_the_share_of_agreeing_rater_pairs(queue, add, vote):
    vote(add(1), {"ann": "sampled", "bob": "sampled", "cy": "served"})
    vote(add(2), {"ann": "sampled", "bob": "sampled", "cy": "sampled"})
    vote(add(3), {"ann": "sampled"})
    assert len(queue.export(min_agreement=0)) == 3
    assert len(queue.export(min_agreement=1 / 3)) == 2
    strict = queue.export(format="paired", min_agreement=0.7)
    assert [p.trace_id for p in strict] == ["trace-2"]
    assert strict.left_out == {"agreement too low": 1, "one rater": 1}


def test_a_correction_is_chosen_where_neither_will_do(queue, add, vote):
    vote(add(1), {"ann": "neither:mine", "bob": "neither:theirs", "cy": "neither:theirs"})
    (found,) = queue.export()
    assert (found.chosen, found.rejected, found.origin) == ("theirs", "served 1", "corrected")
    assert found.strength == 0


def test_of_equal_corrections_the_most_reliable_reviewers_counts(queue, add, vote):
    for i in range(4):  # zed agrees with bob wherever it can be told, ann with nobody
        vote(add(i), {"ann": "served", "bob": "sampled", "zed": "sampled"})
    vote(add(9), {"ann": "neither:ann's", "zed": "neither:zed's"})
    (found,) = [p for p in queue.export() if p.trace_id == "trace-9"]
    assert found.chosen == "zed's"


def test_an_approved_answer_alone_is_an_unpaired_row(queue, add, vote):
    vote(add(1, candidate=None), {"ann": "served", "bob": "served"})
    vote(add(2, candidate=None), {"ann": "neither:right", "bob": "neither"})
    assert texts(queue.export()) == [("right", "served 2", "corrected")]
    assert queue.export().left_out == {"no rejected answer": 1}
    assert sorted(texts(queue.export("unpaired"))) == [
        ("right", "served 2", "corrected"),
        ("served 1", None, "served"),
    ]


def test_what_settles_nothing_is_counted_by_reason(queue, add, vote):
    add(0)
    vote(add(1), {"ann": "sampled", "bob": "served"})
    vote(add(2), {"ann": "tie", "bob": "tie"})
    vote(add(3), {"ann": "neither", "bob": "neither"})
    vote(add(4), {"ann": "neither:served 4", "bob": "neither:served 4"})
    vote(add(5, candidate="served {}"), {"ann": "served", "bob": "served"})
    vote(add(6), {"ann": "served", "bob": "served"})
    found = queue.export(origins=["served", "sampled"])
    assert texts(found) == [("served 6", "sampled 6", "served")]
    assert found.left_out == {
        "both answers are the same": 1,
        "neither, and no correction": 1,
        "no labels": 1,
        "no majority": 1,
        "the correction repeats the answer": 1,
        "tie": 1,
    }
    with pytest.raises(QueueEmpty, match=r"none of 7 items gives a paired.*another origin \(1\)"):
        queue.export(origins=["corrected"])


def test_exporting_twice_writes_once_and_keeps_the_way_back(store, queue, add, vote):
    vote(add(1), {"ann": "sampled", "bob": "sampled"})
    vote(add(2), {"ann": "served", "bob": "served"})
    first, again = queue.export(actor="ana"), queue.export(actor="ben")
    assert list(first) == list(again)
    with store.reading() as tx:
        stored = list_preferences(tx, queue_id=queue.id)
        links = tx.execute(select(func.count()).select_from(schema.preference_annotation))
        assert links.scalar_one() == 4
    assert sorted(stored, key=lambda p: p.id) == sorted(first, key=lambda p: p.id)


def test_a_correction_of_a_label_makes_another_preference(queue, add, vote):
    item_id = add(1)
    vote(item_id, {"ann": "sampled", "bob": "sampled"})
    before = queue.export()[0]
    mine = next(a for a in queue.annotations() if a.reviewer == "ann")
    queue.submit(item_id, "ann", Label("tie"), replaces=mine.id)
    with pytest.raises(QueueEmpty, match="no majority"):
        queue.export()
    back = Label(mine.label.preferred, 3)
    tie = next(a for a in queue.annotations() if a.reviewer == "ann")
    queue.submit(item_id, "ann", back, replaces=tie.id)
    after = queue.export()[0]
    assert (after.chosen, after.strength) == (before.chosen, 2.5)
    assert after.id != before.id


def test_simulated_labels_are_said_to_be_and_can_be_left_out(queue, add, vote):
    one, two = add(1), add(2)
    vote(one, {"ann": "sampled", "bob": "sampled"})
    vote(two, {"r1": "sampled", "r2": "sampled"}, simulated=True)
    assert queue.export().simulated
    people = queue.export(include_simulated=False)
    assert [p.item_id for p in people] == [one]
    assert not people.simulated
    assert people.left_out == {"no labels": 1}


def test_the_set_is_a_sequence_and_writes_conversational_rows(tmp_path, queue, add, vote):
    vote(add(1), {"ann": "sampled", "bob": "sampled"})
    vote(add(2, candidate=None), {"ann": "served", "bob": "served"})
    found = queue.export("unpaired")
    assert found[0] == next(iter(found))
    assert found[:1] == (found[0],)
    path = tmp_path / "out" / "kto.jsonl"
    assert found.write(path) == 3
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted((r["completion"][0]["content"], r["label"]) for r in rows) == [
        ("sampled 1", True),
        ("served 1", False),
        ("served 2", True),
    ]
    assert rows[0]["prompt"][0]["role"] == "system"
    with pytest.raises(InputError, match="exists"):
        found.write(path)
    paired = queue.export()
    paired.write(path, overwrite=True)
    (row,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert row["chosen"] == [{"role": "assistant", "content": "sampled 1"}]
    assert row["rejected"] == [{"role": "assistant", "content": "served 1"}]
    assert (row["preference_id"], row["trace_id"]) == (paired[0].id, "trace-1")
    assert [p.name for p in path.parent.iterdir()] == ["kto.jsonl"]


def test_a_sampled_item_weighs_what_it_stands_for(tmp_path, store, queue, trace, vote):
    new = NewItem.from_trace(trace(1), reason="sampled", candidate="other", inclusion=0.25)
    queue.add_items([new])
    vote(queue.items()[0].id, {"ann": "served", "bob": "served"})
    found = queue.export()
    assert found[0].weight == 4
    found.write(tmp_path / "pairs.jsonl")
    assert json.loads((tmp_path / "pairs.jsonl").read_text())["weight"] == 4
    with store.reading() as tx:
        assert list_preferences(tx, queue_id=queue.id) == list(found)


def test_arguments_are_checked(queue, add, vote):
    vote(add(1), {"ann": "sampled"})
    with pytest.raises(InputError, match="'ranked' is neither"):
        queue.export(format="ranked")
    with pytest.raises(InputError, match=r"min_agreement is 70"):
        queue.export(min_agreement=70)


VOTES = st.lists(st.sampled_from(["a", "b", "tie", "neither"]), min_size=1, max_size=5)


@given(
    st.lists(VOTES, min_size=1, max_size=4), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.booleans()
)
def test_every_item_is_settled_or_counted(votes, min_agreement, paired):
    items = [
        Item(
            f"i{n}", "q", f"t{n}", "c", "cohort", "", "", ({"role": "user", "content": "?"},), (),
            (ItemAnswer("a", "good", "sampled"), ItemAnswer("b", "bad", "served")), "r",
        )
        for n in range(len(votes))
    ]  # fmt: skip
    annotations = [
        Annotation(
            f"{n}-{r}", f"i{n}", f"r{r}", Label(vote, int(vote in "ab")), "reviewer", False, None
        )
        for n, cast in enumerate(votes)
        for r, vote in enumerate(cast)
    ]
    settled = settle(items, annotations, min_agreement=min_agreement, origins=None, paired=paired)
    assert len(settled.preferences) + sum(settled.left_out.values()) == len(items)
    for preference in settled.preferences:
        cast = votes[int(preference.item_id[1:])]
        winner = {"sampled": "a", "served": "b"}[preference.origin]
        assert 2 * cast.count(winner) > len(cast)
        assert preference.raters == len(cast)
        if min_agreement > 0:
            assert preference.agreement >= min_agreement
