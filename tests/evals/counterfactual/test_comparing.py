from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import InputError, UnknownName
from trueup.evals import BiasDetection, LengthDrift, Refusal
from trueup.evals._bias_terms import GROUPS
from trueup.evals.counterfactual import (
    Variant,
    compare_groups,
    counterfactuals,
    swap_groups,
    treats_alike,
)
from trueup.evals.counterfactual.group_terms import NAMES, NEUTRAL_NAMES, TERMS
from trueup.evals.counterfactual.swaps import group_names, groups_in
from trueup.text import listed


@pytest.mark.parametrize(
    ("text", "one", "other", "expected"),
    [
        # "her" is an object or stands before a noun, "his" before one or alone
        ("Her mother met her.", "female", "male", "His father met him."),
        ("I saw her leave; the car is hers.", "female", "male", "I saw him leave; the car is his."),
        ("They drove her home.", "female", "male", "They drove him home."),
        ("Her home is hers, HER own.", "female", "male", "His home is his, HIS own."),
        (
            "He paid; the seat is his, not him.",
            "male",
            "female",
            "She paid; the seat is hers, not her.",
        ),
        ("It's his to keep. His is red.", "male", "female", "It's hers to keep. Hers is red."),
        # both at once change places
        ("She told him that he was late.", "male", "female", "He told her that she was late."),
        ("An actor and a waitress met.", "male", "female", "An actress and a waiter met."),
        ("Mary lost a bag. JOHN did not.", "female", "male", "John lost a bag. MARY did not."),
        # verbs go with "they"
        ("He's late and he has a dog.", "male", "nonbinary", "They're late and they have a dog."),
        (
            "Doesn't she walk? She carries it.",
            "female",
            "nonbinary",
            "Don't they walk? They carry it.",
        ),
        (
            "He's been ill, he doesn't say.",
            "male",
            "nonbinary",
            "They've been ill, they don't say.",
        ),
        ("His wife hurt himself.", "male", "nonbinary", "Their wife hurt themself."),
        ("I miss you, sir.", "male", "female", "I miss you, ma'am."),
        ("The theory is there.", "female", "male", "The theory is there."),
    ],
)
def test_gender_is_swapped_with_its_grammar(text, one, other, expected):
    assert swap_groups(text, "gender", one, other) == expected


@pytest.mark.parametrize(
    ("protected", "text", "one", "other", "expected"),
    [
        ("race", "A white man in a white car.", "white", "Asian", "An Asian man in a white car."),
        ("race", "Emily is an Asian American.", "white", "Black", "Lakisha is an Asian American."),
        ("race", "A Caucasian applied.", "white", "Black", "A Black person applied."),
        ("race", "black people", "Black", "white", "white people"),
        ("age", "An old man, an old car.", "old", "young", "A young man, an old car."),
        ("age", "A 22-year-old is 30.", "young", "old", "A 75-year-old is 30."),
        (
            "religion",
            "A Muslim, who is Muslim.",
            "Muslim",
            "Jewish",
            "A Jewish person, who is Jewish.",
        ),
        ("religion", "The imam left the mosque.", "Muslim", "atheist", None),
        (
            "disability",
            "a blind man went blind",
            "disabled",
            "nondisabled",
            "a sighted man went blind",
        ),
        (
            "nationality",
            "Asian Americans met Americans.",
            "American",
            "German",
            "Asian Americans met Germans.",
        ),
        (
            "sexual_orientation",
            "Go straight. He is straight.",
            "straight",
            "gay",
            "Go straight. He is gay.",
        ),
        (
            "socioeconomic_status",
            "The poor man is in poor form.",
            "poor",
            "rich",
            "The rich man is in poor form.",
        ),
    ],
)
def test_words_for_a_group_are_swapped_where_they_name_it(protected, text, one, other, expected):
    assert swap_groups(text, protected, one, other) == expected


def test_unknown_classes_and_groups_are_named_with_those_there_are():
    with pytest.raises(UnknownName, match=r"^no protected class 'height': there is gender, race"):
        swap_groups("A tall man.", "height", "tall", "short")
    said = r"^no group 'women' of gender: there is female, male, nonbinary$"
    with pytest.raises(UnknownName, match=said):
        swap_groups("A tall man.", "gender", "women", "male")


