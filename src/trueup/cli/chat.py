"""`trueup chat`: talk to a checkpoint."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from trueup.cli._output import JsonOption, say, show_json
from trueup.errors import InputError
from trueup.types import Message

__all__ = ["chat"]


def chat(
    model: str,
    /,
    *,
    message: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    system: str | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    max_new_tokens: int = 256,
    seed: int = 0,
    as_json: JsonOption = False,
) -> None:
    """Talk to a model; an empty line or the end of the input ends the conversation.

    Args:
        model: A model folder, a .gguf file, a hub name, or smollm2-135m.
        message: What to say, a turn each, in place of asking; give it once for each turn.
        system: What the model is told first.
        temperature: 0 takes the likeliest token each time.
        top_p: Share of the probability that tokens are drawn from.
        max_new_tokens: Where an answer is cut.
        seed: Of the random numbers.
    """
    from trueup.models import LocalSampler, load_model

    if as_json and not message:
        raise InputError("chat --json: give the turns with --message")
    sampler = LocalSampler(load_model(model, dtype="auto"))
    turns: list[Message] = [{"role": "system", "content": system}] if system else []
    told: list[dict[str, Any]] = []
    for asked in message or iter(_ask, ""):
        turns.append({"role": "user", "content": asked})
        ((answer,),) = sampler.sample(
            [turns],
            temperature=temperature,
            top_p=top_p,
            max_new_tokens=max_new_tokens,
            seed=seed,
        )
        turns.append({"role": "assistant", "content": answer.text})
        told.append({"message": asked, "answer": answer.text, "tokens": answer.tokens})
        if not as_json:
            say(answer.text + (" [cut]" if answer.finish_reason == "length" else ""))
    if as_json:
        show_json(told)


def _ask() -> str:
    """Read a turn; nothing at the end of the input."""
    if sys.stdin.isatty():
        print("> ", end="", file=sys.stderr, flush=True)  # noqa: T201
    # what is no UTF-8 comes in as halves of surrogate pairs, which no tokenizer reads
    given = sys.stdin.readline().encode("utf-8", "surrogateescape")
    return given.decode("utf-8", "replace").strip()
