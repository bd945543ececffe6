"""The demo's requests: enough of them, apart from each other, and decidable by program."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from trueup.demo.requests import SPLITS, families, flawed_answer, make_requests
from trueup.evals import Groundedness, Refusal, TaskCompletion, ToolSelectionAccuracy
from trueup.evals.run import failed, score_answer

EVALUATORS = [Groundedness(), TaskCompletion(), ToolSelectionAccuracy(), Refusal()]
COHORTS = {"expert-hard", "long-tail-refusal", "tool-heavy", "everyday"}


@pytest.fixture(scope="module")
def splits():
    return {split: make_requests(split, per_phrasing=3) for split in SPLITS}


def scores(request, answer):
    return score_answer(
        EVALUATORS,
        messages=request.messages,
        context=request.context,
        answer=answer,
        expected=request.expected,
    )


def said(request):
    return request.messages[-1]["content"]


def test_there_are_enough_and_they_are_distinct(splits):
    train = {said(r) for r in splits["train"]}
    assert len(train) >= 300
    replayed = Counter(r.cohort for r in splits["replay"])
    assert set(replayed) == COHORTS | {"unseen-families"}
    assert min(replayed.values()) >= 60


def test_every_tool_has_six_families_or_more():
    by_tool = defaultdict(set)
    for request in make_requests("replay", per_phrasing=1):
        for call in request.expected.calls:
            by_tool[call.name].add(request.family)
    assert set(by_tool) == {
        "lookup_claim", "issue_refund", "open_claim", "send_document", "escalate",
    }  # fmt: skip
    assert min(len(found) for found in by_tool.values()) >= 6


def facts(request):
    """Everything in a request that is a figure or an identifier."""
    return set(re.findall(r"CL-\d+|\$\d+", said(request)))


@pytest.mark.parametrize(("one", "other"), [("train", "validation"), ("train", "replay")])
def test_splits_share_no_conversation_phrasing_or_fact(splits, one, other):
    assert not {r.id for r in splits[one]} & {r.id for r in splits[other]}
    assert not {said(r) for r in splits[one]} & {said(r) for r in splits[other]}
    assert not set().union(*map(facts, splits[one])) & set().union(*map(facts, splits[other]))
    for family in families():
        assert not set(family.phrasings[one]) & set(family.phrasings[other])
    everywhere = [p for f in families() for split in SPLITS for p in f.phrasings[split]]
    assert len(everywhere) == len(set(everywhere))


def test_perils_and_things_are_each_splits_own():
    from trueup.demo.requests import _POOLS

    for name in ("perils", "things", "lines", "openers"):
        pools = [set(getattr(_POOLS[split], name)) for split in SPLITS]
        assert sum(map(len, pools)) == len(set().union(*pools))


def test_unseen_families_are_in_replay_alone(splits):
    unseen = {f.id for f in families() if f.cohort == "unseen-families"}
    assert len(unseen) >= 6
    for split in ("train", "validation"):
        assert not unseen & {r.family for r in splits[split]}


def test_reference_answers_are_right_by_program(splits):
    for requests in splits.values():
        for request in requests:
            assert not failed(scores(request, request.reference)), request.id


def test_flawed_answers_are_wrong_by_program(splits):
    seen = Counter()
    for request in splits["train"]:
        flawed = flawed_answer(request)
        if flawed is not None:
            seen[request.flaw] += 1
            assert failed(scores(request, flawed)), request.id
    assert set(seen) == {"early_refund", "refusal", "overconfident"}


def test_asking_for_more_keeps_what_there_was():
    few = {r.id: r for r in make_requests("train", per_phrasing=1, seed=4)}
    more = {r.id: r for r in make_requests("train", per_phrasing=2, seed=4)}
    assert few.items() <= more.items()
    other = {r.id: r for r in make_requests("train", per_phrasing=1, seed=5)}
    assert few.keys() == other.keys()
    assert few != other
