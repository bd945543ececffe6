"""Read training examples from files, in the shapes that preference and chat data comes in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from trueup.errors import InputError
from trueup.models import answer_text
from trueup.training.groups import reject
from trueup.types import Example, Message

__all__ = ["read_examples", "weigh_by_agreement"]

Turns = tuple[Message, ...]

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
"""Who may speak in a conversation."""


def read_examples(path: str | Path) -> list[Example]:
    """Read examples from JSON lines or a list, a Parquet file, or a folder that `datasets` saved.

    A row holds one of

        prompt, chosen, rejected    a pair; without `rejected`, an answer to imitate
        chosen, rejected            whole conversations that differ in their last answer, and a
                                    prompt beside them that is how they begin, if any
        prompt, ranking             a list of answers, the best first; with `ranks`, a number for
                                    each and never falling, those of equal ones are tied
        prompt, completion          an answer to imitate, or, with `label`, wanted or not
        messages                    a conversation: an example for each of the assistant's turns
        text                        a document to go on pretraining on

    where a prompt is a text or a list of messages, and an answer a text or the assistant's message.
    An answer's tool calls are learnt as `<tool_call>` blocks after its text.
    `id`, `weight`, `cohort` and `agreement` are optional, as are `margin` of a pair, `head` of a
    reward and `tools`: schemas of the functions that the prompt offers, as a list or the JSON of
    one. A name OWNER/NAME that is no file is a data set of the Hugging Face hub, whose training
    split is read.

    Raises:
        InputError: the file is missing, empty or of another kind, or rows are not examples; names
            the lines.
    """
    examples, bad = [], []
    for number, row in _rows(Path(path).expanduser()):
        try:
            examples += _examples(row, number)
        except ValueError as error:
            bad.append(f"line {number}: {error}")
    if bad:
        more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise InputError(f"{path}: {'; '.join(bad[:3])}{more}; mend or remove them")
    if not examples:
        raise InputError(f"{path}: no examples in it; give one JSON object a line")
    return examples


def weigh_by_agreement(examples: Sequence[Example]) -> list[Example]:
    """Return the examples with their weights times the share of rater pairs that agree on each.

    Those of which it is not known, with one rater, take the mean of the others.

    Raises:
        InputError: it is known of none, or there is one on which nobody agrees; names those.
    """
    known = [example.agreement for example in examples if example.agreement is not None]
    if not known:
        raise InputError("no row says how far its raters agree: leave out weighing by agreement")
    reject(examples, "an agreement of 0", lambda e: e.agreement == 0, remedy="remove them")
    mean = sum(known) / len(known)
    return [
        replace(e, weight=e.weight * (mean if e.agreement is None else e.agreement))
        for e in examples
    ]


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the rows with their numbers from 1: texts of JSON lines, or values."""
    if path.is_dir() or path.suffix == ".parquet" or _is_hub_name(path):
        yield from enumerate(_table_rows(path), 1)
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix in (".csv", ".tsv"):
            raise ValueError(f"{path.suffix} files are not")
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file or folder; check the name") from error
    except (OSError, ValueError) as error:
        why = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else error
        raise InputError(
            f"{path}: cannot be read ({why}); give JSON lines, a .parquet file or a folder that "
            "datasets saved"
        ) from error
    if (rows := _listed(text)) is not None:
        yield from enumerate(rows, 1)
        return
    # not splitlines: JSON leaves line separators such as U+2028 inside a string as they are
    yield from ((n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip())


def _listed(text: str) -> list[Any] | None:
    """Return the rows of a file that is one JSON list; None if it is not."""
    try:
        rows = json.loads(text) if text.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        return None
    return rows if isinstance(rows, list) else None


def _table_rows(path: Path) -> Iterable[Mapping[str, Any]]:
    from datasets import Dataset, load_dataset, load_from_disk

    try:
        if _is_hub_name(path):
            table = load_dataset(str(path), split="train")
        elif path.is_dir():
            table = load_from_disk(str(path))
        else:
            table = Dataset.from_parquet(str(path))
    # datasets raises errors of its own, of pyarrow and of the file system
    except Exception as error:
        told = " ".join(str(error).split())
        raise InputError(
            f"{path}: cannot be read ({told}); give JSON lines, a .parquet file or a folder that "
            "datasets saved"
        ) from error
    if not isinstance(table, Dataset):
        splits = ", ".join(sorted(table))
        raise InputError(f"{path}: holds several splits ({splits}); name the folder of one")
    # what other rows need is null in those that do not have it, at any depth
    return map(_without_nulls, table)


def _is_hub_name(path: Path) -> bool:
    return len(path.parts) == 2 and not path.suffix and not path.exists()


def _examples(row: Any, number: int) -> list[Example]:
    content = row if isinstance(row, str) else json.dumps(row, sort_keys=True, default=str)
    if isinstance(row, str):
        try:
            row = json.loads(row)
        except (ValueError, RecursionError) as error:
            raise ValueError("not JSON, or nested too deep") from error
    try:
        json.dumps(row, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise ValueError("a text with half of a surrogate pair in it") from error
    if not isinstance(row, Mapping):
        raise ValueError("not a JSON object")  # noqa: TRY004  (the line is named by the caller)
    row = {name: value for name, value in row.items() if value is not None}
    more = _more(row)
    # by its place, for people, and by what it holds, so that rows of two files differ
    name = str(row.get("id") or f"line {number}, {sha256(content.encode()).hexdigest()[:12]}")
    if "messages" in row and "chosen" not in row:
        turns = _conversation(row)
        return [
            Example(f"{name}/{place}", prompt, (answer,), **more)
            for place, (prompt, answer) in enumerate(turns)
        ]
    if "text" in row:
        return [Example(name, (), (_document(row),), **more)]
    prompt, completions = _prompt_and_completions(row)
    ranks = _ranks(row, completions)
    return [Example(name, prompt, completions, desirable=_label(row), ranks=ranks, **more)]


def _more(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what any row may say beside its texts."""
    found: dict[str, Any] = {}
    for name in ("weight", "margin", "agreement"):
        if name in row:
            if isinstance(row[name], bool) or not isinstance(row[name], int | float):
                raise ValueError(f"{name} is not a number")
            if not abs(row[name]) < 1e30:
                raise ValueError(f"{name} is not finite")
            if name == "agreement" and not 0 <= row[name] <= 1:
                raise ValueError("agreement is no share from 0 to 1")
            found[name] = float(row[name])
    if row.get("tools"):
        found["tools"] = _tools(row["tools"])
    for name in ("head", "cohort"):
        if name in row:
            if not isinstance(row[name], str):
                raise ValueError(f"{name} is not a text")
            found[name] = row[name]
    return found


def _tools(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Return schemas of functions; a table keeps those of many forms as JSON."""
    try:
        given = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError) as error:
        raise ValueError("tools is a text and no JSON") from error
    if not isinstance(given, list) or not all(_is_tool(tool) for tool in given):
        raise ValueError("tools is not a list of functions, each with its name")
    return tuple(given)


def _is_tool(value: Any) -> bool:
    """Say whether a value is a function's schema, or a call, by itself or as OpenAI wraps it."""
    function = value.get("function", value) if isinstance(value, Mapping) else None
    return isinstance(function, Mapping) and isinstance(function.get("name"), str)


def _document(row: Mapping[str, Any]) -> str:
    if "prompt" in row or "chosen" in row:
        raise ValueError("both text and a prompt; give one of them")
    if row.get("tools"):
        raise ValueError("tools beside a text; they belong to a prompt")
    if not isinstance(row["text"], str) or not row["text"].strip():
        raise ValueError("text is missing or empty")
    return row["text"]


def _conversation(row: Mapping[str, Any]) -> list[tuple[Turns, str]]:
    """Return each of the assistant's turns with all that went before it."""
    messages = row["messages"]
    if not _are_messages(messages):
        raise ValueError(
            "messages is not a list of messages, each with a role (system, user, assistant, tool) "
            "and content"
        )
    turns = tuple(_clean(message) for message in messages)
    found = []
    for place, turn in enumerate(turns):
        if turn["role"] == "assistant" and place:
            found.append((turns[:place], answer_text(turn)))
    if not found:
        raise ValueError("messages has no turn of the assistant that answers something")
    return found


def _prompt_and_completions(row: Mapping[str, Any]) -> tuple[Turns, tuple[str, ...]]:
    prompt, chosen = row.get("prompt"), row.get("chosen")
    if not _are_messages(prompt) and _are_messages(chosen) and len(chosen) > 1:  # type: ignore[arg-type]
        return _implicit_prompt(row)
    if "prompt" not in row and isinstance(chosen, str):
        raise ValueError("chosen without a prompt; part what both begin with from the answers")
    if isinstance(prompt, str) and prompt.strip():
        return ({"role": "user", "content": prompt},), _completions(row)
    if _are_messages(prompt):
        return tuple(_clean(message) for message in prompt), _completions(row)  # type: ignore[union-attr]
    if prompt is None:
        raise ValueError(f"no prompt, messages or text in it, only {', '.join(row) or 'nothing'}")
    raise ValueError("prompt is neither a text nor a list of messages with role and content")


def _implicit_prompt(row: Mapping[str, Any]) -> tuple[Turns, tuple[str, ...]]:
    """Part whole conversations into what they share and their last answers."""
    names = [name for name in ("chosen", "rejected") if name in row]
    if not all(_are_messages(row[name]) for name in names):
        raise ValueError("rejected is not a conversation as chosen is")
    prompts = [tuple(_clean(message) for message in row[name][:-1]) for name in names]
    if any(prompt != prompts[0] for prompt in prompts):
        raise ValueError("chosen and rejected differ before their last message")
    if isinstance(row.get("prompt"), str) and row["prompt"] not in (
        t.get("content") for t in prompts[0]
    ):
        raise ValueError("prompt is in no message before the last of chosen")
    return prompts[0], tuple(_text(row[name][-1:], name) for name in names)


def _completions(row: Mapping[str, Any]) -> tuple[str, ...]:
    if "ranking" in row:
        return _ranking(row)
    names = ("chosen", "rejected") if {"chosen", "rejected"} & set(row) else ("completion",)
    if "completion" in row and "chosen" in row:
        raise ValueError("both completion and chosen; give one of them")
    return tuple(_text(row.get(name), name) for name in names if name in row or name != "rejected")


def _ranking(row: Mapping[str, Any]) -> tuple[str, ...]:
    ranking = row["ranking"]
    if "chosen" in row or "completion" in row:
        raise ValueError("both ranking and another answer; give one of them")
    if not isinstance(ranking, list) or len(ranking) < 2:
        raise ValueError("ranking is not a list of two or more answers")
    # an answer that is one message may lie in a list by itself, as elsewhere
    answers = [[answer] if isinstance(answer, Mapping) else answer for answer in ranking]
    return tuple(_text(answer, "an answer of ranking") for answer in answers)


def _ranks(row: Mapping[str, Any], completions: Sequence[str]) -> tuple[int, ...]:
    """Return each answer's place from 1 on; () where no two share one."""
    given = row.get("ranks")
    if given is None:
        return ()
    if "ranking" not in row:
        raise ValueError("ranks without a ranking; leave them out")
    if (
        not isinstance(given, list)
        or len(given) != len(completions)
        or not all(_whole(rank) for rank in given)
        or sorted(given) != given
    ):
        raise ValueError("ranks is not a whole number for each answer of ranking, never falling")
    if given[0] == given[-1]:
        raise ValueError("ranks says that all answers are tied; there is nothing to learn from")
    places = tuple(1 + sum(other < rank for other in given) for rank in given)
    return places if len(set(places)) < len(places) else ()


def _whole(number: Any) -> bool:
    """Say whether it is a whole number, in a table perhaps written as 1.0."""
    return type(number) in (int, float) and number % 1 == 0


def _label(row: Mapping[str, Any]) -> bool | None:
    label = row.get("label")
    if label is None:
        return None
    if "completion" in row:
        if isinstance(label, int | float) and label in (0, 1):  # as tables have it
            return bool(label)
        raise ValueError("label is neither true nor false, nor 1 or 0")
    raise ValueError("a label beside chosen; it belongs to a completion")


def _text(value: Any, name: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1 and _is_message(value[0]):
        if (role := value[0]["role"]) != "assistant":
            raise ValueError(f"{name} is a message of the role {role} and not the assistant's")
        return answer_text(_clean(value[0]))
    raise ValueError(f"{name} is missing, or neither a text nor one assistant message")


def _are_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_message(turn) for turn in value)


def _is_message(value: Any) -> bool:
    """Say whether a value is a turn: with a text, or without one and with calls of tools."""
    if not isinstance(value, Mapping) or value.get("role") not in ROLES:
        return False
    content = value.get("content")
    return isinstance(content, str) or (content is None and bool(value.get("tool_calls")))


def _clean(message: Mapping[str, Any]) -> Message:
    """Drop a turn's nulls, which stand for what only other turns have, and look at its calls."""
    _check_calls(message.get("tool_calls") or [])
    return {key: v for key, v in message.items() if v is not None or key == "content"}


def _check_calls(calls: Any) -> None:
    named = isinstance(calls, list) and all(map(_is_tool, calls))
    if not named:
        raise ValueError("tool_calls is not a list of calls, each with the name of its function")
    for call in calls:
        function = call.get("function", call)
        arguments = function.get("arguments", {})
        try:
            given = json.loads(arguments) if isinstance(arguments, str) else arguments
        except (ValueError, RecursionError):
            given = None
        whole = isinstance(given, Mapping)
        if not whole:
            raise ValueError(f"the arguments of a call of {function['name']} are no JSON object")


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_nulls(v)
            for key, v in value.items()
            if v is not None or (key == "content" and "role" in value)
        }
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value
