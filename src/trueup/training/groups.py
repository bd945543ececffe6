"""The batch of every method: one prompt with its completions, as token ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from trueup.errors import InputError, PromptTooLong
from trueup.types import Example

__all__ = ["Group", "build_groups"]

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """One prompt and the completions that learn from it.

    Attributes:
        id: the example's.
        prompt: token ids up to where the completions begin; at least one.
        completions: token ids of each completion, at least one each.
        weight: multiplies the group's share of the loss.
        truncated: how many of the completions were cut to fit.
        desirable: whether a single completion is wanted.
    """

    id: str
    prompt: Tokens
    completions: tuple[Tokens, ...]
    weight: float = 1.0
    truncated: int = 0
    desirable: bool = True

    @property
    def tokens(self) -> int:
        """Tokens of every completion's own row, prompt included: what plain rows would read."""
        return sum(len(self.prompt) + len(completion) for completion in self.completions)

    @property
    def paths(self) -> tuple[Tokens, ...]:
        """The tokens that the model must read to predict each completion: all but its last."""
        return tuple(self.prompt + completion[:-1] for completion in self.completions)

    @property
    def digest(self) -> str:
        """Hash of the token ids: what the model sees of this group, whatever its id or weight."""
        content = ";".join(",".join(map(str, part)) for part in (self.prompt, *self.completions))
        return sha256(content.encode()).hexdigest()


def build_groups(
    examples: Sequence[Example],
    tokenizer: Any,
    *,
    completions: int,
    max_length: int,
    unpaired: bool = False,
) -> tuple[Group, ...]:
    """Tokenise examples into groups.

    Args:
        examples: each with at least `completions` completions; those beyond are left out.
        tokenizer: the model's.
        completions: how many of each example's completions the method learns from.
        max_length: prompt and completion together hold at most so many tokens; a completion's
            end is cut off to fit, and counted in its group.
        unpaired: whether the method learns from single completions that are not wanted, too.

    Raises:
        PromptTooLong: prompts that leave no room for a single completion token.
        InputError: too few, empty or equal completions, or weights that are not above 0; the
            message names the rows.
    """
    _reject(examples, f"fewer than {completions} completions", lambda e: _short(e, completions))
    _reject(examples, "an empty completion", lambda e: _has_empty(e, completions))
    _reject(examples, "chosen equal to rejected", lambda e: _has_equal(e.completions[:completions]))
    _reject(examples, "a weight that is not above 0", lambda e: not e.weight > 0)
    _reject(
        examples if completions == 1 and not unpaired else (),
        "a completion that is not wanted (label: false)",
        lambda e: e.desirable is False,
        remedy="leave them out",
    )
    whole = [_encode(example, tokenizer, completions) for example in examples]
    _reject(
        whole,
        f"a prompt of {max_length} tokens or more",
        lambda g: len(g.prompt) >= max_length,
        error=PromptTooLong,
        remedy="raise max_length or shorten them",
    )
    cut = tuple(_cut(group, max_length) for group in whole)
    _reject(
        cut,
        f"completions that are equal once cut to {max_length} tokens",
        lambda g: _has_equal(g.completions),
        remedy="raise max_length or remove them",
    )
    return cut


def _encode(example: Example, tokenizer: Any, completions: int) -> Group:
    from trueup.models import encode_completion, encode_prompt

    return Group(
        id=example.id,
        prompt=tuple(encode_prompt(tokenizer, example.messages)),
        completions=tuple(
            tuple(encode_completion(tokenizer, text)) for text in example.completions[:completions]
        ),
        weight=example.weight,
        desirable=example.desirable is not False,
    )


def _cut(group: Group, max_length: int) -> Group:
    room = max_length - len(group.prompt)
    return replace(
        group,
        completions=tuple(completion[:room] for completion in group.completions),
        truncated=sum(len(completion) > room for completion in group.completions),
    )


def _short(example: Example, completions: int) -> bool:
    return len(example.completions) < completions


def _has_empty(example: Example, completions: int) -> bool:
    return any(not text.strip() for text in example.completions[:completions])


def _has_equal(completions: Sequence[Any]) -> bool:
    return len(set(completions)) < len(completions)


def _reject(
    rows: Sequence[Any],
    what: str,
    is_bad: Callable[[Any], bool],
    *,
    error: type[InputError] = InputError,
    remedy: str = "mend or remove them",
) -> None:
    bad = [row.id for row in rows if is_bad(row)]
    if bad:
        named = ", ".join(bad[:5]) + (", ..." if len(bad) > 5 else "")
        raise error(f"{len(bad)} of {len(rows)} rows have {what} ({named}); {remedy}")
