import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.evals.grounding.claims import find_claims
from trueup.evals.grounding.lexical import FEATURES, features, look_up, read_source

CONTEXT = [
    "Policy HM-4821 (home): covered are hail, fire, a burst pipe. Excluded are flood and mold. "
    "Deductible $1,500. Limit $9000.",
    "Record: CL-4821 under review since March 5, 2024. The adjuster is Maria Lopez.",
]


def fault(claim):
    return look_up(claim, read_source(CONTEXT)).fault


@pytest.mark.parametrize(
    "claim",
    [
        "hail is covered with a $1500 deductible.",
        "Hail is covered.",
        "the deductible is $1,500.00.",
        "mold is excluded.",
        "mold is not covered.",
        "Your limit is $9,000.",
        "Claim cl-4821 is under review.",
        "It is under review since 2024-03-05.",
        "It is under review since 5th of March.",
        "The adjuster is Maria Lopez.",
        "The deductible is 1.5 thousand dollars and hail is covered.",
        "Flooding isn't covered.",
    ],
)
def test_words_tell_of_no_fault(claim):
    assert fault(claim) == ""


@pytest.mark.parametrize(
    ("claim", "named"),
    [
        ("flood is covered with a $1500 deductible.", "opposite of: flood"),
        ("Hail is not covered.", "opposite of: hail"),
        ("Hail is excluded.", "opposite of: hail"),
        ("Your limit is $900.", "900"),
        ("Your deductible is 15%.", "15"),
        ("The deductible is $9000 and the limit $1500.", "other way round in the context: "),
        ("The record is not under review since March 5, 2024.", "opposite of: "),
        ("Claim CL-4822 is under review.", "cl-4822"),
        ("It is under review since March 6, 2024.", "03-06"),
        ("It is under review since March 5, 2023.", "2023-03-05"),
        ("The adjuster is Maria Sanchez.", "Sanchez"),
    ],
)
def test_words_name_the_fault(claim, named):
    assert named in fault(claim)


def test_what_is_missing_is_named():
    found = look_up("Rust and hail are covered.", read_source(CONTEXT))
    assert found.missing == ("rust",)
    assert found.words == pytest.approx(4 / 5)


def of(answer, context):
    source, claims = read_source([context]), find_claims(answer)
    return features(answer, claims, [look_up(c.text, source) for c in claims], source)


def test_a_text_shares_every_word_with_itself():
    row = dict(zip(FEATURES, of(CONTEXT[1], CONTEXT[1]), strict=True))
    assert row["words_mean"] == row["triples_mean"] == row["stems_min"] == 1
    assert row["facts_missing"] == row["names_missing"] == row["opposed"] == 0


@given(st.text(max_size=200), st.text(max_size=200))
def test_features_are_finite(answer, context):
    if find_claims(answer):
        assert all(abs(value) < 100 for value in of(answer, context))
