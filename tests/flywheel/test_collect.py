"""Which answers are queued, and what is shown beside them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.flywheel.collect import pick, spread
from trueup.traces import build_trace
from trueup.types import Completion, Expected, ToolCall

RIGHT = ToolCall("lookup", {"id": "C-1"}).render()
ALSO_RIGHT = RIGHT.replace(": ", ":")
WRONG = ToolCall("refund", {"id": "C-1"}).render()
WORSE = "I cannot help with that."


@pytest.fixture(scope="module")
def trace():
    return build_trace(
        id="t",
        conversation_id="c",
        cohort="tool-heavy",
        question_type="status",
        family="f",
        messages=({"role": "user", "content": "How is C-1?"},),
        answer=RIGHT,
        expected=Expected(calls=(ToolCall("lookup", {"id": "C-1"}),), refuse=False),
        model="m",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        latency_ms=1.0,
    )


def drawn(*texts, finish="stop"):
    return [Completion(text, 5, finish, 9) for text in texts]


def test_beside_a_right_answer_goes_the_worst_sample(trace):
    assert pick(trace, drawn(WRONG, WORSE, ALSO_RIGHT), worst=True) in (WRONG, WORSE)


def test_two_right_answers_are_not_set_against_each_other(trace):
    assert pick(trace, drawn(RIGHT, ALSO_RIGHT), worst=True) is None


def test_beside_a_wrong_answer_goes_the_best_sample(trace):
    served = replace(trace, answer=WRONG)
    assert pick(served, drawn(WRONG, WORSE, RIGHT), worst=False) == RIGHT
    assert pick(served, drawn(WORSE), worst=False) == WORSE


def test_samples_that_were_cut_or_equal_the_served_answer_are_not_shown(trace):
    served = replace(trace, answer=WRONG)
    assert pick(served, drawn(WRONG), worst=False) is None
    assert pick(served, drawn(RIGHT, finish="length"), worst=False) is None


@given(
    families=st.lists(st.sampled_from("abcd"), max_size=40),
    share=st.floats(0.01, 1),
    seed=st.integers(),
)
def test_no_family_is_left_out_and_none_is_drawn_beyond_its_share(trace, families, share, seed):
    traces = [replace(trace, id=str(i), family=name) for i, name in enumerate(families)]
    found = spread(traces, share, random.Random(seed))
    had, kept = Counter(families), Counter(families[int(i)] for i in found)
    assert set(kept) == set(had)
    assert all(share * had[f] <= kept[f] < share * had[f] + 1 for f in had)
    # each stands for as many as were left out: the weights add up to what there was
    stands_for = Counter()
    for i, inclusion in found.items():
        stands_for[families[int(i)]] += 1 / inclusion
    assert stands_for == pytest.approx(had)


def test_a_share_of_nothing_draws_nothing(trace):
    assert spread([trace], 0.0, random.Random(0)) == {}
