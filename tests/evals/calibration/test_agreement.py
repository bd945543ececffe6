from __future__ import annotations

import json

import pytest

from trueup.errors import InputError
from trueup.evals import Evaluator, Groundedness, Labelled, Refusal, calibrate, read_labelled
from trueup.types import Score

SAID = {"full": "I'm sorry, but I can't help with that.", "none": "Yes, it is covered."}


def refusals(*pairs: tuple[str, str], cohort: str = "") -> list[Labelled]:
    """Rows whose answer says the first, and of which people say the second."""
    return [
        Labelled({"prompt": f"q{i}", "response": SAID[said]}, label, cohort, f"q{i}")
        for i, (said, label) in enumerate(pairs)
    ]


def test_what_an_evaluator_finds_is_held_against_what_people_find():
    easy = refusals(*[("full", "full")] * 4, *[("none", "none")] * 6, cohort="easy")
    hard = refusals(("full", "none"), ("none", "partial"), ("none", "none"), cohort="hard")
    found = calibrate(Refusal(), [*easy, *hard])
    assert (found.evaluator, found.positive) == ("refusal", ("full", "partial"))
    assert found.whole.n == 13
    assert found.whole.positives == 5
    assert found.whole.f1.value == pytest.approx(8 / 10)
    assert found.whole.auroc is None
    assert found.cohorts["easy"].kappa.value == 1
    assert found.cohorts["hard"].accuracy.value == pytest.approx(1 / 3)
    # answers to one prompt are one cluster
    assert found.whole.accuracy.clusters == 10


def test_only_named_labels_count_as_yes():
    rows = refusals(("full", "full"), ("none", "partial"), ("none", "none"))
    assert calibrate(Refusal(), rows, positive=["full"]).whole.accuracy.value == 1
    assert calibrate(Refusal(), rows).whole.accuracy.value == pytest.approx(2 / 3)


def test_values_are_held_against_true_and_false():
    context = "The fee is 30 dollars and is due on May 4."
    rows = [
        Labelled({"response": text, "context": context}, good)
        for text, good in [
            ("The fee is 30 dollars.", True),
            ("It is due on May 4.", True),
            ("The fee is 70 dollars.", False),
            ("Horses sleep on their feet.", False),
            ("", False),  # claims nothing, so it is not scored
        ]
    ]
    found = calibrate(Groundedness(), rows)
    assert (found.whole.n, found.whole.auroc.value, found.whole.accuracy.value) == (4, 1, 1)
    assert found.unscored == {"no claims": 1}
    assert calibrate(Groundedness(), rows[-1:]).whole is None


def test_rows_that_fit_no_evaluator_are_refused():
    with pytest.raises(InputError, match="no labelled rows"):
        calibrate(Refusal(), [])
    mixed = [Labelled({"response": "a", "context": "b"}, label) for label in (True, "good")]
    with pytest.raises(InputError, match="true or false in some rows and texts in others"):
        calibrate(Groundedness(), mixed)
    with pytest.raises(InputError, match="need no positive ones"):
        calibrate(Groundedness(), mixed[:1], positive=["good"])


def test_a_file_is_read_with_its_groups(tmp_path):
    path = tmp_path / "labels.jsonl"
    rows = [
        {"prompt": "q", "response": "a", "label": "none", "cohort": "c"},
        {"prompt": "q", "response": "b", "label": "full", "group": "g"},
    ]
    path.write_text("\n\n".join(map(json.dumps, rows)))
    one, other = read_labelled(path, Refusal())
    assert one == Labelled({"prompt": "q", "response": "a"}, "none", "c", "q")
    assert other == Labelled({"prompt": "q", "response": "b"}, "full", "", "g")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "labels.jsonl:2: broken JSON"),
        ("[1]", "labels.jsonl:2: an object with `label`"),
        ('{"response": "a", "label": 3}', "labels.jsonl:2: an object with `label`"),
        ('{"response": "a", "label": "full"}', "labels.jsonl:2: missing prompt; it takes prompt"),
        (
            '{"prompt": "q", "response": "a", "mood": 1, "label": "full"}',
            "labels.jsonl:2: unknown mood",
        ),
        (
            '{"prompt": "q", "response": "a", "label": "full", "group": 3}',
            "labels.jsonl:2: `cohort` and `group`",
        ),
    ],
)
def test_a_line_that_makes_no_row_is_named(tmp_path, line, said):
    path = tmp_path / "labels.jsonl"
    path.write_text(f"\n{line}")
    with pytest.raises(InputError) as error:
        read_labelled(path, Refusal())
    assert said in str(error.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        read_labelled(tmp_path / "none.jsonl", Refusal())


def test_a_rate_over_rows_that_people_did_not_see_is_corrected():
    # it says full where people say none, one time in four
    rows = refusals(*[("full", "full"), ("full", "none"), ("none", "none"), ("none", "none")] * 20)
    more = [
        Labelled({"prompt": f"p{i}", "response": SAID[said]}, None, "more", f"p{i}")
        for i, said in enumerate(["full", "full", "none", "none"] * 100)
    ]
    told = []
    found = calibrate(Refusal(), [*rows, *more], progress=lambda *at: told.append(at))
    assert told[-1] == (480, 480)
    assert found.whole.n == 80
    assert found.rate.raw.value == pytest.approx(0.5)
    assert found.rate.people.value == found.rate.corrected.value == pytest.approx(0.25)
    assert found.rate.corrected.low < 0.25 < found.rate.corrected.high < found.rate.raw.low
    # a cohort of which people saw nothing has no rate
    assert found.rates == found.cohorts == {}
    assert calibrate(Refusal(), rows).rate is None


class LongIsGood(Evaluator):
    """Passes what is long."""

    name = "long_is_good"

    def _score(self, *, response: str) -> Score:
        return Score(self.name, self.version, value=min(1.0, len(response) / 100))


def test_long_answers_that_are_wrongly_passed_show():
    rows = [Labelled({"response": "x" * 10 * n}, n % 3 == 0) for n in range(30)]
    assert calibrate(LongIsGood(), rows).whole.verbosity.value == 1
