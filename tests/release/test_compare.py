from dataclasses import replace

import pytest

from release.conftest import requests
from trueup.errors import GateError
from trueup.release.compare import ALL, METRICS, compare
from trueup.types import Score

pytestmark = pytest.mark.one_database


def cells(found):
    return {(c.cohort, c.metric.name): c for c in found}


def refuses_third(request):
    return "refused" if int(request.id[-3:]) % 3 == 0 else "right"


def test_every_cohort_and_metric_has_its_cell(play):
    found = compare(play("baseline", lambda _: "wrong"), play("candidate", lambda _: "right"))
    names = [m.name for m in METRICS]
    assert [(c.cohort, c.metric.name) for c in found] == [
        (cohort, name) for cohort in (ALL, "rest", "tool-heavy") for name in names
    ]
    table = cells(found)
    tools = table[ALL, "tool_selection_accuracy"].difference
    assert (tools.n, tools.clusters, tools.delta) == (128, 16, 1.0)
    assert table["rest", "groundedness"].difference is None
    assert table["rest", "groundedness"].unscored == 64


def test_over_refusal_counts_only_what_should_be_answered(play):
    found = compare(play("baseline", refuses_third), play("candidate", lambda _: "right"))
    cell = cells(found)["rest", "over_refusal"]
    right_to_answer = [i for i in range(64) if i % 8 != 7]
    share = sum(i % 3 == 0 for i in right_to_answer) / len(right_to_answer)
    assert cell.difference.n == 56
    assert cell.difference.baseline == pytest.approx(share)
    assert cell.difference.candidate == 0
    # fewer refusals is the better direction
    assert cell.gain == pytest.approx(share)
    assert cell.gain_interval == (-cell.difference.high, -cell.difference.low)


def test_preference_is_won_by_being_right_alone(play):
    def half(request):
        return "right" if int(request.id[-3:]) % 2 else "wrong"

    found = compare(play("baseline", half), play("candidate", lambda _: "right"))
    won = cells(found)["rest", "preference"].difference
    assert (won.baseline, won.candidate, won.gains, won.losses) == (0.5, 0.75, 32, 0)
    wrong = play("baseline", lambda _: "wrong", sampling=2)
    tied = compare(wrong, play("candidate", lambda _: "refused", sampling=2))
    assert cells(tied)["rest", "preference"].difference.candidate == 0.5


def test_length_is_a_ratio(play):
    found = compare(play("baseline", lambda _: "right"), play("candidate", lambda _: "refused"))
    row = cells(found)["rest", "length_ratio"].to_json()
    assert (row["baseline"], row["candidate"]) == (5, 7)
    assert row["delta"] == pytest.approx(0.4)
    assert row["low"] < 0.4 < row["high"]


def test_swapping_the_sides_mirrors_the_table(play):
    first, second = play("baseline", refuses_third), play("candidate", lambda _: "right")
    there, back = cells(compare(first, second)), cells(compare(second, first))
    for key, cell in there.items():
        if cell.difference:
            assert back[key].gain == pytest.approx(-cell.gain)


def test_rows_are_plain_and_say_what_is_missing(play):
    row = cells(compare(play("baseline", refuses_third), play("candidate", refuses_third)))
    assert row["rest", "groundedness"].to_json() == {
        "cohort": "rest",
        "metric": "groundedness",
        "title": "Grounded in the context",
        "better": "higher",
        "unscored": 64,
        "holes": 64,
        "n": 0,
    }


def test_one_side_unscored_is_counted_and_left_out(play, monkeypatch):
    first, second = play("baseline", lambda _: "right"), play("candidate", lambda _: "right")
    lost = dict(second.scores["rest-000"]) | {
        name: Score(name, "1", None, reason="broke") for name in ("tool_selection_accuracy",)
    }
    second.scores["rest-000"] = lost
    cell = cells(compare(first, second))["rest", "tool_selection_accuracy"]
    assert (cell.difference.n, cell.unscored, cell.holes) == (63, 1, 1)


def test_no_interval_goes_beyond_what_scores_can_differ_by(play):
    suite = requests(["rest"], 3)
    first, second = (play(name, lambda _: "right", suite) for name in ("baseline", "candidate"))
    for side, values in ((first, (0.1, 0.0, 0.2)), (second, (0.3, 0.9, 1.0))):
        for key, value in zip(side.scores, values, strict=True):
            told = {"groundedness": Score("groundedness", "1", value)}
            side.scores[key] = dict(side.scores[key]) | told
    found = cells(compare(first, second))["rest", "groundedness"]
    assert (found.difference.delta, found.difference.high) == (pytest.approx(1.9 / 3), 1.0)
    assert found.difference.low < 0


def test_other_requests_cannot_be_compared(play):
    first = play("baseline", lambda _: "right")
    suite = [a.request for a in first.answers.values()]
    shorter = play("candidate", lambda _: "right", suite[1:])
    with pytest.raises(GateError, match="1 requests are in only one of them, such as 'rest-000'"):
        compare(first, shorter)


def test_other_sampling_cannot_be_compared(play):
    first = play("baseline", lambda _: "right")
    with pytest.raises(GateError, match="sampled with another seed"):
        compare(first, play("candidate", lambda _: "right", sampling=2))


def test_scores_of_other_versions_cannot_be_compared(play):
    first, second = play("baseline", lambda _: "right"), play("candidate", lambda _: "right")
    for scores in second.scores.values():
        scores["refusal"] = replace(scores["refusal"], version="2")
    with pytest.raises(GateError, match="refusal scored them in the versions 1, 2; replay both"):
        compare(first, second)
