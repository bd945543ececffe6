from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trueup.errors import InputError, PromptTooLong
from trueup.training.config import DPO, SFT, Reward
from trueup.training.groups import Group, build_groups
from trueup.training.unpaired import unpair
from trueup.types import Example


@pytest.fixture
def tokenizer(tiny_model_dir: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model_dir)


def example(id: str, *completions: str, prompt: str = "hi", weight: float = 1.0) -> Example:
    return Example(id, ({"role": "user", "content": prompt},), completions, weight)


def test_completions_end_with_the_end_of_turn_and_follow_the_template(tokenizer: Any) -> None:
    (group,) = build_groups([example("a", "yes")], tokenizer, SFT(), max_length=100)
    whole = tokenizer.decode([*group.prompt, *group.completions[0]])
    assert whole == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>"
    assert group.tokens == len(group.prompt) + 4


def test_tools_are_part_of_the_prompt(tokenizer: Any) -> None:
    tokenizer.chat_template = "{{ tools | tojson if tools }}" + tokenizer.chat_template
    row = replace(example("a", "yes"), tools=({"name": "find"},))
    with_tools, without = build_groups([row, example("b", "yes")], tokenizer, SFT(), max_length=200)
    assert tokenizer.decode(with_tools.prompt) == '[{"name": "find"}]' + tokenizer.decode(
        without.prompt
    )


def test_only_so_many_completions_as_the_method_takes(tokenizer: Any) -> None:
    (group,) = build_groups([example("a", "yes", "no")], tokenizer, SFT(), max_length=100)
    assert len(group.completions) == 1


def test_what_is_cut_is_counted(tokenizer: Any) -> None:
    rows = [example("a", "a long answer", "b"), example("b", "c", "d")]
    whole = build_groups(rows, tokenizer, DPO(), max_length=500)
    room = len(whole[0].prompt) + 5
    cut = build_groups(rows, tokenizer, DPO(), max_length=room)
    assert [g.truncated for g in whole] == [0, 0]
    assert [g.truncated for g in cut] == [1, 0]
    assert cut[0].completions[0] == whole[0].completions[0][:5]
    assert cut[1] == whole[1]


def test_a_prompt_that_fills_the_length_is_refused_by_name(tokenizer: Any) -> None:
    rows = [example("short", "x"), example("long", "x", prompt="y" * 90)]
    with pytest.raises(PromptTooLong, match=r"1 of 2 rows.*\(long\); raise max_length"):
        build_groups(rows, tokenizer, SFT(), max_length=80)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (example("r7", "x", "x"), "chosen equal to rejected"),
        (example("r7", "x", "  "), "an empty completion"),
        (example("r7", "x"), "fewer than 2 completions"),
        (example("r7", "x", "y", weight=0.0), "weight"),
        (example("r7", "x", "y", weight=1e-50), "weight"),
        (example("r7", "x", "y", weight=float("nan")), "weight"),
    ],
)
def test_rows_that_teach_nothing_are_refused_by_name(
    tokenizer: Any, bad: Example, what: str
) -> None:
    rows = [example("r1", "x", "y"), bad]
    with pytest.raises(InputError, match=rf"1 of 2 rows have .*{what}.*\(r7\)"):
        build_groups(rows, tokenizer, DPO(), max_length=100)


def test_pairs_that_differ_only_beyond_the_cut_are_refused(tokenizer: Any) -> None:
    row = example("r1", "same start, one end", "same start, other end")
    (whole,) = build_groups([row], tokenizer, DPO(), max_length=500)
    with pytest.raises(InputError, match="equal once cut"):
        build_groups([row], tokenizer, DPO(), max_length=len(whole.prompt) + 4)


def test_the_digest_is_of_the_tokens_alone() -> None:
    one = Group("a", (1, 2), ((3,), (4, 5)))
    assert one.digest == Group("b", (1, 2), ((3,), (4, 5)), weight=2.0).digest
    assert one.digest != Group("a", (1, 2), ((3, 4), (5,))).digest
    assert one.digest != Group("a", (1,), ((2, 3), (4, 5))).digest


def test_pairs_of_a_ranking_with_ties_are_the_best_and_the_best_that_is_worse(
    tokenizer: Any,
) -> None:
    tied = replace(example("a", "one", "two", "three"), ranks=(1, 1, 3))
    (pair,) = build_groups([tied], tokenizer, DPO(), max_length=100)
    (whole,) = build_groups([tied], tokenizer, Reward(), max_length=100)
    assert pair.completions == (whole.completions[0], whole.completions[2])
    assert (pair.places, whole.places) == ((1, 2), (1, 1, 3))
    good, bad = unpair([tied])
    assert [(row.completions, row.desirable) for row in (good, bad)] == [
        (("one",), True),
        (("three",), False),
    ]
    level = replace(tied, ranks=(1, 1, 1))
    with pytest.raises(InputError, match=r"completions that are all tied \(a\)"):
        build_groups([level], tokenizer, DPO(), max_length=100)
    with pytest.raises(InputError, match="row a: its completions are all tied"):
        unpair([level])
