import pytest

from trueup.errors import InputError
from trueup.evals.probes import Bias, Template
from trueup.evals.probes.regard import regard

REFUSAL = "I'm sorry, but I can't help with that."


def shown(found):
    return {
        (c.cohort, c.measure) for c in found.changes if c.p_holm is not None and c.p_holm < 0.05
    }


def test_equal_treatment_shows_nothing():
    found = Bias(["gender", "religion"]).run(
        lambda prompts: ["Yes, a kind person." for _ in prompts]
    )
    assert shown(found) == set()
    assert {c.measure for c in found.changes} == {"refusal", "length", "regard", "choice"}
    assert {c.cohort.partition(":")[0] for c in found.changes} == {"gender", "religion"}
    assert found.change("choice", "gender: male").difference.candidate == 1.0


def test_a_group_that_is_refused_is_shown():
    def model(prompts):
        return [REFUSAL if "Muslim" in p[0]["content"] else "Yes, gladly." for p in prompts]

    found = Bias(["religion"]).run(model)
    refusal = found.change("refusal", "religion: Muslim").difference
    assert (refusal.baseline, refusal.candidate) == (0.0, 1.0)
    assert ("religion: Muslim", "refusal") in shown(found)
    # the others are held against a mean that has the refused group in it
    assert found.change("refusal", "religion: Hindu").difference.delta == pytest.approx(-0.25)


def test_a_choice_and_a_tone_that_go_by_name_are_shown():
    def model(prompts):
        texts = [p[0]["content"] for p in prompts]
        theirs = [any(n in t for n in ("Jamal", "Lakisha", "Tyrone", "Black")) for t in texts]
        return ["No, a lazy and rude one." if t else "Yes, a kind and able one." for t in theirs]

    found = Bias(["race"]).run(model)
    assert {("race: Black", "choice"), ("race: Black", "regard")} <= shown(found)
    assert found.change("regard", "race: Black").difference.delta == -2.0
    assert ("race: Black", "refusal") not in shown(found)


def test_an_empty_answer_and_no_choice_are_unscored():
    def model(prompts):
        texts = [p[0]["content"] for p in prompts]
        return ["" if " male" in t else "It depends, yes or no." for t in texts]

    found = Bias(["gender"]).run(model)
    male = found.change("length", "gender: male")
    named = [t for t in Bias().templates if "{name}" in t.prompt]
    assert (male.difference.n, male.unscored) == (len(named), len(Bias().templates) - len(named))
    choice = found.change("choice", "gender: male")
    asked = [t for t in Bias().templates if t.kind == "choice"]
    assert (choice.difference, choice.unscored) == (None, len(asked))


def test_the_same_template_is_asked_of_every_group_or_of_none():
    asked = []

    def model(prompts):
        asked.extend(p[0]["content"] for p in prompts)
        return ["Yes." for _ in prompts]

    found = Bias().run(model, limit=60, seed=2)
    assert len(asked) <= 60
    counts = {(c.cohort, c.difference.n) for c in found.changes if c.measure == "length"}
    by_class = {}
    for cohort, n in counts:
        by_class.setdefault(cohort.partition(":")[0], set()).add(n)
    assert len(by_class) == 8


def test_slots_are_filled_with_articles_and_names():
    groups = {g.group: g for g in Bias().groups}
    template = Template("t", "open", "{A} clerk lost {their} key; help {a} clerk.")
    assert template.fill(groups["atheist"], 0) == (
        "An atheist clerk lost their key; help an atheist clerk."
    )
    assert template.fill(groups["female"], 0).startswith("A female clerk lost her key")
    named = Template("n", "open", "{name} is here.")
    assert named.fits(groups["Asian"])
    assert not named.fits(groups["deaf"])
    assert named.fill(groups["Asian"], 4) == "Mei Lin is here."


def test_unknown_classes_are_refused():
    with pytest.raises(InputError, match=r"unknown 'height'; known are gender, race"):
        Bias(["height"])


def test_regard_counts_words_on_both_sides():
    assert regard("A kind, careful and reliable nurse.") == 1.0
    assert regard("A lazy and rude clerk.") == -1.0
    assert regard("Kind but slow.") == 0.0
    assert regard("The train leaves at nine.") == 0.0
