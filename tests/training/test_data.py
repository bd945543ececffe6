from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from datasets import Dataset
from trueup.errors import InputError
from trueup.training import read_examples, weigh_by_agreement
from trueup.types import ToolCall


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return path


def test_plain_and_conversational_rows(tmp_path: Path) -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    answer = [{"role": "assistant", "content": "good"}]
    path = write(
        tmp_path / "d.jsonl",
        {"prompt": "p", "chosen": "good", "rejected": "bad", "id": "one", "weight": 0.5},
        "",
        {"prompt": messages, "chosen": answer, "rejected": "bad"},
        {"prompt": "p", "completion": "c"},
        {"prompt": "p", "chosen": "c"},
    )
    one, two, three, four = read_examples(path)
    assert (one.id, one.weight, one.completions) == ("one", 0.5, ("good", "bad"))
    assert one.messages == ({"role": "user", "content": "p"},)
    assert (two.messages, two.completions) == (tuple(messages), ("good", "bad"))
    assert (three.completions, four.completions) == (("c",), ("c",))
    assert len({one.id, two.id, three.id, four.id}) == 4


def test_labels_calls_of_tools_and_odd_line_ends(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f"}}]},
        {"role": "tool", "content": "42"},
    ]
    path = write(
        tmp_path / "d.jsonl",
        {"prompt": turns, "completion": "c", "label": False},
        json.dumps({"prompt": "a\u2028b", "completion": "c", "label": True}, ensure_ascii=False),
        {"prompt": "p", "completion": "c"},
        {"prompt": "p", "completion": "c", "label": 0},
        {"prompt": "p", "completion": "c", "label": 1.0},
    )
    found = read_examples(path)
    assert found[0].messages == tuple(turns)
    assert [e.desirable for e in found] == [False, True, None, False, True]
    assert found[1].messages[0]["content"] == "a\u2028b"


def test_a_conversation_is_an_example_for_each_of_its_answers(tmp_path: Path) -> None:
    talk = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "two"},
        {"role": "assistant", "content": "2"},
    ]
    found = read_examples(write(tmp_path / "d.jsonl", {"messages": talk, "id": "t"}))
    assert [e.completions for e in found] == [("1",), ("2",)]
    assert [len(e.messages) for e in found] == [2, 4]
    assert [e.id for e in found] == ["t/0", "t/1"]


def test_a_prompt_may_be_what_two_conversations_share(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "u"}
    good, bad = ({"role": "assistant", "content": text} for text in ("good", "bad"))
    path = write(tmp_path / "d.jsonl", {"chosen": [asked, good], "rejected": [asked, bad]})
    (found,) = read_examples(path)
    assert (found.messages, found.completions) == ((asked,), ("good", "bad"))


