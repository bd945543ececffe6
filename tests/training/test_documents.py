from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trueup.errors import InputError
from trueup.training.documents import check_texts, pack_documents
from trueup.training.forward import Forward
from trueup.types import Example

LIMIT = 24


class Letters:
    """A token a letter."""

    bos_token_id, eos_token_id = None, 0

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}


def documents(*texts: str) -> list[Example]:
    return [Example(f"d{i}", (), (text,)) for i, text in enumerate(texts)]


@settings(max_examples=50)
@given(st.lists(st.text("abc", min_size=1, max_size=60), min_size=1, max_size=20))
def test_every_token_is_learnt_once_and_no_pack_is_too_long(texts: list[str]) -> None:
    packs = pack_documents(documents(*texts), Letters(), max_length=LIMIT)
    held: Counter[int] = Counter()
    for pack in packs:
        assert len(pack.prompt) + sum(map(len, pack.completions)) <= LIMIT
        held.update(token for part in pack.completions for token in part)
    wanted = Counter(ord(c) for text in texts for c in text)
    wanted[0] = len(texts)
    assert held == wanted
    # best fit, decreasing, leaves no two packs that fit into one
    sizes = sorted(sum(map(len, pack.completions)) for pack in packs)
    assert len(sizes) < 2 or sizes[0] + sizes[1] > LIMIT - 1


def test_documents_of_a_pack_do_not_see_one_another(tiny: Any, tiny_model_dir: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model_dir)
    texts = ("the policy covers flood", "a claim of theft is settled", "fire first")
    (pack,) = pack_documents(documents(*texts), tokenizer, max_length=200)
    forward = Forward(tiny)
    found = forward([pack])
    forward.restore()
    for row, mask, tokens in zip(found.logps, found.mask, pack.completions, strict=True):
        ids = torch.tensor([[*pack.prompt, *tokens]])
        alone = tiny(input_ids=ids).logits[0, :-1].log_softmax(-1)
        expected = alone.gather(1, torch.tensor(tokens)[:, None])[:, 0]
        torch.testing.assert_close(row[mask], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Example("p", ({"role": "user", "content": "hi"},), ("yes",)), "have a prompt"),
        (Example("e", (), (" ",)), "empty text"),
    ],
)
def test_rows_that_are_no_documents_are_named(row: Example, message: str) -> None:
    with pytest.raises(InputError, match=rf"1 of 2 rows.*{message} \({row.id}\)"):
        pack_documents([*documents("fine"), row], Letters(), max_length=LIMIT)


def test_texts_have_no_weights() -> None:
    rows = documents("one", "two")
    with pytest.raises(InputError, match=r"1 of 2 rows have a weight \(d1\); texts are packed"):
        check_texts([rows[0], replace(rows[1], weight=2.0)])
