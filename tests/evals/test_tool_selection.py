import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.evals import ToolSelectionAccuracy
from trueup.evals._calls import changes_something, match_calls, same_value
from trueup.types import AnyOf, Expected, ToolCall, Trace

LOOKUP = ToolCall("lookup_claim", {"claim_id": "CL-4821"})
REFUND = ToolCall("issue_refund", {"claim_id": "CL-4821", "amount": 500})


def said(*calls, text=""):
    return [{"role": "assistant", "content": text + "".join(c.render() for c in calls)}]


def judge(trajectory, expected, **options):
    found = ToolSelectionAccuracy(**options).evaluate(trajectory=trajectory, expected=expected)
    return found.value, found.label


@pytest.mark.parametrize(
    ("made", "expected", "outcome"),
    [
        ([LOOKUP], Expected(calls=(LOOKUP,)), (1.0, "right")),
        ([], Expected(calls=()), (1.0, "right")),
        ([], Expected(calls=(LOOKUP,)), (0.0, "missing_call")),
        ([LOOKUP], Expected(calls=()), (0.0, "extra_call")),
        ([LOOKUP, LOOKUP], Expected(calls=(LOOKUP,)), (0.0, "extra_call")),
        ([LOOKUP], Expected(calls=(LOOKUP, LOOKUP)), (0.0, "missing_call")),
        ([REFUND], Expected(calls=(LOOKUP,)), (0.0, "wrong_tool")),
        ([REFUND], Expected(calls=(LOOKUP,), forbidden=("issue_refund",)), (0.0, "forbidden")),
        (
            [ToolCall("lookup_claim", {"claim_id": "CL-1"})],
            Expected(calls=(LOOKUP,)),
            (0.0, "wrong_arguments"),
        ),
        (
            [ToolCall("lookup_claim", {"claim_id": "CL-4821", "more": 1})],
            Expected(calls=(LOOKUP,)),
            (0.0, "wrong_arguments"),
        ),
        ([REFUND, LOOKUP], Expected(calls=(LOOKUP, REFUND)), (1.0, "right")),
        ([REFUND], Expected(forbidden=("issue_refund",)), (0.0, "forbidden")),
        ([LOOKUP], Expected(forbidden=("issue_refund",)), (1.0, "right")),
        ([LOOKUP], Expected(facts=("x",)), (None, None)),
        ([LOOKUP], None, (None, None)),
    ],
)
def test_labels(made, expected, outcome):
    assert judge(said(*made), expected) == outcome


def test_order_counts_where_it_is_asked_for():
    expected = [LOOKUP, REFUND]
    assert judge(said(REFUND, LOOKUP), expected, ordered=True) == (0.0, "premature_call")
    assert judge(said(LOOKUP, REFUND), expected, ordered=True) == (1.0, "right")
    assert judge(said(LOOKUP, LOOKUP), [LOOKUP, LOOKUP], ordered=True) == (1.0, "right")


def test_a_call_that_cannot_be_read_is_no_plain_answer():
    broken = [{"role": "assistant", "content": '<tool_call>{"name": "lookup_claim", </tool_call>'}]
    assert judge(broken, Expected(calls=(LOOKUP,))) == (0.0, "malformed_call")
    assert judge(broken, Expected(calls=())) == (0.0, "malformed_call")


def test_every_way_of_giving_a_trajectory():
    text = said(LOOKUP)
    fields = [
        {"role": "user", "content": REFUND.render()},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c",
                    "type": "function",
                    "function": {"name": "lookup_claim", "arguments": '{"claim_id": "CL-4821"}'},
                }
            ],
        },
        {"role": "tool", "content": "{}", "tool_call_id": "c"},
    ]
    answer = Trace("t", "c", "a", (), LOOKUP.render())
    steps = Trace("t", "c", "a", (), "Done.", steps=(LOOKUP,))
    for trajectory in (text, fields, tuple(fields), answer, steps):
        assert judge(
            trajectory, [{"name": "lookup_claim", "arguments": {"claim_id": "CL-4821"}}]
        ) == (
            1.0,
            "right",
        )


