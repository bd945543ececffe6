"""A judge: a model behind any OpenAI-compatible endpoint that grades texts by a rubric.

A judge never decides by silence: where it refuses, is cut off, answers what is no verdict or does
not answer, there is no grade, and the reason is told. Pairs are asked in both orders, since judges
prefer a place (Zheng et al., arXiv:2306.05685).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, ClassVar, Literal

from trueup.errors import InputError
from trueup.models._endpoint import Endpoint, Unanswered
from trueup.models._ledger import Ledger, Prices, Usage
from trueup.models._rubric import PREFERENCE, Grade, Rubric, render, response_format
from trueup.models._settings import check_number, check_whole
from trueup.models._verdict_files import VerdictFiles
from trueup.models._verdicts import Judgement, Vote, answer_of, combine, read_vote
from trueup.store.ids import content_hash

__all__ = ["Comparison", "Grade", "Judge", "Judgement", "Rubric", "Usage", "Vote"]

Choice = Literal["a", "b", "tie"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Which of two answers a judge prefers, asked in both orders.

    Attributes:
        winner: "a", "b" or "tie"; None where an order brought no verdict.
        chosen: what was chosen with a first, and with b first.
        swayed: whether the order decided, which makes it a tie.
        reason: why, in the judge's words; or why there is no winner.
        judgements: of both orders, raw answers included.
        cost: US dollars; None where they are not known.
        seconds: wall time.
    """

    winner: Choice | None
    chosen: tuple[Choice | None, Choice | None]
    swayed: bool
    reason: str
    judgements: tuple[Judgement, Judgement]
    cost: float | None
    seconds: float


