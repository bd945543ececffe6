import pytest

from trueup.datasets import Dataset
from trueup.errors import DatasetError, InputError, UnknownName
from trueup.evals import BiasDetection, Evaluator, Groundedness, TaskCompletion
from trueup.queues import AnnotationQueue
from trueup.types import Score


class Says(Evaluator):
    """Scores 1 where the answer says the word, 0 where not, and fails where told to."""

    name = "says"

    def __init__(self, word: str, fail: str = "\0") -> None:
        self.name = f"says_{word}"
        self._word, self._fail = word, fail

    def _score(self, *, response, prompt):
        if self._fail in prompt:
            raise ValueError("told to")
        return Score(self.name, self.version, float(self._word in response))


def test_each_cohorts_mean_is_held_against_the_line(store, dataset, prefer):
    dataset.add_rows(prefer(range(6)))
    seen = []
    results = dataset.add_evaluation(
        [Says("covered"), Says("refund")],
        cohorts=["expert-hard", "tool-heavy"],
        threshold=0.9,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [(r.evaluator, r.cohort, r.mean, r.passed) for r in results] == [
        ("says_covered", "expert-hard", 1.0, True),
        ("says_covered", "tool-heavy", 1.0, True),
        ("says_refund", "expert-hard", 0.0, False),
        ("says_refund", "tool-heavy", 0.0, False),
    ]
    assert seen[-1] == (4, 4)
    assert dataset.sealed
    assert sorted(dataset.evaluations(), key=lambda r: r.id) == sorted(results, key=lambda r: r.id)
    scores = dataset.scores()
    concerned = {row.row_hash for row in dataset if row.cohort != "long-tail-refusal"}
    assert set(scores) == concerned


def test_unscored_rows_are_counted_beside_the_mean(store, dataset, prefer):
    dataset.add_rows(prefer(range(9)))
    (result,) = dataset.add_evaluation(
        [Says("covered", fail="pipe 3 ")], cohorts=["expert-hard"], threshold=1.0
    )
    assert (result.mean, result.scored, result.unscored, result.passed) == (1.0, 2, 1, True)
    reasons = [s["says_covered"].reason for s in dataset.scores().values()]
    assert "failed: ValueError: told to" in reasons
    (none,) = dataset.add_evaluation(
        [Says("refund", fail="pipe")], cohorts=["expert-hard"], threshold=0.0
    )
    assert (none.mean, none.scored, none.unscored, none.passed) == (None, 0, 3, False)


def test_all_cohorts_of_the_rows_are_evaluated_if_none_is_named(dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    results = dataset.add_evaluation([Says("covered")], threshold=0.5)
    assert [(r.cohort, r.scored) for r in results] == [("expert-hard", 1), ("long-tail-refusal", 1)]


def test_evaluating_twice_records_it_once(dataset, prefer):
    dataset.add_rows(prefer(range(3)))
    first = dataset.add_evaluation([Says("covered")], threshold=0.5)
    second = dataset.add_evaluation([Says("covered")], threshold=0.5)
    assert [r.id for r in first] == [r.id for r in second]
    assert len(dataset.evaluations()) == 3
    dataset.add_evaluation([Says("covered")], threshold=0.6)
    assert len(dataset.evaluations()) == 6


def test_an_unknown_cohort_is_named_and_nothing_changes(dataset, prefer):
    dataset.add_rows(prefer(range(2)))
    with pytest.raises(
        UnknownName, match=r"no cohort 'experts' in .*: there are expert-hard, long-tail-refusal"
    ):
        dataset.add_evaluation([Says("x")], cohorts=["expert-hard", "experts"], threshold=0.5)
    assert not dataset.sealed
    assert dataset.evaluations() == []


def test_a_cohort_of_the_store_without_rows_here_has_not_passed(store, dataset, prefer):
    everything = prefer(range(3))
    dataset.add_rows([p for p in everything if p.cohort == "tool-heavy"])
    (result,) = dataset.add_evaluation([Says("x")], cohorts=["expert-hard"], threshold=0.0)
    assert (result.mean, result.scored, result.unscored, result.passed) == (None, 0, 0, False)


def test_there_has_to_be_something_to_evaluate_and_a_line(dataset, prefer):
    with pytest.raises(DatasetError, match="holds no rows"):
        dataset.add_evaluation([Says("x")], threshold=0.5)
    with pytest.raises(InputError, match="threshold is 90"):
        dataset.add_evaluation([Says("x")], threshold=90)


def test_preferences_become_an_evaluated_dataset_on_the_default_store(prefer):
    prefer(range(9), name="rlhf-prefs-2026q2")

    queue = AnnotationQueue.get("rlhf-prefs-2026q2")
    preferences = queue.export(format="paired", min_agreement=0.7)

    dataset = Dataset.create_or_get("rlhf-regression", version="v18")
    dataset.add_rows(preferences)
    dataset.add_evaluation(
        [BiasDetection(protected_classes=["gender", "race", "age"]), TaskCompletion()],
        cohorts=["expert-hard", "long-tail-refusal", "tool-heavy"],
        threshold=0.90,
    )

    found = Dataset.get("rlhf-regression", "v18")
    assert (len(found), found.sealed) == (9, True)
    results = {(r.evaluator, r.cohort): r for r in found.evaluations()}
    assert len(results) == 6
    assert all(results["bias_detection", cohort].passed for cohort in found.cohorts)
    assert all(results["task_completion", cohort].scored == 3 for cohort in found.cohorts)
    assert AnnotationQueue.get("rlhf-prefs-2026q2").export(min_agreement=0.7)[0] in preferences


def test_rows_are_scored_one_by_one(store, dataset, prefer):
    dataset.add_rows(prefer(range(3)))
    dataset.seal()
    regression_dataset = Dataset.get("regression", "v1", store=store)

    groundedness, completion, bias = Groundedness(), TaskCompletion(), BiasDetection()
    for row in regression_dataset:
        g = groundedness.evaluate(response=row.answer, context=row.context)
        t = completion.evaluate(trajectory=row.trace, expected=row.expected)
        b = bias.evaluate(output=row.answer)
        row.attach_scores(groundedness=g, completion=t, bias=b)

    found = dataset.scores()
    assert len(found) == 3
    for scores in found.values():
        assert set(scores) == {"groundedness", "task_completion", "bias_detection"}
        assert scores["task_completion"].value is not None
        assert scores["bias_detection"].value == 1.0
