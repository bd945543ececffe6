from datetime import UTC, datetime

import pytest

from trueup.release.gate import gate
from trueup.release.summary import HEADLINE, comparison_report, examples, headline, sentence

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def number(request):
    return int(request.id[-3:])


def half(request):
    return "right" if (number(request) // 16 + number(request)) % 2 else "wrong"


@pytest.fixture
def judged(store, play):
    def run(baseline, candidate, control=None, *, round_=1):
        replays = [play("baseline", baseline, sampling=round_)]
        replays.append(play("candidate", candidate, sampling=round_))
        if control is not None:
            replays.append(play("control", control, sampling=round_))
        verdict = gate(
            store,
            replays[0].replay.id,
            replays[1].replay.id,
            control_replay_id=replays[2].replay.id if control else None,
            actor="ana",
            now=NOW,
        )
        return verdict, *replays

    return run


def test_a_report_has_the_verdict_the_numbers_and_the_examples(judged):
    verdict, *replays = judged(half, lambda _: "right", half)
    found = comparison_report(verdict, *replays)
    assert found["verdict"]["outcome"] == "ship"
    assert found["verdict"]["control"] == "control-0001"
    assert found["table"] == [dict(row) for row in verdict.table]
    assert [h["metric"] for h in found["headline"]] == list(HEADLINE)


def test_the_headline_gives_each_model_its_interval(judged):
    verdict, baseline, _, control = judged(half, lambda _: "right", lambda _: "right")
    tools, refusal, preference = headline(verdict, baseline, control)
    assert (tools["baseline"]["value"], tools["candidate"]["value"]) == (0.5, 1.0)
    assert tools["baseline"]["low"] < 0.5 < tools["baseline"]["high"]
    assert tools["control"]["value"] == 1.0
    assert (refusal["better"], refusal["status"]) == ("lower", "no worse")
    # a control as good as the candidate wins as often against the baseline
    assert preference["control"] == preference["candidate"]
    assert preference["baseline"] == {"value": 0.5, "low": 0.5, "high": 0.5}


def test_examples_come_from_the_cohorts_in_turn(judged):
    _, baseline, candidate = judged(half, lambda r: "right" if number(r) else "wrong")
    found = examples(baseline, candidate, limit=4)
    assert [e["cohort"] for e in found["better"]] == ["rest", "tool-heavy"] * 2
    assert (found["better_total"], found["worse_total"], found["worse"]) == (62, 0, [])
    first = found["better"][0]
    assert (first["baseline"]["right"], first["candidate"]["right"]) == (False, True)
    assert first["candidate"]["text"] == "right"
    assert first["expected"] == "calls lookup"
    assert first["question"].startswith("rest question")


def test_the_sentence_says_what_the_verdict_rests_on(judged):
    ship, *_ = judged(half, lambda _: "right")
    assert sentence(ship) == (
        "Right tool chosen rose from 0.50 to 1.00, and no cohort is worse by more than its margin."
    )
    block, *_ = judged(lambda _: "right", half, round_=2)
    assert sentence(block).startswith("Right tool chosen fell from 1.00 to 0.50 in ")
    assert sentence(block).endswith("more comparisons are shown worse.")
    same, *_ = judged(half, half, round_=3)
    assert sentence(same) == "No gain is shown; no cohort is worse by more than its margin."


def test_a_loss_not_ruled_out_names_its_cohorts(judged):
    other = {"right": "wrong", "wrong": "right"}

    def candidate(request):
        noisy = request.cohort == "rest" and number(request) % 5 == 0
        return other[half(request)] if noisy else half(request)

    verdict, *_ = judged(half, candidate)
    assert sentence(verdict) == (
        "No gain is shown, but right tool chosen or task completed may be worse in rest."
    )