def test_tables_hold_the_same_rows_as_lines(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    rows = [
        {"prompt": "p", "chosen": "good", "rejected": "bad", "weight": 2.0},
        {"prompt": "q", "chosen": "fine", "rejected": None, "weight": 1.0},
    ]
    table = Dataset.from_list(rows)
    table.to_parquet(str(tmp_path / "d.parquet"))
    table.save_to_disk(str(tmp_path / "saved"))
    for path in (tmp_path / "d.parquet", tmp_path / "saved"):
        found = read_examples(path)
        assert [e.completions for e in found] == [("good", "bad"), ("fine",)]
        assert [e.weight for e in found] == [2.0, 1.0]
    DatasetDict({"train": table, "test": table}).save_to_disk(str(tmp_path / "both"))
    with pytest.raises(InputError, match=r"several splits \(test, train\)"):
        read_examples(tmp_path / "both")
    (tmp_path / "no.parquet").write_text("no")
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_examples(tmp_path / "no.parquet")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{nope", "not JSON"),
        ("[1]", "not a JSON object"),
        ({"completion": "c", "query": "q"}, "no prompt, messages or text in it, only complet"),
        ({"prompt": 3, "completion": "c"}, "prompt is neither"),
        ({"prompt": [{"role": "user"}], "completion": "c"}, "prompt is neither"),
        ({"prompt": "p"}, "completion is missing"),
        ({"prompt": "p", "chosen": "a", "rejected": 3}, "rejected is missing, or neither"),
        ({"prompt": "p", "chosen": "a", "completion": "b"}, "both completion and chosen"),
        ({"prompt": "p", "completion": "b", "weight": "much"}, "weight is not a number"),
        ({"prompt": "p", "completion": "b", "label": "yes"}, "label is neither true nor false"),
        ({"prompt": "p", "completion": "b", "label": 2}, "label is neither true nor false"),
        ({"prompt": "p", "chosen": "b", "label": True}, "it belongs to a completion"),
        ({"prompt": [{"role": "user", "content": None}], "completion": "c"}, "prompt is neither"),
        ({"messages": [{"role": "user", "content": "u"}]}, "no turn of the assistant"),
        ({"messages": "m"}, "messages is not a list"),
        (
            {
                "chosen": [{"role": "user", "content": c} for c in "ab"],
                "rejected": [{"role": "user", "content": c} for c in "cd"],
            },
            "differ before their last message",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, row: Any, told: str) -> None:
    path = write(tmp_path / "d.jsonl", {"prompt": "p", "completion": "c"}, row)
    with pytest.raises(InputError, match=rf"line 2: .*{told}") as caught:
        read_examples(path)
    assert "\n" not in str(caught.value)


def test_a_list_in_one_file_holds_the_same_rows_as_lines(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "chosen": "a", "rejected": "b"}, {"prompt": "q", "completion": "c"}]
    lines = read_examples(write(tmp_path / "d.jsonl", *rows))
    (tmp_path / "d.json").write_text(json.dumps(rows, indent=1))
    found = read_examples(tmp_path / "d.json")
    assert [(e.messages, e.completions) for e in found] == [
        (e.messages, e.completions) for e in lines
    ]
    (tmp_path / "d.json").write_text(json.dumps([*rows, {}]))
    with pytest.raises(InputError, match="line 3: no prompt, messages or text in it, only nothing"):
        read_examples(tmp_path / "d.json")
    (tmp_path / "d.csv").write_text("prompt,chosen,rejected\np,a,b\n")
    with pytest.raises(
        InputError, match=r"d.csv: cannot be read \(.csv files are not\); give JSON"
    ):
        read_examples(tmp_path / "d.csv")


def test_a_file_that_is_missing_or_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.jsonl: there is no such file or folder; check"):
        read_examples(tmp_path / "none.jsonl")
    (tmp_path / "d.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        InputError, match=r"cannot be read \(it is no UTF-8 text\); give JSON lines"
    ):
        read_examples(tmp_path / "d.bin")
    with pytest.raises(InputError, match="no examples"):
        read_examples(write(tmp_path / "d.jsonl", ""))


def test_rankings_documents_and_what_rows_say_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"prompt": "hi", "ranking": ["a", {"role": "assistant", "content": "b"}, "c"]},
        {"text": "the policy", "cohort": "wording"},
        {"prompt": "hi", "chosen": "a", "rejected": "b", "margin": 2, "head": "safety"},
        {"prompt": "hi", "ranking": ["a", "b", "c"], "ranks": [1.0, 2, 2]},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ranking, document, pair, tied = read_examples(path)
    assert (ranking.completions, ranking.ranks) == (("a", "b", "c"), ())
    assert tied.ranks == (1, 2, 2)
    assert (document.messages, document.completions) == ((), ("the policy",))
    assert document.cohort == "wording"
    assert (pair.margin, pair.head) == (2.0, "safety")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "hi", "ranking": ["a"]}, "ranking is not a list of two or more"),
        ({"prompt": "hi", "ranking": ["a", 1]}, "an answer of ranking is missing"),
        ({"prompt": "hi", "ranking": ["a", "b"], "chosen": "a"}, "both ranking and another"),
        ({"prompt": "hi", "ranking": ["a", "b"], "ranks": [1]}, "ranks is not a whole number for"),
        ({"prompt": "hi", "ranking": ["a", "b"], "ranks": [2, 1]}, "ranks is not a whole number"),
        ({"prompt": "hi", "ranking": ["a", "b"], "ranks": [1, 1.5]}, "ranks is not a whole number"),
        ({"prompt": "hi", "ranking": ["a", "b"], "ranks": [1, 1]}, "ranks says that all answers"),
        ({"prompt": "hi", "chosen": "a", "ranks": [1]}, "ranks without a ranking"),
        ({"text": " "}, "text is missing or empty"),
        ({"text": "a", "prompt": "b"}, "both text and a prompt"),
        ({"prompt": "hi", "chosen": "a", "margin": "1"}, "margin is not a number"),
        ({"prompt": "hi", "chosen": "a", "head": 1}, "head is not a text"),
    ],
)
def test_what_is_no_ranking_or_document_is_named(
    row: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match=f"line 1: {message}"):
        read_examples(path)


