"""Requests to an OpenAI-compatible endpoint: tried again, and with what the server takes."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from trueup.errors import ModelError
from trueup.models._settings import check_address, check_number, check_whole

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI

__all__ = ["Endpoint", "Unanswered"]

# How servers of several makes speak of an option that they do not take.
_SPOKEN_OF = {
    "response_format": ("response_format", "json_schema", "structured output", "guided"),
    "temperature": ("temperature",),
    "seed": ("seed",),
    "max_tokens": ("max_completion_tokens",),
}


class Unanswered(ModelError):
    """One request got no answer; the next one may."""


class Endpoint:
    """Chat completions of one server; threads may share it.

    An option that the server refuses is left out, `max_tokens` given by its newer name, and that is
    remembered once it went well.

    Args:
        base_url: where; None is the openai client's default, OPENAI_BASE_URL.
        api_key: None sends OPENAI_API_KEY to the default and nothing to another.
        timeout: seconds for one try.
        retries: tries after the first, of what is worth one: 408, 409, 429, 5xx, timeouts, broken
            connections.
        concurrency: requests under way at once.
        who: what errors call it.

    Raises:
        InputError: a setting makes no sense; the message names it.
    """

    def __init__(
        self,
        base_url: str | None,
        api_key: str | None,
        *,
        timeout: float,
        retries: int,
        concurrency: int,
        who: str = "judge",
    ) -> None:
        check_address(f"{who}: base_url", base_url)
        check_number(f"{who}: timeout", timeout, above=True)
        check_whole(f"{who}: retries", retries, 0)
        check_whole(f"{who}: concurrency", concurrency, 1)
        self.base_url, self._api_key = base_url, api_key
        self._timeout, self._retries = timeout, retries
        self.concurrency, self._who = concurrency, who
        self._begin()

    def _begin(self) -> None:
        self.gate = threading.BoundedSemaphore(self.concurrency)
        self._opening = threading.Lock()
        self._untaken: frozenset[str] = frozenset()

    def __getstate__(self) -> dict[str, Any]:
        left = ("gate", "_opening", "_untaken", "_client")
        return {name: value for name, value in vars(self).items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._begin()

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI, OpenAIError

        key = self._api_key or ("none" if self.base_url else None)
        try:
            client = OpenAI(
                base_url=self.base_url,
                api_key=key,
                timeout=self._timeout,
                max_retries=self._retries,
            )
        except OpenAIError as error:
            raise ModelError(
                f"{self._who}: no key for the default endpoint; give api_key, set OPENAI_API_KEY, "
                "or give base_url"
            ) from error
        # the client refers to itself: its connections would wait for the garbage collector
        weakref.finalize(self, client.close)
        return client

    def send(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the response to a request for a chat completion.

        Raises:
            Unanswered: there is none; the message says why.
            ModelError: the server does not take the key, or does not know the model.
        """
        import openai

        untaken = self._untaken
        while True:
            try:
                response = self._post(_without(request, untaken))
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                option = _refused(error, request, untaken)
                if option is None:
                    raise self._unanswered(error) from error
                untaken |= {option}
            except openai.APIStatusError as error:
                if error.status_code in (401, 403, 404):
                    raise ModelError(
                        f"{self._who} {request['model']} at {self._where}: "
                        f"{_line(error)}; check the address, the key and the model's name"
                    ) from error
                raise self._unanswered(error) from error
            except openai.APIError as error:
                raise self._unanswered(error) from error
            except ValueError as error:  # what a server calls JSON and is none
                raise self._unanswered(error) from error
            else:
                self._untaken = untaken
                return response

    def _post(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self._opening:
            client = self._client
        raw = client.chat.completions.with_raw_response.create(**request)
        response = raw.http_response.json()
        return response if isinstance(response, dict) else {"response": response}

    @property
    def _where(self) -> str:
        return self.base_url or os.environ.get("OPENAI_BASE_URL") or "the default endpoint"

    def _unanswered(self, error: Exception) -> Unanswered:
        retried = getattr(error, "status_code", 500) >= 408 and self._retries
        tries = f" (up to {self._retries + 1} tries)" if retried else ""
        return Unanswered(f"the {self._who} did not answer: {_line(error)}{tries}")


def _without(request: Mapping[str, Any], untaken: frozenset[str]) -> dict[str, Any]:
    """Return the request as the server takes it."""
    kept = {name: value for name, value in request.items() if name not in untaken}
    if "max_tokens" in untaken:
        kept["max_completion_tokens"] = request["max_tokens"]
    return kept


def _refused(
    error: APIStatusError, request: Mapping[str, Any], untaken: frozenset[str]
) -> str | None:
    """Return the option to do without next: the one that the server speaks of, or the schema."""
    said = f"{error.message} {error.param or ''}".casefold()
    left = [name for name in _SPOKEN_OF if name in request and name not in untaken]
    spoken = (name for name in left if any(word in said for word in _SPOKEN_OF[name]))
    return next(spoken, "response_format" if "response_format" in left else None)


def _line(error: Exception) -> str:
    """Return what an error says in one line, without the client's own words around it."""
    said = str(error).removeprefix("Error code: ").replace(" - ", " ", 1)
    return " ".join(said.split())[:200] or type(error).__name__
