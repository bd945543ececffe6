"""Text to token ids and nothing else: one rendering for sampling and for training.

A prompt is the chat template's rendering up to where the assistant's turn begins; a completion is
what follows it. They are tokenised apart, so that the prompt's tokens are the same whatever
follows: the shared-prompt forward and the sampler's prompt cache both rest on that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from trueup.errors import ModelError
from trueup.types import Message, Messages, ToolCall

__all__ = ["answer_text", "encode_completion", "encode_prompt", "end_of_turn"]

_PROBE = "q7x"


def encode_prompt(
    tokenizer: Any, messages: Messages, tools: Sequence[Mapping[str, Any]] = ()
) -> list[int]:
    """Return the token ids of the conversation up to the assistant's next turn.

    Args:
        tokenizer: the model's.
        messages: the conversation.
        tools: JSON schemas of the functions that it offers, which the template writes.

    A message without content counts as empty. Where the template knows nothing of tool calls, a
    turn's calls are written into its text as `<tool_call>` blocks, the form that
    `ToolCall.parse_all` reads. What the template writes before every answer, such as the empty
    thoughts of Qwen3, is the prompt's: answers are given without thinking, as they are learnt.

    Raises:
        ModelError: the tokenizer has no chat template, the template fails on these messages or has
            no place for tools, or what it renders before an answer is not how it renders the same
            turns with the answer.
    """
    _check_template(tokenizer)
    if tools and not re.search(r"\btools\b", tokenizer.chat_template):
        raise ModelError(
            f"the chat template of {_name(tokenizer)} has no place for tools: write them into the "
            "system message and leave them out"
        )
    opening, _ = _probe(tokenizer)
    text = _render(tokenizer, messages, tools, add_generation_prompt=True) + opening
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def encode_completion(tokenizer: Any, text: str, *, eos: bool = True) -> list[int]:
    """Return the token ids of an answer as they follow `encode_prompt`'s.

    Args:
        tokenizer: the model's.
        text: the answer.
        eos: whether to add the token that ends the assistant's turn.

    Raises:
        ModelError: as `encode_prompt`, if the template cannot be used.
    """
    _check_template(tokenizer)
    ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    return [*ids, end_of_turn(tokenizer)] if eos else ids


def end_of_turn(tokenizer: Any) -> int:
    """Return the token that ends the assistant's turn: what the template writes after its text.

    It is the end-of-sequence token unless the template ends turns with another special token.
    """
    _, after = _probe(tokenizer)
    ids = tokenizer(after, add_special_tokens=False)["input_ids"]
    token = tokenizer.added_tokens_decoder.get(ids[0]) if ids else None
    return int(ids[0] if token is not None and token.special else tokenizer.eos_token_id)


def _render(
    tokenizer: Any,
    messages: Messages,
    tools: Sequence[Mapping[str, Any]] = (),
    *,
    add_generation_prompt: bool,
) -> str:
    knows_tools = "tool_calls" in tokenizer.chat_template
    plain = [
        dict(m) if knows_tools else {"role": m["role"], "content": answer_text(m)} for m in messages
    ]
    try:
        text = tokenizer.apply_chat_template(
            plain,
            tools=[dict(tool) for tool in tools] or None,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
        )
    # Templates are programs: they raise jinja2's errors and whatever Python's operators raise.
    except Exception as error:
        roles = ", ".join(str(m.get("role")) for m in messages)
        raise ModelError(
            f"the chat template of {_name(tokenizer)} fails on the roles ({roles}): "
            f"{' '.join(str(error).split())}; give messages that it takes"
        ) from error
    return str(text)


def answer_text(message: Message) -> str:
    """Return a message's text with its tool calls as `<tool_call>` blocks after it.

    That is the form of an answer's calls here, and of any turn's where the template has no place
    for them.
    """
    parts = [message.get("content") or ""]
    for call in message.get("tool_calls") or ():
        function: Mapping[str, Any] = call.get("function", call)
        arguments = function.get("arguments", {})
        if isinstance(arguments, str):
            body = f'{{"name": "{function["name"]}", "arguments": {arguments}}}'
            parts.append(f"<tool_call>{body}</tool_call>")
        else:
            parts.append(ToolCall(function["name"], arguments).render())
    return "\n".join(part for part in parts if part)


def _name(tokenizer: Any) -> str:
    return str(getattr(tokenizer, "name_or_path", "") or type(tokenizer).__name__)


def _check_template(tokenizer: Any) -> None:
    if not tokenizer.chat_template:
        raise ModelError(f"{_name(tokenizer)} has no chat template; load it with load_model")
    _probe(tokenizer)


def _probe(tokenizer: Any) -> tuple[str, str]:
    """Return what the template writes before an answer, after the prompt, and what after it.

    Keyed by what decides it, since a training run asks tens of thousands of times.
    """
    return _split_template(_ByTemplate(tokenizer))


class _ByTemplate:
    """A tokenizer that equals another with the same template and the same end of sequence."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.key = (tokenizer.chat_template, tokenizer.bos_token, tokenizer.eos_token)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByTemplate) and self.key == other.key


@lru_cache(maxsize=16)
def _split_template(keyed: _ByTemplate) -> tuple[str, str]:
    tokenizer = keyed.tokenizer
    asked: list[Message] = [{"role": "user", "content": "hello"}]
    answered = [*asked, {"role": "assistant", "content": _PROBE}]
    prompt = _render(tokenizer, asked, add_generation_prompt=True)
    whole = _render(tokenizer, answered, add_generation_prompt=False)
    before, found, after = whole.partition(_PROBE)
    if not found or not before.startswith(prompt):
        raise ModelError(
            f"the chat template of {_name(tokenizer)} renders a turn differently once it is "
            "answered, so answers cannot follow a shared prompt; set a template that appends"
        )
    return before.removeprefix(prompt), after