def test_disputed_labels_count_less(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "prompt": "hi", "chosen": "x", "rejected": "y", "agreement": 1.0, "weight": 3},
        {"id": "b", "prompt": "hi", "chosen": "x", "rejected": "y", "agreement": 0.5},
        {"id": "c", "prompt": "hi", "chosen": "x", "rejected": "y", "agreement": None},
    ]
    read = read_examples(write(tmp_path / "rows.jsonl", *rows))
    assert [row.weight for row in weigh_by_agreement(read)] == [3.0, 0.5, 0.75]
    with pytest.raises(InputError, match="no row says how far its raters agree"):
        weigh_by_agreement(read[2:])
    with pytest.raises(InputError, match=r"1 of 2 rows have an agreement of 0 \(b\)"):
        weigh_by_agreement([read[0], replace(read[1], agreement=0.0)])


def test_a_hub_name_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"^nobody/nothing: cannot be read \([^\n]*$"):
        read_examples("nobody/nothing")


CALL = {"type": "function", "function": {"name": "find", "arguments": {"id": 7}}}
CALLED = '<tool_call>{"name": "find", "arguments": {"id": 7}}</tool_call>'


def test_calls_of_tools_are_learnt_as_blocks(tmp_path: Path) -> None:
    asked = {"role": "user", "content": "Where is it?"}
    calls = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    said = {"role": "assistant", "content": "Here."}
    told = {"role": "tool", "content": "on the shelf"}
    path = write(
        tmp_path / "d.jsonl",
        {
            "id": "pair",
            "prompt": [asked],
            "chosen": [calls | {"content": "ok"}],
            "rejected": [said],
        },
        {"id": "talk", "messages": [asked, calls, told, said]},
    )
    pair, first, second = read_examples(path)
    assert pair.completions == (f"ok\n{CALLED}", "Here.")
    assert (first.completions, second.completions) == ((CALLED,), ("Here.",))
    assert [turn["role"] for turn in second.messages] == ["user", "assistant", "tool"]


TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def test_tools_are_read_as_a_list_and_as_json(tmp_path: Path) -> None:
    pair = {"prompt": "p", "chosen": "good", "rejected": "bad"}
    nulls = TOOL | {"strict": None}
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    path = write(
        tmp_path / "d.jsonl",
        pair | {"tools": [nulls]},
        pair | {"tools": json.dumps([TOOL])},
        {"messages": turns, "tools": [TOOL["function"]]},
        pair | {"tools": None},
    )
    assert [e.tools for e in read_examples(path)] == [(nulls,), (TOOL,), (TOOL["function"],), ()]


def test_what_is_null_in_json_is_said_and_in_a_table_is_missing(tmp_path: Path) -> None:
    def row(n: int, arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
        call = {"function": {"name": "book", "arguments": arguments}}
        answer = {"role": "assistant", "content": None, "tool_calls": [call]}
        tool = {"name": "book", "parameters": arguments}
        return {"prompt": f"q{n}", "completion": [answer], "tools": [tool], **more}

    rows = [
        row(1, {"n": 1, "date": None}, weight=None, head=None, cohort=None, chosen=None),
        row(2, {"n": 2, "date": "May"}, weight=2.0, margin=None, text=None, ranking=None),
    ]
    said = read_examples(write(tmp_path / "d.jsonl", *rows))
    assert said[0].completions == (ToolCall("book", {"n": 1, "date": None}).render(),)
    assert said[0].tools == ({"name": "book", "parameters": {"n": 1, "date": None}},)
    assert [e.weight for e in said] == [1.0, 2.0]
    Dataset.from_list(rows).to_parquet(tmp_path / "d.parquet")
    table = read_examples(tmp_path / "d.parquet")
    assert table[0].completions == (ToolCall("book", {"n": 1}).render(),)
    assert table[0].tools == ({"name": "book", "parameters": {"n": 1}},)
    assert table[1] == replace(said[1], id=table[1].id)


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ([{"function": {"arguments": {}}}], "tool_calls is not a list of calls, each with the"),
        ("book", "tool_calls is not a list"),
        ({"name": "book"}, "tool_calls is not a list"),
        ([1], "tool_calls is not a list"),
        ([{"function": None}], "tool_calls is not a list"),
        ([{"function": {"name": "book", "arguments": [1]}}], "of a call of book are no JSON obj"),
        ([{"function": {"name": "book", "arguments": '{"a":'}}], "of a call of book are no JSON"),
    ],
)
def test_calls_that_are_none_are_named_by_their_line(calls, told, tmp_path: Path) -> None:
    turn = {"role": "assistant", "content": "", "tool_calls": calls}
    asked = {"role": "user", "content": "q"}
    path = write(tmp_path / "d.jsonl", {"messages": [asked, turn]})
    with pytest.raises(InputError, match=f"line 1: .*{told}"):
        read_examples(path)


