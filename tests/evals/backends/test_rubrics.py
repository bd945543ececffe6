from dataclasses import replace

import pytest

from trueup.errors import InputError
from trueup.evals import EVALUATORS, RUBRICS
from trueup.evals.backends.rubrics import simple_rubric
from trueup.models._rubric import render, response_format


def test_a_rubric_that_says_something_else_makes_another_version():
    rubric = RUBRICS["refusal"]
    assert replace(rubric, task=rubric.task + "!").fingerprint != rubric.fingerprint
    worth = replace(rubric, grades=tuple(replace(grade, value=1.0) for grade in rubric.grades))
    assert worth.fingerprint != rubric.fingerprint


@pytest.mark.parametrize("name", RUBRICS)
def test_rubrics_are_whole(name):
    rubric = RUBRICS[name]
    values = [grade.value for grade in rubric.grades if grade.value is not None]
    assert values == sorted(values, reverse=True)
    assert not values or (values[0], values[-1]) == (1.0, 0.0)
    assert all(f"`{taken}`" in rubric.task for taken in rubric.takes)
    system, user = render(rubric, dict.fromkeys(rubric.takes, "x"))
    assert all(grade.meaning in system["content"] for grade in rubric.grades)
    assert user["content"].count("x") >= len(rubric.takes)
    schema = response_format(rubric)["json_schema"]["schema"]
    assert ("parts" in schema["properties"]) == bool(rubric.each)
    for part in (schema, *schema.get("$defs", {}).values()):  # what strict servers ask for
        assert part["additionalProperties"] is False
        assert set(part["required"]) == set(part["properties"])


def test_evaluators_take_what_their_rubric_is_about():
    for name, cls in EVALUATORS.items():
        if cls.rubric is not None:
            assert cls.rubric is RUBRICS[name]
            assert set(cls.rubric.takes) - {"protected_classes"} <= set(cls._takes)


def test_a_simple_rubric_has_five_steps():
    rubric = simple_rubric("kind", "Is `response` kind?", ("response",))
    assert [grade.value for grade in rubric.grades] == [1.0, 0.75, 0.5, 0.25, 0.0]
    with pytest.raises(InputError, match="takes names such as response"):
        simple_rubric("kind", "?", ("a response",))
