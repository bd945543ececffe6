"""The batch of every method: one prompt with its completions, as token ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from trueup.errors import InputError, PromptTooLong
from trueup.training.config import Method, Reward
from trueup.types import Example

__all__ = ["Group", "best_and_worse", "build_groups", "checked", "encode_group", "reject"]

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
        margin: by how much the first reward is to exceed the second.
        head: index of the reward that the completions' order is about.
        ranks: each completion's place, never falling, equal where tied; () is each its own.
        read_whole: whether the model reads the last tokens too, after which rewards are.
    """

    id: str
    prompt: Tokens
    completions: tuple[Tokens, ...]
    weight: float = 1.0
    truncated: int = 0
    desirable: bool = True
    margin: float = 0.0
    head: int = 0
    ranks: tuple[int, ...] = ()
    read_whole: bool = False

    @property
    def tokens(self) -> int:
        """Tokens of every completion's own row, prompt included: what plain rows would read."""
        return sum(len(self.prompt) + len(completion) for completion in self.completions)

    @property
    def places(self) -> tuple[int, ...]:
        """Each completion's place: `ranks`, or one after another."""
        return self.ranks or tuple(range(1, len(self.completions) + 1))

    @property
    def paths(self) -> tuple[Tokens, ...]:
        """The tokens that the model must read of each completion: to predict it, all but one."""
        end = None if self.read_whole else -1
        return tuple(self.prompt + completion[:end] for completion in self.completions)

    @property
    def digest(self) -> str:
        """Hash of the token ids: what the model sees of this group, whatever its id or weight."""
        content = ";".join(",".join(map(str, part)) for part in (self.prompt, *self.completions))
        return sha256(content.encode()).hexdigest()


def build_groups(
    examples: Sequence[Example], tokenizer: Any, method: Method, *, max_length: int
) -> tuple[Group, ...]:
    """Tokenise examples into groups.

    Args:
        examples: each with as many completions as the method compares; those beyond are left out,
            unless it learns from rankings.
        tokenizer: the model's.
        method: what learns from them.
        max_length: prompt and completion together hold at most so many tokens; a completion's
            end is cut off to fit, and counted in its group.

    Raises:
        PromptTooLong: prompts that leave no room for a single completion token.
        InputError: no prompt, too few, empty or equal completions, weights that are not above 0,
            or a head or margin that the method cannot use; the message names the rows.
    """
    kept = checked(examples, method)
    heads = method.heads if isinstance(method, Reward) else ()
    whole = [
        encode_group(example, tokenizer, head=heads.index(example.head) if heads else 0)
        for example in kept
    ]
    reject(
        whole,
        f"a prompt of {max_length} tokens or more",
        lambda g: len(g.prompt) >= max_length,
        error=PromptTooLong,
        remedy="raise max_length, as far as the model's context goes, or shorten them",
    )
    cut = tuple(_cut(group, max_length) for group in whole)
    reject(
        cut,
        f"completions that are equal once cut to {max_length} tokens",
        lambda g: _has_equal(g.completions),
        remedy="raise max_length or remove them",
    )
    return tuple(replace(group, read_whole=True) for group in cut) if method.has_rewards else cut


def checked(examples: Sequence[Example], method: Method) -> list[Example]:
    """Return what the method compares of each example, none of which it cannot use.

    This needs no tokenizer, so it can be done before a model is loaded.

    Raises:
        InputError: as `build_groups` does.
    """
    least = method.completions
    reject(examples, "completions that are all tied", _all_tied, remedy="leave them out")
    kept = [_kept(example, method) for example in examples]
    reject(kept, "no prompt", lambda e: not e.messages, remedy="trueup train cpt reads texts")
    reject(
        kept,
        f"fewer than {least} completions",
        lambda e: len(e.completions) < least,
        remedy=f"{method.name} compares answers to a prompt: give `rejected` beside `chosen`; sft "
        "and kto learn from single ones",
    )
    reject(kept, "an empty completion", lambda e: not all(map(str.strip, e.completions)))
    reject(kept, "chosen equal to rejected", lambda e: _has_equal(e.completions))
    reject(kept, "a weight that is not above 1e-30", lambda e: not e.weight > 1e-30)
    reject(
        kept if least == 1 and not method.unpaired else (),
        "a completion that is not wanted (label: false)",
        lambda e: e.desirable is False,
        remedy="leave them out",
    )
    _check_heads(kept, method)
    return kept


def encode_group(example: Example, tokenizer: Any, *, head: int = 0) -> Group:
    """Tokenise one example as it is, uncut.

    Args:
        example: with a prompt.
        tokenizer: the model's.
        head: index of the reward that it is about.
    """
    from trueup.models import encode_completion, encode_prompt

    return Group(
        id=example.id,
        prompt=tuple(encode_prompt(tokenizer, example.messages, example.tools)),
        completions=tuple(tuple(encode_completion(tokenizer, t)) for t in example.completions),
        weight=example.weight,
        desirable=example.desirable is not False,
        margin=example.margin,
        head=head,
        ranks=example.ranks,
    )


def best_and_worse(example: Example) -> tuple[str, str]:
    """Return the best of two or more completions, and the best of those that are worse.

    Raises:
        InputError: all are tied.
    """
    ranks = example.ranks or tuple(range(len(example.completions)))
    worse = next((place for place, rank in enumerate(ranks) if rank > ranks[0]), None)
    if worse is None:
        raise InputError(f"row {example.id}: its completions are all tied; leave it out")
    return example.completions[0], example.completions[worse]


def _kept(example: Example, method: Method) -> Example:
    """Leave out the completions that the method does not compare."""
    if method.has_rewards or len(example.completions) <= method.completions:
        return example
    kept = best_and_worse(example)[: method.completions]
    return replace(example, completions=kept, ranks=())


def _check_heads(examples: Sequence[Example], method: Method) -> None:
    if not isinstance(method, Reward):
        return
    reject(
        examples,
        "a margin on a ranking of more than two",
        lambda e: bool(e.margin) and len(e.completions) > 2,
    )
    reject(
        examples if method.heads else (),
        f"a head that is none of {', '.join(method.heads)}",
        lambda e: e.head not in method.heads,
        remedy="name one in each row's `head`",
    )


def _cut(group: Group, max_length: int) -> Group:
    room = max_length - len(group.prompt)
    return replace(
        group,
        completions=tuple(completion[:room] for completion in group.completions),
        truncated=sum(len(completion) > room for completion in group.completions),
    )


def _all_tied(example: Example) -> bool:
    return len(example.completions) > 1 and len(set(example.ranks)) == 1


def _has_equal(completions: Sequence[Any]) -> bool:
    return len(set(completions)) < len(completions)


def reject(
    rows: Sequence[Any],
    what: str,
    is_bad: Callable[[Any], bool],
    *,
    error: type[InputError] = InputError,
    remedy: str = "mend or remove them",
) -> None:
    """Refuse rows, each with an `id`, of which some are bad; the message says what and names them.

    Raises:
        InputError: or `error`, if any is.
    """
    bad = [row.id for row in rows if is_bad(row)]
    if bad:
        named = ", ".join(bad[:5]) + (", ..." if len(bad) > 5 else "")
        raise error(f"{len(bad)} of {len(rows)} rows have {what} ({named}); {remedy}")