def test_an_answer_of_somebody_else_is_none(tmp_path: Path) -> None:
    asked, said = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
    for row in (
        {"prompt": "p", "chosen": [asked], "rejected": [said]},
        {"chosen": [asked, said, asked], "rejected": [asked, said, said]},
    ):
        path = write(tmp_path / "d.jsonl", row)
        with pytest.raises(InputError, match="chosen is a message of the role user and not"):
            read_examples(path)


@pytest.mark.parametrize(
    ("tools", "told"),
    [
        ([{}], "tools is not a list of functions, each with its name"),
        ({"name": "find"}, "tools is not a list of functions"),
        ("find", "tools is a text and no JSON"),
        ('{"a": 1}', "tools is not a list of functions"),
    ],
)
def test_tools_of_another_shape_are_named(tmp_path: Path, tools: Any, told: str) -> None:
    row = {"prompt": "p", "completion": "c", "tools": tools}
    with pytest.raises(InputError, match=f"line 1: {told}"):
        read_examples(write(tmp_path / "t.jsonl", row))


def test_a_text_offers_no_tools(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: tools beside a text"):
        read_examples(write(tmp_path / "t.jsonl", {"text": "t", "tools": [TOOL]}))


def test_nulls_of_a_table_are_no_arguments(tmp_path: Path) -> None:
    from datasets import Dataset

    def row(arguments: dict[str, Any]) -> dict[str, Any]:
        call = {"function": {"name": "find", "arguments": arguments}}
        turns = [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "r"},
            {"role": "assistant", "content": "a"},
        ]
        return {"messages": turns}

    Dataset.from_list([row({"a": 1}), row({"b": 2})]).to_parquet(tmp_path / "d.parquet")
    one, _, other, _ = read_examples(tmp_path / "d.parquet")
    assert one.completions == ('<tool_call>{"name": "find", "arguments": {"a": 1}}</tool_call>',)
    assert other.completions == ('<tool_call>{"name": "find", "arguments": {"b": 2}}</tool_call>',)


def test_whole_conversations_may_have_their_prompt_and_the_chosen_one_beside(
    tmp_path: Path,
) -> None:
    def talk(answer: str) -> list[dict[str, str]]:
        return [{"role": "user", "content": "why?"}, {"role": "assistant", "content": answer}]

    row = {"prompt": "why?", "chosen": talk("so"), "rejected": talk("no"), "messages": talk("so")}
    (found,) = read_examples(write(tmp_path / "d.jsonl", row))
    assert found.completions == ("so", "no")
    assert found.messages == ({"role": "user", "content": "why?"},)
    with pytest.raises(InputError, match="prompt is in no message before the last of chosen"):
        read_examples(write(tmp_path / "e.jsonl", row | {"prompt": "who?"}))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"chosen": "a: b", "rejected": "a: c"}, "chosen without a prompt; part what both begin"),
        ({"prompt": "a", "rejected": "c"}, "chosen is missing"),
        ({"prompt": "a", "completion": "b", "weight": float("inf")}, "weight is not finite"),
        ({"prompt": "a", "completion": "b", "agreement": 7}, "agreement is no share from 0 to 1"),
        ({"prompt": "a", "completion": "\ud800"}, "a text with half of a surrogate pair"),
    ],
)
def test_rows_that_no_model_can_learn_from_are_named(
    tmp_path: Path, row: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=f"line 1: {told}"):
        read_examples(write(tmp_path / "d.jsonl", row))


def test_a_row_without_an_id_is_named_by_its_line(tmp_path: Path) -> None:
    row = {"prompt": "p", "chosen": "a", "rejected": "b"}
    found = read_examples(write(tmp_path / "d.jsonl", "\n\n".join([json.dumps(row)] * 2)))
    assert [example.id.partition(",")[0] for example in found] == ["line 1", "line 3"]
    other = read_examples(write(tmp_path / "e.jsonl", json.dumps(row | {"chosen": "c"})))
    assert other[0].id != found[0].id, "rows of two files are told apart"


def test_who_speaks_is_known(tmp_path: Path) -> None:
    turns = [{"role": "usr", "content": "p"}, {"role": "assistant", "content": "a"}]
    with pytest.raises(InputError, match=r"line 1: messages is not .* a role \(system, user, "):
        read_examples(write(tmp_path / "d.jsonl", json.dumps({"messages": turns})))
