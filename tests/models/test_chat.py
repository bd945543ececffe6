from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from trueup.errors import ModelError
from trueup.models import encode_completion, encode_prompt

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hé?\n"}]


@pytest.fixture
def tokenizer(tiny_model_dir: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model_dir)


def test_prompt_and_completion_spell_the_templates_text(tokenizer: Any) -> None:
    ids = encode_prompt(tokenizer, ASKED) + encode_completion(tokenizer, "Yes ☂")
    whole = tokenizer.apply_chat_template(
        [*ASKED, {"role": "assistant", "content": "Yes ☂"}], tokenize=False
    )
    assert tokenizer.decode(ids) + "\n" == whole


def test_the_end_of_sequence_can_be_left_out(tokenizer: Any) -> None:
    assert encode_completion(tokenizer, "ab", eos=False) == encode_completion(tokenizer, "ab")[:-1]
    assert encode_completion(tokenizer, "ab")[-1] == tokenizer.eos_token_id


def test_the_turn_ends_with_what_the_template_writes(tokenizer: Any) -> None:
    tokenizer.eos_token = "<|endoftext|>"
    assert encode_completion(tokenizer, "a")[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_a_turn_without_an_end_takes_the_end_of_sequence(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    assert encode_completion(tokenizer, "a")[-1] == tokenizer.eos_token_id


def test_tool_calls_become_text_where_the_template_ignores_them(tokenizer: Any) -> None:
    call = {"id": "1", "function": {"name": "find", "arguments": '{"claim": 7}'}}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    text = tokenizer.decode(encode_prompt(tokenizer, [*ASKED, turn]))
    expected = '<tool_call>{"name": "find", "arguments": {"claim": 7}}</tool_call><|im_end|>'
    assert expected in text
    call["function"]["arguments"] = {"claim": 7}
    assert tokenizer.decode(encode_prompt(tokenizer, [*ASKED, turn])) == text


def test_a_template_that_takes_tool_calls_gets_them(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m['role'] }}{{ m.tool_calls }}\n{{ m['content'] }}{% endfor %}"
        "{% if add_generation_prompt %}assistant\n{% endif %}"
    )
    turn = {"role": "user", "content": "x", "tool_calls": ["seen"]}
    assert "['seen']" in tokenizer.decode(encode_prompt(tokenizer, [turn]))


TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def test_tools_go_where_the_template_writes_them(tokenizer: Any) -> None:
    tokenizer.chat_template = (
        "{% if tools %}{{ tools | tojson }}\n{% endif %}" + tokenizer.chat_template
    )
    ids = encode_prompt(tokenizer, ASKED, [TOOL])
    whole = tokenizer.apply_chat_template(
        ASKED, tools=[TOOL], tokenize=False, add_generation_prompt=True
    )
    assert tokenizer.decode(ids) == whole
    assert '"name": "find"' in whole
    assert len(encode_prompt(tokenizer, ASKED)) < len(ids)


def test_a_template_without_a_place_for_tools_is_refused(tokenizer: Any) -> None:
    tokenizer.name_or_path = "plain-model"
    with pytest.raises(ModelError, match="template of plain-model has no place for tools: write"):
        encode_prompt(tokenizer, ASKED, [TOOL])


def test_a_template_that_rewrites_the_prompt_is_refused(tokenizer: Any) -> None:
    tokenizer.name_or_path = "odd-model"
    tokenizer.chat_template = (
        "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    )
    with pytest.raises(ModelError, match="template of odd-model renders a turn differently"):
        encode_prompt(tokenizer, ASKED)
    with pytest.raises(ModelError, match="odd-model"):
        encode_completion(tokenizer, "a")


def test_what_a_template_writes_before_every_answer_is_the_prompts(tokenizer: Any) -> None:
    """Qwen3's template gives an answer without thoughts empty ones."""
    tokenizer.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
        "{% if m['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
        "{{ m['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    answered = [*ASKED, {"role": "assistant", "content": "Yes."}]
    whole = tokenizer.apply_chat_template(answered, tokenize=False).removesuffix("\n")
    ids = [*encode_prompt(tokenizer, ASKED), *encode_completion(tokenizer, "Yes.")]
    assert tokenizer.decode(ids) == whole
    assert tokenizer.decode(encode_prompt(tokenizer, ASKED)).endswith("</think>\n\n")


def test_a_template_that_fails_says_on_what(tokenizer: Any) -> None:
    tokenizer.chat_template = tokenizer.chat_template.replace(
        "{{ message['role'] }}", "{{ message['role'] if message.content else 1 / 0 }}"
    )
    with pytest.raises(ModelError, match=r"fails on the roles \(system, user\): division by zero"):
        encode_prompt(tokenizer, [ASKED[0], {"role": "user"}])


def test_no_template_no_prompt(tokenizer: Any) -> None:
    tokenizer.chat_template = None
    with pytest.raises(ModelError, match="no chat template"):
        encode_prompt(tokenizer, ASKED)
