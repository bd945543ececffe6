"""Sample answers from a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from trueup.errors import ModelError
from trueup.models._chat import answer_text
from trueup.models._endpoint import Endpoint
from trueup.models._protocol import Progress
from trueup.types import Completion, Messages

__all__ = ["EndpointSampler"]


class EndpointSampler:
    """Samples from a model behind an OpenAI-compatible endpoint, several requests at once.

    Rate limits, errors of the server and timeouts are tried again, as `Judge` does.

    Args:
        model: as the endpoint calls it.
        base_url: where; the openai client's own default (OPENAI_BASE_URL), if left out.
        api_key: sent with each request. Left out, OPENAI_API_KEY is sent to the default endpoint
            and nothing to another.
        timeout: seconds for one try.
        retries: tries after the first.
        concurrency: requests under way at once.

    Raises:
        InputError: a setting makes no sense; the message names it.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout: float = 120.0,
        retries: int = 4,
        concurrency: int = 8,
    ) -> None:
        self.model = model
        self._endpoint = Endpoint(
            base_url,
            api_key,
            timeout=timeout,
            retries=retries,
            concurrency=concurrency,
            who="model",
        )

    def sample(
        self,
        prompts: Sequence[Messages],
        *,
        n: int = 1,
        temperature: float = 0.0,
        top_p: float = 1.0,
        max_new_tokens: int = 40,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[list[Completion]]:
        """Return `n` answers to each prompt, in the order given.

        An answer's tool calls stand in its text as blocks, and a refusal that the server keeps
        apart is its text. A server may ignore `seed`.

        Args:
            prompts: conversations up to the answer.
            n: answers to a prompt, each a request with a seed of its own.
            temperature: 0 takes the likeliest tokens.
            top_p: share of the probability that tokens are drawn from.
            max_new_tokens: where an answer is cut; its `finish_reason` is then "length".
            seed: of the first answer; the next have the next.
            progress: called with (answers done, answers in all).

        Raises:
            ModelError: a request got no answer, or what came is none; the others are given up.
        """
        options = {"temperature": temperature, "max_tokens": max_new_tokens}
        if top_p < 1:
            options["top_p"] = top_p
        requests = [
            {
                "model": self.model,
                "messages": [dict(message) for message in prompt],
                "seed": seed + number,
                **options,
            }
            for prompt in prompts
            for number in range(n)
        ]
        drawn = self._send_all(requests, progress)
        return [drawn[start : start + n] for start in range(0, len(drawn), n)]

    def _send_all(
        self, requests: Sequence[Mapping[str, Any]], progress: Progress | None
    ) -> list[Completion]:
        pool = ThreadPoolExecutor(self._endpoint.concurrency)
        try:
            futures = [pool.submit(self._send, request) for request in requests]
            for done, future in enumerate(as_completed(futures), 1):
                future.result()  # the first that failed ends it all
                if progress is not None:
                    progress(done, len(requests))
            return [future.result() for future in futures]
        finally:
            pool.shutdown(cancel_futures=True)

    def _send(self, request: Mapping[str, Any]) -> Completion:
        response = self._endpoint.send(request)
        try:
            choice = response["choices"][0]
            message = choice["message"]
            text = answer_text(message) or message.get("refusal") or ""
            usage = response.get("usage") or {}
            return Completion(
                text,
                int(usage.get("completion_tokens") or 0),
                "length" if choice.get("finish_reason") == "length" else "stop",
                int(usage.get("prompt_tokens") or 0),
            )
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise ModelError(
                f"model {self.model}: the endpoint's answer is no chat completion "
                f"({type(error).__name__}); check that it is OpenAI-compatible"
            ) from error
