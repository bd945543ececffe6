from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from trueup.cli.chat import chat
from trueup.errors import InputError
from trueup.models import LocalSampler, load_model


def answers(folder: Path, *asked: str, system: str | None = None) -> list[str]:
    """What the model says, a plain call a turn."""
    sampler = LocalSampler(load_model(folder, dtype="auto"))
    turns = [{"role": "system", "content": system}] if system else []
    found = []
    for text in asked:
        turns.append({"role": "user", "content": text})
        ((answer,),) = sampler.sample([turns], max_new_tokens=8)
        turns.append({"role": "assistant", "content": answer.text})
        found.append(answer.text)
    return found


def test_every_turn_sees_those_before_it(
    tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat(
        str(tiny_model_dir),
        message=("a claim", "and now?"),
        system="Be brief.",
        max_new_tokens=8,
        as_json=True,
    )
    told = json.loads(capsys.readouterr().out)
    assert [turn["message"] for turn in told] == ["a claim", "and now?"]
    expected = answers(tiny_model_dir, "a claim", "and now?", system="Be brief.")
    assert [turn["answer"] for turn in told] == expected
    assert expected[1] != answers(tiny_model_dir, "and now?", system="Be brief.")[0]


def test_turns_are_read_until_an_empty_line(
    tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n\nthree\n"))
    chat(str(tiny_model_dir), max_new_tokens=1)
    assert capsys.readouterr().out.count("[cut]") == 2


def test_bytes_that_are_no_text_are_marked(
    tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"one \xff\xfe\n"), errors="surrogateescape")
    monkeypatch.setattr("sys.stdin", given)
    chat(str(tiny_model_dir), max_new_tokens=1)
    assert "[cut]" in capsys.readouterr().out


def test_json_needs_the_turns(tiny_model_dir: Path) -> None:
    with pytest.raises(InputError, match="give the turns with --message"):
        chat(str(tiny_model_dir), as_json=True)
