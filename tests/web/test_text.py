import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.web._text import differences, safe_html


@pytest.mark.parametrize(
    ("text", "kept", "gone"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;", "<script"),
        ("![x](https://evil.example/?c=1)", "!", "<img"),
        ("[click](javascript:alert(1))", "click", 'href="javascript'),
        ("[a](data:text/html,x)", "a", 'href="data'),
        ('<a href="https://x" onclick="x()">a</a>', "&lt;a", "onclick=x"),
        ("**bold** and `code`", "<strong>bold</strong>", "**"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<td>1</td>", "|"),
        ("<https://ok.example>", 'rel="noopener noreferrer nofollow"', "<img"),
        ("<style>body{display:none}</style>", "&lt;style", "<style"),
        ("<iframe src=//x></iframe>", "&lt;iframe", "<iframe"),
    ],
)
def test_what_models_write_runs_nothing_and_loads_nothing(text, kept, gone):
    html = safe_html(text)
    assert kept in html
    assert gone not in html


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_the_pieces_of_a_text_are_the_text(texts):
    found = differences(texts)
    assert ["".join(piece for piece, _ in pieces) for pieces in found] == texts


@given(st.text(), st.text())
def test_what_does_not_differ_is_in_both_in_the_same_order(one, two):
    left, right = differences([one, two])
    common = ["".join(piece for piece, differs in side if not differs) for side in (left, right)]
    assert common[0] == common[1]


def test_two_answers_are_compared_by_words():
    left, right = differences(["The claim is open.", "The claim was closed."])
    assert [p for p, differs in left if differs] == ["is", "open"]
    assert [p for p, differs in right if differs] == ["was", "closed"]


def test_answers_too_long_to_compare_come_back_whole():
    long = "word " * 20_000
    assert differences([long, "short"]) == [[(long, False)], [("short", False)]]
