"""Raw texts as rows of continued pretraining: each a pack of documents, none of which sees another.

The documents of a pack are a group's completions, and its prompt the one token that begins every
text: the forward's tree keeps them apart, and no row is padded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from trueup.training.groups import Group, Tokens, reject
from trueup.types import Example

__all__ = ["check_texts", "pack_documents"]


def pack_documents(
    examples: Sequence[Example], tokenizer: Any, *, max_length: int
) -> tuple[Group, ...]:
    """Tokenise texts and pack them, the longest first, each into the fullest pack that takes it.

    A text ends with the end-of-sequence token. One that is longer than a pack is parted, and its
    parts are texts of their own: no token is lost.

    Args:
        examples: one text each, without a prompt.
        tokenizer: the model's.
        max_length: tokens of a pack, the one that begins it included.

    Raises:
        InputError: rows with a prompt, or without any text; the message names them.
    """
    check_texts(examples)
    begin = tokenizer.bos_token_id
    prompt = (tokenizer.eos_token_id if begin is None else begin,)
    parts = list(_parts(examples, tokenizer, max_length - 1))
    return tuple(
        Group(f"{pack[0][0]} and {len(pack) - 1} more", prompt, tuple(tokens for _, tokens in pack))
        for pack in _fullest_first(parts, max_length - 1)
    )


def check_texts(examples: Sequence[Example]) -> None:
    """Refuse rows that are no texts.

    Raises:
        InputError: as `pack_documents` does.
    """
    reject(
        examples,
        "a prompt",
        lambda e: bool(e.messages),
        remedy="continued pretraining reads rows with `text`, trueup train sft these",
    )
    reject(
        examples,
        "a weight",
        lambda e: e.weight != 1,
        remedy="texts are packed together and count alike: leave it out",
    )
    reject(
        examples,
        "an empty text",
        lambda e: not e.completions[0].strip(),
        remedy="remove them",
    )


def _parts(examples: Iterable[Example], tokenizer: Any, room: int) -> Iterator[tuple[str, Tokens]]:
    for example in examples:
        ids = tokenizer(example.completions[0], add_special_tokens=False)["input_ids"]
        tokens = (*ids, tokenizer.eos_token_id)
        for start in range(0, len(tokens), room):
            yield example.id, tokens[start : start + room]


def _fullest_first(
    parts: Sequence[tuple[str, Tokens]], room: int
) -> list[list[tuple[str, Tokens]]]:
    """Best fit, decreasing: each part goes where it leaves the least room."""
    packs: list[list[tuple[str, Tokens]]] = []
    by_room: list[list[int]] = [[] for _ in range(room + 1)]
    for part in sorted(parts, key=lambda part: -len(part[1])):
        length = len(part[1])
        left = next((n for n in range(length, room + 1) if by_room[n]), None)
        if left is None:
            packs.append([])
            pack, left = len(packs) - 1, room
        else:
            pack = by_room[left].pop()
        packs[pack].append(part)
        by_room[left - length].append(pack)
    return packs
