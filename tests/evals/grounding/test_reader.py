from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.evals.grounding.reader import (
    LONGEST,
    WINDOW,
    flags,
    load_reader,
    member,
    nearest,
    padded,
    windows,
)
from trueup.models.encoder import Tokens

PASSAGE = "Maria Lopez opened the shop in 1998. It sells bread and closes at six."


def judge(*claims, passages=(PASSAGE,)):
    return load_reader().judge([(claims, passages)])[0]


def test_each_claim_is_judged_apart():
    right, wrong = judge("Maria Lopez opened the shop in 1998.", "It sells old cars and boats.")
    assert right.stands > wrong.stands
    assert right.fault == ""
    assert wrong.words
    assert all(word in wrong.fault for word in ("not borne out", *wrong.words))


def test_rows_judged_together_are_those_judged_alone():
    rows = [
        (["Maria Lopez opened the shop in 1998."], [PASSAGE]),
        (["It sells cars.", "It closes at six."], [PASSAGE, "There is a garage. " * 30]),
        (["Hail is covered."], ["Covered are hail and fire."]),
    ]
    together = load_reader().judge(rows)
    for row, found in zip(rows, together, strict=True):
        alone = load_reader().judge([row])[0]
        assert [one.words for one in found] == [one.words for one in alone]
        assert np.allclose([one.stands for one in found], [one.stands for one in alone], atol=1e-4)


@pytest.mark.parametrize("text", ["\u0301", "\u200b\u200b", "日本語の文。", "\ud800", "a" * 5000])
def test_any_text_is_judged(text):
    assert all(np.isfinite(one.stands) for one in judge(text, passages=[text]))


def test_of_a_long_context_the_nearest_sentences_are_read():
    filler = [f"Number {i} is of no interest to anybody here." for i in range(400)]
    found = nearest([*filler[:200], "The shop closes at six.", *filler[200:]], "closes at six")
    assert "The shop closes at six." in found
    assert len(found) <= LONGEST
    assert nearest(["a", "b"], "x") == "a\nb"


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_windows_cover_a_text_and_begin_with_sentences(lengths):
    text = ". ".join("a" * n for n in lengths)
    spans = [(i, i + 1) for i, c in enumerate(text) if c == "a"]
    cuts = windows(text, Tokens([1] * len(spans), spans))
    assert [a for a, _ in cuts] == [0, *(b for _, b in cuts[:-1])]
    assert cuts[-1][1] == len(spans)
    assert all(0 < b - a <= WINDOW for a, b in cuts)
    if max(lengths) <= WINDOW:
        starts = set(np.cumsum([0, *lengths]).tolist())
        assert all(a in starts for a, _ in cuts)


def test_how_a_token_occurs_in_the_context():
    found = flags([1, 2, 9], [5, 1, 2, 3])
    assert found.tolist() == [[1, 0, 1, 0, 1], [1, 1, 0, 0, 1], [0, 0, 0, 0, 1]]


def test_tokens_are_shared_out_to_claims():
    tokens = SimpleNamespace(spans=[(0, 2), (3, 4), (5, 7)])
    assert member(tokens, ["ab", "c de"]).tolist() == [[1, 0, 0], [0, 1, 1]]


def test_shorter_arrays_end_in_zeros():
    assert padded([np.ones((1, 2)), np.ones((2, 1))]).tolist() == [
        [[1, 1], [0, 0]],
        [[1, 0], [1, 0]],
    ]
