import pytest

from trueup.errors import InputError
from trueup.queues import AnnotationQueue, NewItem
from trueup.types import ItemAnswer, Label, Question

pytestmark = pytest.mark.one_database

ASKED = {
    "order": Question("order", "ranking"),
    "tone": Question("tone", "choice", options=("warm", "cold")),
    "flaws": Question("flaws", "choices", options=("long", "wrong", "rude")),
    "cost": Question("cost", "number", low=0, high=10),
    "stars": Question("stars", "rating"),
    "keep": Question("keep", "thumbs"),
    "where": Question("where", "span", options=("claim", "hedge")),
    "why": Question("why", "text"),
    "better": Question("better", "edit"),
    "steps": Question("steps", "steps"),
}


@pytest.fixture
def ask(store, trace, now):
    """Return a function that makes a queue of questions with one item of three answers."""

    def make(*questions: Question):
        queue = AnnotationQueue.create(
            "asks", questions=questions, store=store, actor="ana", now=now
        )
        made = trace(1)
        answers = tuple(
            ItemAnswer(key, text, name)
            for key, text, name in (("a", "Yes.", "small"), ("b", "No.", "large"), ("c", "?", "x"))
        )
        item = NewItem(made.id, "talk", "cohort", made.messages, answers, "given")
        queue.add_items([item], actor="ana", now=now)
        return queue, queue.items()[0].id

    return make


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("order", ["b", ["c", "a"]], ["b", ["a", "c"]]),
        ("order", [["a"], "c", "b"], ["a", "c", "b"]),
        ("tone", "warm", "warm"),
        ("flaws", ["rude", "long"], ["long", "rude"]),
        ("cost", 3, 3.0),
        ("stars", 5, 5),
        ("keep", False, False),
        (
            "where",
            [{"answer": "b", "start": 0, "end": 3, "label": "claim"}],
            [{"answer": "b", "start": 0, "end": 3, "label": "claim"}],
        ),
        ("why", "  It is short. ", "It is short."),
        ("better", "Maybe.", "Maybe."),
        ("steps", [{"step": 0, "label": "bad"}], [{"step": 0, "label": "bad", "better": ""}]),
    ],
)
def test_an_answer_is_kept_in_one_written_form(ask, now, name, given, kept):
    queue, item = ask(ASKED[name])
    queue.submit(item, "ben", Label(answers={name: given}), now=now)
    queue.submit(item, "ben", Label(answers={name: given}), now=now)
    assert [a.label.answers for a in queue.annotations()] == [{name: kept}]


@pytest.mark.parametrize(
    ("name", "given", "takes"),
    [
        ("order", ["a", "b"], "each of a, b, c once"),
        ("order", ["a", "b", "b"], "each of a, b, c once"),
        ("order", "abc", "each of a, b, c once"),
        ("tone", "dry", "one of warm, cold"),
        ("flaws", ["rude", "rude"], "none twice"),
        ("flaws", "rude", "a list of some of"),
        ("cost", 11, "a number from 0 and to 10"),
        ("cost", True, "a number"),
        ("cost", float("nan"), "a number"),
        ("stars", 0.5, "a whole number from 1 to 5"),
        ("stars", 6, "a whole number from 1 to 5"),
        ("keep", 1, "true or false"),
        ("where", [{"answer": "b", "start": 0, "end": 4, "label": "claim"}], "in characters"),
        ("where", [{"answer": "b", "start": 1, "end": 1, "label": "claim"}], "in characters"),
        ("where", [{"answer": "z", "start": 0, "end": 1, "label": "claim"}], "in characters"),
        ("where", [{"answer": "b", "start": 0, "end": 1, "label": "x"}], "labels claim, hedge"),
        ("why", 7, "a text"),
        ("steps", [{"step": 9, "label": "bad"}], "steps 0 to 0"),
        ("steps", [{"step": 0, "label": "odd"}], "good, neutral, bad"),
        ("steps", [{"label": "bad"}], "a list of"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_what_does(ask, now, name, given, takes):
    queue, item = ask(ASKED[name])
    with pytest.raises(InputError, match=f"{item}: '{name}' takes .*{takes}"):
        queue.submit(item, "ben", Label(answers={name: given}), now=now)
    assert queue.annotations() == []


def test_what_is_required_must_be_answered_and_what_is_not_asked_may_not(ask, now):
    queue, item = ask(Question("why", "text", required=True), ASKED["tone"])
    for label, message in (
        (Label(answers={"tone": "warm"}), "'why' has no answer, and the queue requires one"),
        (
            Label(answers={"why": " ", "mood": 1}),
            "does not ask 'mood'; it asks why, tone",
        ),
        (Label("a", 1, answers={"why": "so"}), "asks for no preference"),
        (Label(correction="Maybe.", answers={"why": "so"}), "asks for no correction"),
    ):
        with pytest.raises(InputError, match=message):
            queue.submit(item, "ben", label, now=now)


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ([], "it asks nothing"),
        ([ASKED["why"], ASKED["why"]], "two questions are called 'why'"),
        ([Question("x", "colour")], "is of kind 'colour'; give one of preference"),
        ([Question("x", "preference")], "call it 'preference'"),
        ([Question("labels", "text")], "that name is for 'choices'"),
        ([Question("x", "choice", options=("a",))], "offers no choice"),
        ([Question("x", "choices", options=("a", "a"))], "repeat or are empty"),
        ([Question("x", "rating", low=5, high=1)], "runs from 5 to 1"),
        ([Question(" ", "text")], "has no name"),
    ],
)
def test_a_label_schema_that_makes_no_sense_is_refused(store, now, questions, message):
    from trueup.queues.labels._questions import check_questions

    with pytest.raises(InputError, match=message):
        check_questions("q", questions)


def test_pairs_from_elsewhere_settle_under_the_names_that_gave_them(store, trace, now):
    queue = AnnotationQueue.create("pairs", overlap=2, store=store, actor="ana", now=now)
    made = trace(1)
    answers = (ItemAnswer("a", "Yes.", "small"), ItemAnswer("b", "No.", "large"))
    queue.add_items(
        [NewItem(made.id, "talk", "cohort", made.messages, answers, "given")], actor="ana", now=now
    )
    [item] = queue.items()
    for name in ("ben", "cleo"):
        queue.submit(item.id, name, Label("b", 2), now=now)
    [row] = queue.export(actor="ana", now=now)
    assert (row.chosen, row.rejected, row.origin) == ("No.", "Yes.", "given")
