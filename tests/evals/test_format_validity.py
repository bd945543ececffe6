from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.evals import FormatValidity

SCHEMA = {
    "type": "object",
    "required": ["claim"],
    "properties": {"claim": {"type": "string"}, "amount": {"type": "number", "minimum": 0}},
}
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def judge(response: str, **options) -> tuple[float | None, str | None]:
    found = FormatValidity(**options).evaluate(response=response)
    return found.value, found.label


@given(plain)
def test_what_json_writes_is_json_in_a_block_too(value):
    text = json.dumps(value)
    assert judge(text, form="json") == (1.0, "valid")
    assert judge(f"```json\n{text}\n```\n", form="json") == (1.0, "valid")
    assert judge(f"Here it is: {text} and more", form="json") == (0.0, "not_json")


@pytest.mark.parametrize(
    "text", ["", "   ", "{", "{'a': 1}", "NaN", "Yes, it is.", "[" * 100_000, "```\n{}\n```\nDone."]
)
def test_what_is_no_json_is_told_why(text):
    found = FormatValidity(form="json").evaluate(response=text)
    assert (found.value, found.label) == (0.0, "not_json")
    assert found.reason


def test_a_schema_is_held_against_it_place_by_place():
    assert judge('{"claim": "CL-1", "amount": 3}', schema=SCHEMA) == (1.0, "valid")
    found = FormatValidity(schema=SCHEMA).evaluate(response='{"amount": -1}')
    assert found.label == "not_as_schema"
    assert found.evidence == (
        "$: 'claim' is a required property",
        "$.amount: -1 is less than the minimum of 0",
    )


def test_patterns_and_choices_stand_for_json():
    assert judge("CL-12", pattern=r"CL-\d+") == (1.0, "valid")
    assert judge("It is CL-12", pattern=r"CL-\d+") == (0.0, "no_match")
    assert judge(" yes\n", choices=["yes", "no"]) == (1.0, "valid")
    assert judge("yes, it is", choices=["yes", "no"]) == (0.0, "no_choice")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schema": SCHEMA, "pattern": "x"}, "give one of them"),
        ({"schema": {"type": "nothing"}}, "schema: "),
        ({"pattern": "("}, "pattern"),
        ({"form": "xml"}, "form 'xml' is none"),
        ({"choices": []}, "choices are none"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        FormatValidity(**options)


def test_a_schema_that_points_elsewhere_is_refused_and_nothing_is_fetched():
    away = FormatValidity(schema={"$ref": "https://example.com/claim.json"})
    with pytest.raises(InputError, match="is not in it"):
        away.evaluate(response="{}")


def test_where_no_form_is_asked_for_there_is_no_score():
    found = FormatValidity().evaluate(response="Yes.")
    assert (found.value, found.reason) == (None, "no form was asked for")