def test_evidence_shows_what_is_missing_and_what_is_extra():
    found = ToolSelectionAccuracy().evaluate(trajectory=said(REFUND), expected=[LOOKUP])
    assert found.evidence == (
        "missing: lookup_claim(claim_id='CL-4821')",
        f"extra, step 1: {REFUND.render()}",
    )


def test_evidence_names_the_step_at_which_it_went_wrong():
    strict = ToolSelectionAccuracy(ordered=True)
    early = strict.evaluate(trajectory=said(REFUND, LOOKUP), expected=[LOOKUP, REFUND])
    assert early.evidence == (f"premature, step 1: {REFUND.render()}",)
    wanted = Expected(calls=(LOOKUP,), forbidden=("issue_refund",))
    found = strict.evaluate(trajectory=said(LOOKUP, REFUND, LOOKUP), expected=wanted)
    assert found.label == "forbidden"
    assert found.evidence == (
        f"forbidden, step 2: {REFUND.render()}",
        f"extra, step 2: {REFUND.render()}",
        f"extra, step 3: {LOOKUP.render()}",
    )


def test_calls_at_once_and_arguments_within_arguments():
    plan = {"name": "plan", "arguments": {"then": {"call": "f", "with": [{"x": 1}, {"x": "b"}]}}}
    function = {
        "name": "plan",
        "arguments": '{"then": {"with": [{"x": "1"}, {"x": "B "}], "call": "f"}}',
    }
    lookup = {"name": "lookup_claim", "arguments": '{"claim_id": "CL-4821"}'}
    at_once = [{"function": function}, {"function": lookup}]
    made = [{"role": "assistant", "content": None, "tool_calls": at_once}]
    assert judge(made, [LOOKUP, plan]) == (1.0, "right")
    wanted = ToolCall(
        "plan", {"then": {"call": AnyOf("f", "g"), "with": AnyOf([{"x": 1}, {"x": "b"}])}}
    )
    assert judge(made, [LOOKUP, wanted]) == (1.0, "right")


@pytest.mark.parametrize(
    ("trajectory", "expected", "reason"),
    [
        ("text", [], "a Trace or a list of messages"),
        (None, [], "not NoneType"),
        (["text"], [], "every message is an object"),
        ([], "lookup", "an Expected or a list of calls"),
        ([], [{"arguments": {}}], "a call is {name, arguments}"),
        ([], [{"name": "f", "arguments": "{}"}], "a call is {name, arguments}"),
    ],
)
def test_wrong_types_are_errors(trajectory, expected, reason):
    with pytest.raises(InputError, match=reason):
        judge(trajectory, expected)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (5, "5"),
        (5.0, 5),
        ("5.0", 5),
        ("+5", 5),
        ("1e3", 1000),
        (True, "true"),
        ("FALSE", False),
        (" Paris ", "paris"),
        ("San  Francisco", "san francisco"),
        ("ﬁne", "fine"),
        ([1, "2"], ["1", 2.0]),
        ('{"a": 1}', {"a": "1"}),
        ({"a": 1, "b": None}, {"a": 1}),
        ({"b": 2, "a": [{"c": 1}]}, {"a": [{"c": "1"}], "b": 2}),
        ("x", AnyOf("y", "x")),
        (None, AnyOf("y", None)),
        ({"a": "x"}, {"a": AnyOf("y", "X")}),
        (0.1, "0.10"),
    ],
)
def test_values_that_mean_the_same(made, expected):
    assert same_value(made, expected)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (5, 6),
        ("05", 5),
        ("007", "7"),
        (True, 1),
        (0, False),
        (None, "null"),
        (None, 0),
        ("", None),
        ([1, 2], [2, 1]),
        ([1], 1),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        ("{broken", {"a": 1}),
        ("z", AnyOf("y", "x")),
        ("5 apples", 5),
    ],
)
def test_values_that_do_not(made, expected):
    assert not same_value(made, expected)


