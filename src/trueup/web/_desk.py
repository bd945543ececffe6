"""Where reviewers' requests are done: short ones, many at once, in few threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from trueup.people import Actor
from trueup.store import Store
from trueup.web._access import allowed, served

__all__ = ["Desk", "desk"]

T = TypeVar("T")
_THREADS = 3
"""What claims and labels are done in: more of them wait for one another, and cost more of the
processor for that than they save, since Python runs one at a time."""


class Desk:
    """Who asks is looked up, and what they ask for is done, in one go and one thread.

    A handler that is a plain function takes a thread of the pool for each, and slow pages could
    hold all of those. What is sent is looked at before who sends it: a request that makes no sense
    is told so, whoever asks.
    """

    def __init__(self, request: Request, limiter: CapacityLimiter) -> None:
        self._request = request
        self._limiter = limiter

    async def __call__(self, work: Callable[[Store, Actor], T]) -> T:
        """Do some work for who asks, if they may label.

        Raises:
            SignInError: nobody is signed in.
            AccessDenied: they may not, or a change came without its session's token.
        """

        def whole() -> T:
            return work(served(self._request), allowed("label")(self._request))

        return await to_thread.run_sync(whole, limiter=self._limiter)


async def desk(request: Request) -> Desk:
    """Return the place where a reviewer's request is done."""
    state = request.app.state
    if not hasattr(state, "at_desk"):
        state.at_desk = CapacityLimiter(_THREADS)
    return Desk(request, state.at_desk)
