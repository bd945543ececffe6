"""The sampler of an endpoint, beside a real server."""

import pytest

from judging import completion, error, text
from trueup.errors import ModelError
from trueup.models import EndpointSampler
from trueup.types import ToolCall

PROMPTS = [({"role": "user", "content": f"q{n}"},) for n in range(12)]


@pytest.fixture
def server(judge_server):
    judge_server.otherwise = lambda asked: completion(
        f"a{asked['messages'][-1]['content'][1:]}-{asked['seed']}"
    )
    return judge_server


def sampler_of(server, **options):
    given = {"base_url": server.url, "retries": 1, "timeout": 5.0} | options
    return EndpointSampler("served-1", **given)


def test_answers_come_in_order_several_at_once(server):
    seen = []
    drawn = sampler_of(server, concurrency=4).sample(
        PROMPTS, n=2, seed=5, progress=lambda *step: seen.append(step)
    )
    assert [[c.text for c in answers] for answers in drawn] == [
        [f"a{n}-5", f"a{n}-6"] for n in range(12)
    ]
    assert server.most_at_once <= 4
    assert seen == [(n, 24) for n in range(1, 25)]
    first = drawn[0][0]
    assert (first.tokens, first.prompt_tokens, first.finish_reason) == (50, 100, "stop")


def test_what_is_asked_is_what_was_set(server):
    sampler_of(server, api_key="k-1").sample(
        PROMPTS[:1], temperature=0.7, top_p=0.9, max_new_tokens=33
    )
    [asked] = server.asked
    assert (asked["model"], asked["temperature"], asked["top_p"]) == ("served-1", 0.7, 0.9)
    assert asked["max_tokens"] == 33
    assert asked["messages"] == [{"role": "user", "content": "q0"}]
    assert server.keys == ["Bearer k-1"]


def test_cut_refused_and_calling_answers_are_told(server):
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
    server.script = [
        completion("half", finish="length"),
        completion(None, refusal="I can't."),
        completion(None, tool_calls=[call]),
        completion(None),
    ]
    drawn = sampler_of(server, concurrency=1).sample(PROMPTS[:4])
    cut, refused, called, empty = (answers[0] for answers in drawn)
    assert (cut.text, cut.finish_reason) == ("half", "length")
    assert refused.text == "I can't."
    assert ToolCall.parse_all(called.text) == (ToolCall("look", {"x": 1}),)
    assert empty.text == ""


def test_what_is_worth_another_try_gets_one(server):
    server.script = [error(429, "slow down", retry_after="0"), error(503, "busy", retry_after="0")]
    assert sampler_of(server, retries=2).sample(PROMPTS[:1])[0][0].text == "a0-0"
    server.script = [error(400, "temperature is not supported")]
    assert sampler_of(server).sample(PROMPTS[:1])[0][0].text == "a0-0"
    assert "temperature" not in server.asked[-1]


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (error(404, "no such model"), "model served-1 at http.*no such model; check the address"),
        (error(400, "bad request"), "the model did not answer: .*bad request"),
        (text("<html>"), "the model did not answer"),
        (text('{"choices": []}', media="application/json"), "is no chat completion"),
        (text("[1]", media="application/json"), "is no chat completion"),
    ],
)
def test_no_answer_is_an_error(server, answer, match):
    server.script = [answer]
    with pytest.raises(ModelError, match=match):
        sampler_of(server, concurrency=1).sample(PROMPTS[:3])
