"""The options that have a judge or a classifier grade in place of an evaluator's local method."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trueup.errors import InputError
from trueup.evals import Backend
from trueup.models import Judge

__all__ = ["LOCAL", "BackendOptions", "ByOption"]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class BackendOptions:
    """What grades, and how much it may cost; nothing of it is the local method.

    Attributes:
        judge_model: The judge, as its endpoint calls it.
        judge_url: Its OpenAI-compatible endpoint; OPENAI_BASE_URL or OpenAI's own, if left out.
        judge_key_env: The environment variable that holds its key; without it OPENAI_API_KEY is
            sent to the default endpoint, and nothing to one of --judge-url.
        votes: How often a judge is asked the same.
        prices: US dollars for a million tokens, of prompts and of answers, as in 0.15,0.60.
        max_cost: US dollars that are never exceeded; it needs --prices.
        judge_cache: A folder where verdicts are kept, so that none is paid for twice.
        classifier: A sequence classifier instead: a folder in the Hugging Face format, or a name of
            the hub.
        good: Its label of the good end, where its name does not tell.
    """

    judge_model: str | None = None
    judge_url: str | None = None
    judge_key_env: str | None = None
    votes: int = 1
    prices: str | None = None
    max_cost: float | None = None
    judge_cache: Path | None = None
    classifier: str | None = None
    good: str | None = None

    def backend(self) -> Backend | None:
        """Return what grades; None is the local method.

        Raises:
            InputError: options do not go together, or the key is not there.
            ModelError: the classifier cannot be loaded.
        """
        if self.classifier is not None and self.judge_model is not None:
            raise InputError("--judge-model and --classifier: give one of them")
        if self.judge_model is not None:
            return self._judge(self.judge_model)
        if self != BackendOptions(classifier=self.classifier, good=self.good):
            raise InputError("options of a judge without a judge: give --judge-model")
        if self.classifier is None:
            if self.good is not None:
                raise InputError("--good is a classifier's label: give --classifier")
            return None
        from trueup.models import Classifier

        return Classifier(self.classifier, good=self.good)

    def _judge(self, model: str) -> Judge:
        key = None
        if self.judge_key_env is not None:
            key = os.environ.get(self.judge_key_env)
            if not key:
                raise InputError(f"--judge-key-env: {self.judge_key_env} is not set; export it")
        return Judge(
            model,
            base_url=self.judge_url,
            api_key=key,
            votes=self.votes,
            prices=None if self.prices is None else _prices(self.prices),
            max_cost=self.max_cost,
            cache=self.judge_cache,
        )


LOCAL = BackendOptions()
ByOption = Annotated[BackendOptions, Parameter(name="*")]


def _prices(text: str) -> tuple[float, float]:
    try:
        asked, answered = (float(price) for price in text.split(","))
    except ValueError as error:
        raise InputError(f"--prices {text!r}: give two numbers, as in 0.15,0.60") from error
    return asked, answered