class Judge:
    """A model that grades texts, over the chat completions of an OpenAI-compatible endpoint.

    Verdicts are asked for by JSON schema; a server that does not know it is asked again without,
    and the JSON is read out of its text. The same goes for `temperature` and `seed`. Rate limits,
    errors of the server and timeouts are tried again, after the server's `Retry-After` or with
    exponential backoff. Threads may share a judge. It can be pickled, its key included; what was
    spent and the cap are of one process.

    Args:
        model: as the endpoint calls it.
        base_url: where; the openai client's own default (OPENAI_BASE_URL), if left out.
        api_key: sent with each request. Left out, OPENAI_API_KEY is sent to the default endpoint
            and nothing to another.
        votes: how often each question is asked; an even number may end divided. The first vote has
            no seed and the others their number; at a temperature of 0 they differ only where the
            server is not deterministic.
        temperature: 0 takes the likeliest tokens.
        max_tokens: where an answer is cut off, and then void.
        timeout: seconds for one try.
        retries: tries after the first.
        concurrency: requests under way at once, whoever asks.
        prices: US dollars for a million tokens, of prompts and of answers.
        max_cost: US dollars that are never exceeded; it needs `prices`. What would exceed them is
            not asked and stays unscored. A try whose answer got lost is not counted.
        cache: a folder where verdicts are kept by the content of what was asked, so that they are
            not asked for again; void answers are not kept.
        revision: what tells the model from another of its name.

    Raises:
        InputError: a setting makes no sense.
    """

    kind: ClassVar[str] = "judge"

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        votes: int = 1,
        temperature: float = 0.0,
        max_tokens: int = 2048,
        timeout: float = 60.0,
        retries: int = 4,
        concurrency: int = 8,
        prices: Prices | None = None,
        max_cost: float | None = None,
        cache: str | Path | None = None,
        revision: str = "",
    ) -> None:
        if not isinstance(model, str) or not model:
            raise InputError(f"judge: model is {model!r:.60}: give its name at the endpoint")
        check_whole("judge: votes", votes, 1)
        check_whole("judge: max_tokens", max_tokens, 1)
        check_number("judge: temperature", temperature)
        _check_prices(prices, max_cost)
        self.model, self.votes, self.concurrency = model, votes, concurrency
        self._temperature, self._max_tokens, self._revision = temperature, max_tokens, revision
        self._prices, self._max_cost = prices, max_cost
        self._endpoint = Endpoint(
            base_url, api_key, timeout=timeout, retries=retries, concurrency=concurrency
        )
        self._files = None if cache is None else VerdictFiles(Path(cache).expanduser())
        self._ledger = Ledger(prices, max_cost)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_ledger"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._ledger = Ledger(self._prices, self._max_cost)

    def __repr__(self) -> str:
        return f"Judge({self.model!r}, base_url={self._endpoint.base_url!r})"

    @property
    def fingerprint(self) -> str:
        """A hash of what decides how it grades: model, revision, temperature, votes."""
        return content_hash([self.model, self._revision, self._temperature, self.votes])

    @property
    def usage(self) -> Usage:
        """What was asked so far, and what it cost."""
        return self._ledger.usage

    def judge(self, rubric: Rubric, texts: Mapping[str, str | Sequence[str]]) -> Judgement:
        """Grade texts by a rubric.

        Args:
            rubric: how.
            texts: what, by name.

        Raises:
            ModelError: the endpoint does not take the key, or does not know the model.
        """
        begun = perf_counter()
        votes = [self._vote(rubric, texts, number) for number in range(self.votes)]
        return combine(votes, perf_counter() - begun)

    async def ajudge(self, rubric: Rubric, texts: Mapping[str, str | Sequence[str]]) -> Judgement:
        """Do as `judge` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.judge, rubric, texts)

    def compare(
        self,
        prompt: str,
        a: str,
        b: str,
        *,
        context: str | Sequence[str] = (),
        rubric: Rubric = PREFERENCE,
    ) -> Comparison:
        """Choose the better of two answers, asked with each of them first.

        Args:
            prompt: what both answer.
            a, b: the answers.
            context: what they may rest on, if anything.
            rubric: with the labels "first", "second" and "tie".

        Raises:
            ModelError: the endpoint does not take the key, or does not know the model.
        """
        given = {"context": context} if context else {}
        first = self.judge(rubric, {"prompt": prompt, **given, "first": a, "second": b})
        second = self.judge(rubric, {"prompt": prompt, **given, "first": b, "second": a})
        made = _compared(first, second)
        self._ledger.count(compared=made.winner is not None, swayed=made.swayed)
        return made

    async def acompare(self, prompt: str, a: str, b: str, **given: Any) -> Comparison:
        """Do as `compare` does, in a thread, so that the event loop goes on."""
        return await asyncio.to_thread(self.compare, prompt, a, b, **given)

    def _vote(self, rubric: Rubric, texts: Mapping[str, str | Sequence[str]], number: int) -> Vote:
        """Ask once, or look up what was answered before."""
        request: dict[str, Any] = {
            "model": self.model,
            "messages": render(rubric, texts),
            "temperature": self._temperature,
            "max_tokens": self._max_tokens,
            "response_format": response_format(rubric),
        } | ({"seed": number} if number else {})
        key = content_hash([request, rubric.name, rubric.version, self._revision, number])
        if self._files is not None and (kept := self._files.get(key)) is not None:
            vote = read_vote(answer_of(kept)[0], rubric)
            if not vote.fault:
                self._ledger.count(cached=1)
                return replace(vote, cost=0.0, cached=True)
        with self._endpoint.gate:
            vote, response = self._asked(request, rubric)
        if vote.fault:
            self._ledger.count(void=1)
        elif self._files is not None:
            self._files.put(key, request, response)
        return vote

    def _asked(self, request: dict[str, Any], rubric: Rubric) -> tuple[Vote, dict[str, Any]]:
        """Ask within the cap; return the vote, and the server's response."""
        most = self._ledger.most(len(str(request).encode()), self._max_tokens)
        if not self._ledger.set_aside(most):
            spent = f"${self.usage.cost:.4f} of ${self._max_cost:.4f} spent"
            fault = f"the judge's cost cap is reached ({spent}): raise max_cost"
            return Vote(fault=fault, cost=0.0), {}
        self._ledger.count(asked=1)
        try:
            response = self._endpoint.send(request)
        except BaseException as error:
            self._ledger.give_back(most)
            if isinstance(error, Unanswered):
                return Vote(fault=str(error)), {}
            raise
        cost = self._ledger.book(most, response.get("usage"))
        text, fault = answer_of(response)
        vote = Vote(fault=fault, raw=text) if fault else read_vote(text, rubric)
        return replace(vote, cost=cost), response


def _check_prices(prices: Prices | None, max_cost: float | None) -> None:
    if prices is not None:
        if isinstance(prices, str) or not isinstance(prices, Sequence) or len(prices) != 2:
            raise InputError(
                f"judge: prices are {prices!r:.60}: give two numbers, of prompts and of answers"
            )
        check_number("judge: the price of prompts", prices[0])
        check_number("judge: the price of answers", prices[1])
    if max_cost is not None:
        check_number("judge: max_cost", max_cost)
        if prices is None:
            raise InputError("judge: max_cost needs prices: give both")


def _compared(first: Judgement, second: Judgement) -> Comparison:
    """Make one choice of both orders' judgements."""
    chosen = _placed(first, "a", "b"), _placed(second, "b", "a")
    lost = [made for made, choice in zip((first, second), chosen, strict=True) if choice is None]
    swayed = not lost and chosen[0] != chosen[1]
    costs = (first.cost, second.cost)
    reason = lost[0].fault if lost else first.reason
    return Comparison(
        winner=None if lost else "tie" if swayed else chosen[0],
        chosen=chosen,
        swayed=swayed,
        reason="the order decided, so it is a tie" if swayed else reason,
        judgements=(first, second),
        cost=None if None in costs else sum(filter(None, costs)),
        seconds=first.seconds + second.seconds,
    )


def _placed(made: Judgement, first: Choice, second: Choice) -> Choice | None:
    places: dict[str | None, Choice] = {"first": first, "second": second, "tie": "tie"}
    return places.get(made.label)