def test_optional_arguments_may_be_left_out_or_given():
    expected = [ToolCall("f", {"x": 1, "unit": AnyOf("C", "celsius", None)})]
    for arguments in ({"x": 1}, {"x": 1, "unit": "c"}, {"x": 1, "unit": None}):
        assert judge(said(ToolCall("f", arguments)), expected)[0] == 1.0
    assert judge(said(ToolCall("f", {"x": 1, "unit": "K"})), expected) == (0.0, "wrong_arguments")


def test_a_choice_does_not_take_the_call_that_another_needs():
    expected = [ToolCall("f", {"x": AnyOf(1, 2)}), ToolCall("f", {"x": 1})]
    assert judge(said(ToolCall("f", {"x": 1}), ToolCall("f", {"x": 2})), expected)[0] == 1.0


values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def spelled_out(value):
    """The same value with every number as its text and every object the other way round."""
    if isinstance(value, list):
        return [spelled_out(v) for v in value]
    if isinstance(value, dict):
        return {k: spelled_out(v) for k, v in reversed(value.items())}
    return json.dumps(value) if isinstance(value, int | float) else f" {value} "


@given(values)
def test_a_value_means_the_same_however_it_is_spelled(value):
    assert same_value(value, value)
    assert same_value(json.loads(json.dumps(value)), value)
    assert same_value(spelled_out(value), value)
    assert same_value(value, AnyOf(object(), value))


@given(values, values)
def test_sameness_goes_both_ways(one, other):
    assert same_value(one, other) == same_value(other, one)


calls = st.lists(
    st.builds(ToolCall, st.sampled_from("fgh"), st.fixed_dictionaries({"x": st.integers(0, 2)})),
    max_size=6,
)


@given(calls, calls, st.randoms())
def test_matching_is_that_of_multisets(made, expected, random):
    found = match_calls(made, expected)
    assert len(made) - len(found.extra) == len(expected) - len(found.missing)
    shuffled = random.sample(expected, len(expected))
    assert not match_calls(shuffled, expected).missing
    assert not match_calls(shuffled, expected).extra
    rendered = [c.render() for c in made]
    for call in expected:
        if call.render() in rendered:
            rendered.remove(call.render())
    assert sorted(c.render() for c in found.extra) == sorted(rendered)


READ = ToolCall("get_claim", {"claim_id": "CL-4821"})
ANSWERED = {"role": "tool", "content": "{}"}


@pytest.mark.parametrize(
    ("trajectory", "outcome"),
    [
        ([*said(READ), ANSWERED, *said(REFUND)], (1.0, "right")),
        ([*said(REFUND), ANSWERED, *said(text="Done.")], (1.0, "right")),
        ([*said(READ), ANSWERED], (0.0, "missing_call")),
        ([*said(REFUND, REFUND), ANSWERED], (0.0, "extra_call")),
        (said(READ, REFUND), (0.0, "wrong_tool")),
        (Trace("t", "c", "k", (), answer="Done.", steps=(READ, READ, REFUND)), (1.0, "right")),
    ],
)
def test_an_agent_that_went_on_is_judged_by_what_it_changed(trajectory, outcome):
    assert judge(trajectory, [LOOKUP, REFUND]) == outcome


def test_what_is_compared_can_be_said():
    trajectory = [*said(READ, REFUND), ANSWERED]
    assert judge(trajectory, [LOOKUP, REFUND], compare="all") == (0.0, "wrong_tool")
    assert judge(said(READ, REFUND), [LOOKUP, REFUND], compare="changes") == (1.0, "right")
    with pytest.raises(InputError, match="compare: 'names' is none"):
        ToolSelectionAccuracy(compare="names")
    versions = {
        ToolSelectionAccuracy(ordered=ordered, compare=compare).version
        for ordered in (True, False)
        for compare in (None, "all", "changes")
    }
    assert len(versions) == 6, "what scores otherwise is another version"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("get_reservation_details", False),
        ("searchFlights", False),
        ("claims.find", False),
        ("transfer_to_human_agents", False),
        ("HTTPGet", True),
        ("update_reservation_flights", True),
        ("book", True),
        ("", True),
        ("getaway", True),
    ],
)
def test_a_tools_verb_tells_whether_it_changes_something(name, changes):
    assert changes_something(name) is changes