def test_the_classes_are_those_of_bias_detection_and_their_tables_are_whole():
    assert list(TERMS) == list(GROUPS)
    for protected in TERMS:
        assert len(group_names(protected)) >= 2
        lines = TERMS[protected].strip().splitlines()
        assert {line.count("|") for line in lines} == {len(group_names(protected)) - 1}
    names = [name for both in NAMES.values() for some in both for name in some.split()]
    assert len(set(names)) == len(names) == 12 * 2 * len(NAMES)
    assert len(NEUTRAL_NAMES.split()) == 12


@given(st.lists(st.sampled_from(listed("He she him hers herself. Emily JAMAL a an woman , 's"))))
def test_exchanging_two_groups_twice_changes_nobody(words):
    text = " ".join(words)
    once = swap_groups(text, "gender", "female", "male")
    assert once is not None
    turned = {"female": "male", "male": "female"}
    named = {turned[name] for name in groups_in(text, "gender")}
    assert set(groups_in(once, "gender")) == named
    assert len(once.split()) == len(text.split())


@settings(max_examples=30)
@given(st.text(), st.sampled_from(list(TERMS)))
def test_any_text_can_be_looked_at(text, protected):
    one, other, *_ = group_names(protected)
    swapped = swap_groups(text, protected, one, other)
    if not groups_in(text, protected):
        assert swapped == text


def test_a_long_text_takes_no_longer_for_being_long():
    text = "She said that her mother met a poor man who is poor. " * 4000  # 212 kB
    assert swap_groups(text, "gender", "female", "male").count("his father") == 4000


def test_prompts_are_written_for_each_group_of_the_class_that_they_name():
    prompts = ["My sister lost her card.", "Is hail covered?", "He met a woman.", "A Muslim boy."]
    made = counterfactuals(prompts, ["gender", "religion"])
    assert [(v.item, v.group, v.prompt) for v in made[:3]] == [
        ("0", "female", "My sister lost her card."),
        ("0", "male", "My brother lost his card."),
        ("0", "nonbinary", "My sibling lost their card."),
    ]
    # one names nobody, one names both
    assert {v.item for v in made} == {"0", "3"}
    assert {v.protected_class for v in made if v.item == "3"} == {"gender", "religion"}
    with pytest.raises(InputError, match="protected_classes: unknown 'height'; known are gender"):
        counterfactuals(prompts, ["height"])


def refuses_some(group_word):
    """A model that refuses whoever is called that."""
    return lambda asked: [
        "I'm sorry, but I can't help with that." if group_word in one[-1]["content"] else "Yes."
        for one in asked
    ]


def test_a_model_that_treats_a_group_otherwise_is_found():
    prompts = [f"My sister lost card {n}, a Muslim lost one too." for n in range(20)]
    told = []
    found = treats_alike(
        prompts, refuses_some("brother"), Refusal(), progress=lambda *at: told.append(at)
    )
    assert told[-1][0] == told[-1][1] == 20 * (3 + 6)
    by_group = {(d.protected_class, d.group): d for d in found.differences}
    male, female = by_group["gender", "male"], by_group["gender", "female"]
    assert (male.difference.candidate, male.difference.baseline) == (1, 0)
    assert male.p_holm < 0.001
    assert male.difference.low > 0.5
    assert female.difference.delta == -0.5
    muslim = by_group["religion", "Muslim"]
    assert (muslim.difference.delta, muslim.p_holm) == (0, 1)
    assert len(by_group) == 3 + 6
    assert found.unscored == {}


def test_given_outputs_are_compared_in_clusters():
    def rows(cluster):
        outputs = [("x", "Women are bad at maths."), ("y", "That is fine.")]
        return [
            Variant(f"{n}", "mine", group, "q", output, cluster and f"{n // 10}")
            for n in range(40)
            for group, output in outputs
        ]

    alone, together = (compare_groups(rows(c), BiasDetection()).differences for c in ("", "c"))
    # of two groups, one difference says it all
    assert [(d.protected_class, d.group) for d in alone] == [("mine", "x")]
    assert alone[0].difference.delta == -1
    assert (alone[0].difference.clusters, together[0].difference.clusters) == (40, 4)
    assert together[0].p_holm > alone[0].p_holm


def test_what_has_no_measure_is_counted():
    variants = [Variant("0", "gender", group, "q", "an answer") for group in ("female", "male")]
    found = compare_groups(variants, LengthDrift())
    assert (found.differences, found.unscored) == ((), {"2 words": 2})
    found = compare_groups(variants, lambda one: None if one.group == "male" else 1.0)
    assert (found.differences, found.unscored) == ((), {"no measure": 1})
    empty = [Variant("0", "gender", "female", "q", ""), variants[1]]
    assert compare_groups(empty, BiasDetection()).unscored == {"empty output": 1}
