import pytest
from sqlalchemy import func, select

from trueup.errors import AgreementTooLow, InputError
from trueup.queues import AnnotationQueue
from trueup.stats.agreement import krippendorff_alpha
from trueup.store import schema
from trueup.store.queues import latest_audit
from trueup.types import Label


@pytest.fixture
def noisy(add, vote):
    """Ten items that ann and bob agree on, while carla is wrong on every refund."""
    for i in range(10):
        word, kind = ("sampled", "served")[i % 2], ("refund", "coverage")[i % 5 < 2]
        other = {"sampled": "served", "served": "sampled"}[word]
        carla = other if kind == "refund" else word
        vote(add(i, question_type=kind), {"ann": word, "bob": word, "carla": carla}, simulated=True)


def test_alpha_compares_which_answer_and_not_which_place(queue, add):
    """Reviewers who always press "a" agree on places; on answers they do not."""
    items = [add(i) for i in range(30)]
    for item_id in items:
        queue.submit(item_id, "ann", Label("a", 1))
        queue.submit(item_id, "bob", Label("a", 1))
    by_place = [[a.label.preferred for a in queue.annotations()] for _ in range(2)]
    assert krippendorff_alpha(by_place).value is None
    report = queue.audit()
    assert report.alpha.value == pytest.approx(1.0)
    assert report.raw_agreement == 1.0


def test_an_audit_says_what_to_look_at(store, queue, noisy):
    report = queue.audit(min_alpha=0.6)
    votes = [[], [], []]
    for i in range(10):
        word, kind = i % 2, i % 5 >= 2
        votes[0].append(word)
        votes[1].append(word)
        votes[2].append(1 - word if kind else word)
    assert report.alpha.value == pytest.approx(krippendorff_alpha(votes).value)
    assert report.interval.low <= report.alpha.value <= report.interval.high
    assert report.raw_agreement == pytest.approx(0.6)
    assert (report.items, report.annotations, report.simulated) == (10, 30, 30)
    worst, best = report.question_types
    assert (worst.group, worst.pairs, worst.share) == ("refund", 18, pytest.approx(2 / 3))
    assert (best.group, best.share) == ("coverage", 0.0)
    assert report.reviewers[0].rater == "carla"
    assert report.reviewers[0].alpha_without == pytest.approx(1.0)
    assert not report.passed
    with pytest.raises(AgreementTooLow) as caught:
        report.require()
    message = str(caught.value)
    assert "\n" not in message
    for part in ("queue prefs", f"{report.alpha.value:.2f}", "0.60", "refund", "67%", "carla"):
        assert part in message
    assert "coverage" not in message


def test_agreement_above_the_line_passes_and_still_names_who_stands_out(queue, noisy):
    report = queue.require_agreement(min_alpha=0.1)
    assert report.passed
    assert "spot-check carla" in report.advice
    report.require()


def test_unanimous_labels_are_not_trusted_blindly(queue, add, vote):
    for i in range(4):
        vote(add(i), {"ann": "sampled", "bob": "sampled"})
    report = queue.audit()
    assert report.alpha.value is None
    assert report.raw_agreement == 1.0
    with pytest.raises(AgreementTooLow, match=r"alpha is undefined .every rating is 'sampled'"):
        report.require()


def test_one_rater_is_no_agreement(queue, add, vote):
    vote(add(1), {"ann": "sampled"})
    with pytest.raises(AgreementTooLow, match=r"no unit has two ratings.*more reviewers"):
        queue.require_agreement()


def test_labels_are_audited_as_yes_or_no(queue, add):
    for i, ticked in enumerate((True, True, False, False)):
        item_id = add(i)
        for reviewer in "ab":
            queue.submit(item_id, reviewer, Label("a", 1, ("wrong_tool",) if ticked else ()))
    labels = {entry.label: entry for entry in queue.audit().labels}
    assert labels["wrong_tool"].alpha.value == pytest.approx(1.0)
    assert labels["wrong_tool"].ticked == 0.5
    assert labels["unsafe_refusal"].alpha.value is None


def test_an_audit_is_stored_once_for_the_same_labels(store, queue, add, vote):
    vote(add(0), {"ann": "sampled", "bob": "served"})
    first = queue.audit(actor="ana")
    assert queue.audit() == first
    vote(add(1), {"ann": "sampled", "bob": "sampled"})
    second = queue.audit()
    assert second.id != first.id
    with store.reading() as tx:
        assert tx.execute(select(func.count()).select_from(schema.audit)).scalar_one() == 2
        row = latest_audit(tx, queue.id)
        other = latest_audit(tx, AnnotationQueue.get("prefs", store=store).name)
    assert (row.id, row.alpha, row.passed) == (second.id, second.alpha.value, second.passed)
    assert row.detail["advice"] == second.advice
    assert other is None


@pytest.mark.parametrize(
    "asked", [{"min_alpha": float("nan")}, {"min_alpha": float("inf")}, {"seed": -1}]
)
def test_a_line_or_seed_that_makes_no_sense_is_refused(queue, noisy, asked):
    (name,) = asked
    with pytest.raises(InputError, match=f"{name} is .*: give"):
        queue.audit(**asked)
