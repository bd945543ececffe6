from __future__ import annotations

import pytest

from trueup.training import METHODS
from trueup.training.advise import Evidence, advise, evidence_of
from trueup.types import Example


@pytest.mark.parametrize(
    ("evidence", "method", "reason"),
    [
        (Evidence(wanted=500), "sft", "none is rejected"),
        (Evidence(wanted=300, unwanted=200), "kto", "only KTO learns from thumbs"),
        (Evidence(pairs=100, wanted=200), "kto", "a pair as two rows"),
        (Evidence(pairs=900, wanted=200), "dpo", "too few for a reward model"),
        (Evidence(pairs=900, strength=1.2), "ipo", "slight"),
        (Evidence(pairs=20_000), "dpo", "10000 or more"),
    ],
)
def test_the_method_follows_from_what_there_is(
    evidence: Evidence, method: str, reason: str
) -> None:
    found = advise(evidence)
    assert found.method == method
    assert reason in found.reason
    assert method in METHODS
    assert method not in dict(found.otherwise)


def test_ppo_is_worth_its_price_with_many_pairs_and_a_reward_model() -> None:
    assert "reward model" in dict(advise(Evidence(pairs=20_000)).otherwise)["ppo"]
    assert "ppo" not in dict(advise(Evidence(pairs=9_999)).otherwise)


def test_of_rankings_it_says_which_method_learns_from_all_of_them() -> None:
    rows = [Example(str(n), ({"role": "user", "content": "?"},), ("a", "b", "c")) for n in range(3)]
    found = advise(evidence_of(rows))
    assert found.method == "dpo"
    assert "3 rankings, of which dpo takes the best" in dict(found.otherwise)["reward"]


def test_sound_rows_give_no_warning() -> None:
    sound = Evidence(pairs=900, agreement=0.8, streams={"reviewer": 900, "ai": 0}, safety=0)
    assert advise(sound).warnings == ()


@pytest.mark.parametrize(
    ("evidence", "warning"),
    [
        (Evidence(pairs=99), "only 99 rows"),
        (Evidence(pairs=900, agreement=0.55), "agree on 55% of their comparisons"),
        (Evidence(pairs=900, streams={"reviewer": 800, "end_user": 100}), "100 end_user, 800"),
        (Evidence(pairs=900, safety=400), "safety and quality are mixed (400 of 900"),
        (Evidence(pairs=900, simulated=7), "7 rows rest on simulated labels"),
        (Evidence(pairs=900, alphas={"q": 0.31, "r": 0.6}), "queue q found an alpha of 0.31"),
        (Evidence(pairs=900, alphas={"q": None}), "no audit of queue q has an alpha"),
    ],
)
def test_what_should_not_go_in_unseen_is_said(evidence: Evidence, warning: str) -> None:
    (told,) = advise(evidence).warnings
    assert warning in told


def test_a_file_says_how_many_of_what() -> None:
    prompt = ({"role": "user", "content": "?"},)
    rows = [
        Example("a", prompt, ("good", "bad")),
        Example("b", prompt, ("good",)),
        Example("c", prompt, ("good",), desirable=True),
        Example("d", prompt, ("bad",), desirable=False),
    ]
    assert evidence_of(rows) == Evidence(pairs=1, wanted=2, unwanted=1)


def test_a_file_says_how_far_its_raters_agree_and_whether_safety_is_mixed_in() -> None:
    prompt = ({"role": "user", "content": "?"},)
    rows = [
        Example(str(n), prompt, ("yes", "no"), agreement=0.1, head="safety" if n % 2 else "quality")
        for n in range(200)
    ]
    told = " ".join(advise(evidence_of(rows)).warnings)
    assert "the raters agree on 10%" in told
    assert "safety and quality are mixed (100 of 200 rows" in told


def test_texts_are_for_continued_pretraining() -> None:
    texts = [Example(str(i), (), ("a text",)) for i in range(3)]
    assert advise(evidence_of(texts)).method == "cpt"
    asked = Example("p", ({"role": "user", "content": "why?"},), ("so",))
    assert "beside 1 rows with prompts: part them" in advise(evidence_of([*texts, asked])).reason


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        ([("good", "bad"), ("same", "same")], "1 of 2 rows have chosen equal to rejected (1)"),
        ([("good", "bad"), ("good", "bad"), ("alone",)], "1 of 3 rows have fewer than 2"),
        ([("good",), (" ",)], "1 of 2 rows have an empty completion (1)"),
    ],
)
def test_rows_that_training_would_refuse_are_named(rows, refused) -> None:
    prompt = ({"role": "user", "content": "?"},)
    examples = [Example(str(i), prompt, texts) for i, texts in enumerate(rows)]
    found = advise(evidence_of(examples), examples)
    assert found.warnings[0].startswith(f"{found.method} would refuse these rows: {refused}")
    assert not any(
        "refuse" in told for told in advise(evidence_of(examples[:1]), examples[:1]).warnings
    )
