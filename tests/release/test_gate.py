from dataclasses import replace
from datetime import UTC, datetime

import pytest

from trueup.errors import GateError
from trueup.release.compare import ALL
from trueup.release.gate import gate
from trueup.release.margins import Margin, Margins
from trueup.release.replay import Request
from trueup.release.summary import sentence
from trueup.store.releases import list_verdicts

pytestmark = pytest.mark.one_database

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def number(request) -> int:
    return int(request.id[-3:])


def half(request):
    """Right on half of each family."""
    return "right" if (number(request) // 16 + number(request)) % 2 else "wrong"


def run(store, baseline, candidate, **kwargs):
    return gate(store, baseline.replay.id, candidate.replay.id, actor="ana", now=NOW, **kwargs)


def rows(verdict, against="baseline"):
    return {(r["cohort"], r["metric"]): r for r in verdict.table if r["against"] == against}


def test_a_gain_everywhere_ships(store, play):
    verdict = run(store, play("baseline", half), play("candidate", lambda _: "right"))
    assert verdict.outcome == "ship"
    assert "Right tool chosen in all cohorts is shown better: 0.50 to 1.00" in verdict.reasons[0]
    assert rows(verdict)[ALL, "tool_selection_accuracy"]["status"] == "better"
    assert rows(verdict)["rest", "over_refusal"]["status"] == "no worse"
    assert rows(verdict)["rest", "preference"]["status"] == "not gated"


def test_a_loss_in_one_cohort_blocks_whatever_the_whole_gains(store, play):
    def candidate(request):
        gained = request.cohort == "tool-heavy"
        return "right" if gained or (half(request) == "right" and number(request) < 32) else "wrong"

    verdict = run(store, play("baseline", half), play("candidate", candidate))
    assert verdict.outcome == "block"
    assert "Right tool chosen in rest is shown worse: 0.50 to 0.25" in verdict.reasons[0]


def test_nothing_changed_is_inconclusive_for_want_of_a_gain(store, play):
    verdict = run(store, play("baseline", half), play("candidate", half))
    assert verdict.outcome == "inconclusive"
    assert verdict.reasons[0].startswith("No target metric is shown better")
    assert rows(verdict)["rest", "tool_selection_accuracy"]["status"] == "no worse"
    assert len(verdict.reasons) == 1


def test_a_win_rate_alone_never_ships(store, play):
    """Only what is not a target gets better: the gate has nothing to ship for."""
    margins = Margins(targets=("over_refusal",), required=("over_refusal",))
    verdict = run(
        store, play("baseline", half), play("candidate", lambda _: "right"), margins=margins
    )
    assert rows(verdict)[ALL, "preference"]["candidate"] == 0.75
    assert verdict.outcome == "inconclusive"


def test_noise_is_inconclusive_and_says_how_many_more(store, play):
    def candidate(request):
        other = {"right": "wrong", "wrong": "right"}
        return half(request) if number(request) % 5 else other[half(request)]

    verdict = run(store, play("baseline", half), play("candidate", candidate))
    assert verdict.outcome == "inconclusive"
    (line,) = [r for r in verdict.reasons if r.startswith("Right tool chosen in rest may be worse")]
    assert "such families would settle it" in line
    assert rows(verdict)["rest", "tool_selection_accuracy"]["families_needed"] > 16


def test_fewer_refusals_alone_ship(store, play):
    def refusing(request):
        return "refused" if number(request) % 3 == 0 else half(request)

    def answering(request):
        return "wrong" if number(request) % 3 == 0 else half(request)

    margins = Margins(required=("over_refusal",), targets=("over_refusal",))
    there = run(store, play("baseline", refusing), play("candidate", answering), margins=margins)
    assert there.outcome == "ship"
    assert rows(there)[ALL, "over_refusal"]["delta"] < 0
    back = run(
        store,
        play("baseline", answering, sampling=2),
        play("candidate", refusing, sampling=2),
        margins=margins,
    )
    assert back.outcome == "block"


def test_a_gain_under_the_asked_one_does_not_ship(store, play):
    margins = Margins(
        targets=("tool_selection_accuracy",),
        metrics={"tool_selection_accuracy": Margin(0.1, min_gain=0.9)},
    )
    verdict = run(
        store, play("baseline", half), play("candidate", lambda _: "right"), margins=margins
    )
    assert verdict.outcome == "inconclusive"


def test_one_family_alone_is_inconclusive_and_says_why(store, play):
    suite = [
        Request(f"q-{i:03d}", "rest", "only", "", ({"role": "user", "content": str(i)},))
        for i in range(40)
    ]
    margins = Margins(required=("tool_selection_accuracy",), targets=("tool_selection_accuracy",))
    verdict = run(
        store,
        play("baseline", lambda _: "wrong", suite),
        play("candidate", lambda _: "right", suite),
        margins=margins,
    )
    assert verdict.outcome == "inconclusive"
    assert any("all requests are of one family" in reason for reason in verdict.reasons)


def test_a_required_metric_that_was_never_scored_does_not_pass(store, play):
    margins = Margins(required=("tool_selection_accuracy", "groundedness"))
    verdict = run(
        store, play("baseline", half), play("candidate", lambda _: "right"), margins=margins
    )
    assert verdict.outcome == "inconclusive"
    assert "groundedness is required and was scored on no request" in verdict.reasons[0]


def test_the_control_has_rows_and_no_say(store, play):
    verdict = run(
        store,
        play("baseline", half),
        play("candidate", lambda _: "right"),
        control_replay_id=play("control", lambda _: "right").replay.id,
    )
    assert verdict.outcome == "ship"
    row = rows(verdict, "control")[ALL, "tool_selection_accuracy"]
    assert (row["reference"], row["delta"], row["status"]) == ("control-0001", 0, "no worse")


def test_verdicts_are_stored_once(store, play):
    first, second = play("baseline", half), play("candidate", lambda _: "right")
    assert run(store, first, second) == run(store, first, second)
    other = run(store, first, second, margins=Margins(alpha=0.01))
    with store.reading() as tx:
        stored = list_verdicts(tx)
    assert {v.id for v in stored} == {run(store, first, second).id, other.id}
    assert stored[0] in (other, run(store, first, second))


def test_margins_for_a_cohort_that_is_not_there_are_refused(store, play):
    margins = Margins(cohorts={"tool-heavvy": {"tool_selection_accuracy": Margin()}})
    with pytest.raises(GateError, match="'tool-heavvy', which held-out does not have; it has all"):
        run(store, play("baseline", half), play("candidate", half), margins=margins)


def test_a_cohort_that_lost_its_scores_does_not_ship(store, play):
    def candidate(request):
        return "broken" if request.cohort == "tool-heavy" else "right"

    verdict = run(store, play("baseline", half), play("candidate", candidate))
    assert rows(verdict)["tool-heavy", "tool_selection_accuracy"]["holes"] == 64
    assert verdict.outcome == "inconclusive"
    reason = "Right tool chosen in tool-heavy: 64 of its requests were not scored on both sides"
    assert reason in verdict.reasons[0]
    assert sentence(verdict).endswith("but not every request was scored in tool-heavy.")


def test_a_checkpoint_is_not_compared_with_itself(store, play):
    one = play("baseline", half)
    with pytest.raises(GateError, match="both checkpoint baseline-0001"):
        run(store, one, one)


def test_no_cohort_is_called_like_the_row_over_all(store, play):
    asked = play("baseline", half).answers.values()
    suite = [replace(answer.request, cohort=ALL) for answer in asked]
    replays = [play(name, half, suite) for name in ("baseline", "candidate")]
    with pytest.raises(GateError, match="a cohort is called 'all'"):
        run(store, *replays)


def refusing(request):
    """Refuses whatever every eighth request asks, which is right."""
    return "refused" if number(request) % 8 == 7 else half(request)


def test_complying_where_refusing_was_right_blocks_whatever_else_is_gained(store, play):
    suite = spread(play)
    verdict = run(
        store, play("baseline", refusing, suite), play("candidate", lambda _: "right", suite)
    )
    assert rows(verdict)[ALL, "under_refusal"]["delta"] == 1
    assert rows(verdict)[ALL, "tool_selection_accuracy"]["status"] == "better"
    assert verdict.outcome == "block"
    assert "Complied though wrong" in verdict.reasons[0]
    assert sentence(verdict).startswith("Complied though wrong rose from 0.00 to 1.00")


def test_a_guard_blocks_where_a_loss_is_shown_and_asks_for_no_proof(store, play):
    suite = spread(play)
    replays = play("baseline", half, suite), play("candidate", lambda _: "right", suite)
    assert run(store, *replays).outcome == "ship"
    required = Margins(required=("tool_selection_accuracy", "under_refusal"))
    assert run(store, *replays, margins=required).outcome == "inconclusive"


def spread(play):
    """The suite with its rightly refused requests in sixteen families, and not in two."""
    asked = [answer.request for answer in play("control", half).answers.values()]
    return [replace(r, family=f"{r.family}-{number(r) // 16}") for r in asked]
