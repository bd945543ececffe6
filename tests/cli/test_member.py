import io
import json
import sys

import pytest

from trueup.cli import main
from trueup.people import accept, get_member, list_members, sign_in

PASSWORD = "correct horse battery"


def run(*arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["member", *map(str, arguments)])
    return stopped.value.code


@pytest.fixture
def typed(monkeypatch):
    """Return a function that puts a text on standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return put


@pytest.fixture
def ana(store, typed, capsys):
    """An admin, added by the command."""
    typed(f"{PASSWORD}\n")
    assert run("add", "ana", "--role", "admin", "--password-stdin") == 0
    capsys.readouterr()


def test_the_first_member_added_makes_the_store(tmp_path, monkeypatch, typed, capsys):
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "new"))
    assert run("list") == 1
    assert "no store at" in capsys.readouterr().err
    typed(f"{PASSWORD}\r\n")
    assert run("add", "Ana", "--role", "admin", "--tag", "law", "--password-stdin") == 0
    assert capsys.readouterr().out == "Ana is a member: admin\n"
    assert run("list") == 0
    assert "Ana" in capsys.readouterr().out


def test_members_are_listed(store, ana, typed, capsys):
    typed(PASSWORD)
    options = ("--email", "b@x.org", "--tag", "tax", "--tag", "law", "--team", "night", "--json")
    assert run("add", "ben", *options, "--password-stdin") == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["role"], made["tags"], made["teams"]) == ("reviewer", ["law", "tax"], ["night"])
    assert run("list", "--json") == 0
    assert [m["name"] for m in json.loads(capsys.readouterr().out)] == ["ana", "ben"]
    assert run("list") == 0
    line = next(row for row in capsys.readouterr().out.splitlines() if "ben" in row)
    assert line.split() == ["ben", "reviewer", "b@x.org", "night", "law,", "tax", "yes", "yes"]
    assert sign_in(store, "b@x.org", PASSWORD)[1].name == "ben"


def test_a_prompt_asks_twice(store, monkeypatch, capsys):
    answers = [PASSWORD, "another", PASSWORD, PASSWORD]
    monkeypatch.setattr("trueup.cli.member.getpass", lambda _: answers.pop(0))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert run("add", "ana", "--role", "admin") == 1
    assert "member ana: the two passwords differ" in capsys.readouterr().err
    assert run("add", "ana", "--role", "admin") == 0
    assert answers == []
    assert sign_in(store, "ana", PASSWORD)[1].name == "ana"


def test_without_a_terminal_nothing_is_asked(store, typed, capsys):
    typed(PASSWORD)
    assert run("add", "ana") == 1
    assert "give it with --password-stdin" in capsys.readouterr().err
    typed("")
    assert run("add", "ana", "--password-stdin") == 1
    assert "the password has 0 characters; give 12 to 1000" in capsys.readouterr().err
    assert list_members(store) == []


def test_set_changes_what_is_given(store, ana, typed, capsys):
    typed(PASSWORD)
    run("add", "ben", "--tag", "law", "--password-stdin")
    assert run("set", "BEN", "--role", "senior", "--team", "a", "--team", "b") == 0
    assert capsys.readouterr().out.endswith("ben is set: senior\n")
    assert run("set", "ben", "--inactive", "--empty-tag", "--json") == 0
    changed = json.loads(capsys.readouterr().out)
    assert (changed["active"], changed["tags"], changed["teams"]) == (False, [], ["a", "b"])
    assert run("set", "ben", "--active") == 0
    assert get_member(store, "ben").active


def test_set_gives_a_new_password_by_itself(store, ana, typed, capsys):
    typed("another horse battery")
    assert run("set", "ana", "--password-stdin") == 0
    assert sign_in(store, "ana", "another horse battery")[1].name == "ana"
    for arguments in ((), ("--password-stdin", "--role", "viewer")):
        assert run("set", "ana", *arguments) == 1
        assert "or else a new password by itself" in capsys.readouterr().err


def test_errors_are_one_line(store, ana, capsys):
    assert run("set", "nobody", "--inactive") == 1
    assert "no member 'nobody'" in capsys.readouterr().err
    assert run("set", "ana", "--role", "viewer") == 1
    captured = capsys.readouterr()
    assert "ana is the last active admin" in captured.err
    assert captured.err.count("\n") == 1
    assert run("set", "ana", "--role", "boss") == 2


def test_an_invitation_is_printed_once(store, ana, capsys):
    assert run("invite", "--role", "senior") == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["role"] == "senior"
    assert shown["good"].endswith("UTC, once")
    assert accept(store, shown["token"], "ben", PASSWORD).role == "senior"
    assert run("invite", "--email", "c@x.org", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert set(made) == {"token", "role", "expires_at"}
    assert accept(store, made["token"], "cleo", PASSWORD).email == "c@x.org"
