import io
import json
import sys

import pytest

from trueup.cli import main
from trueup.errors import AccessDenied
from trueup.people import (
    Identity,
    accept,
    get_member,
    key_owner,
    list_members,
    sign_in,
    sign_in_with,
)

pytestmark = pytest.mark.one_database

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


def test_invitations_are_listed_and_cancelled(store, ana, capsys):
    run("invite", "--role", "senior", "--email", "c@x.org", "--json")
    token = json.loads(capsys.readouterr().out)["token"]
    assert run("invitations", "--json") == 0
    [sent] = json.loads(capsys.readouterr().out)
    assert (sent["role"], sent["email"], sent["state"]) == ("senior", "c@x.org", "open")
    assert token not in str(sent)
    assert run("invitations") == 0
    line = next(row for row in capsys.readouterr().out.splitlines() if sent["id"] in row)
    assert line.split()[:4] == [sent["id"], "senior", "c@x.org", "open"]
    assert run("cancel", sent["id"]) == 0
    assert run("cancel", sent["id"]) == 1
    assert "take an id from the list of invitations" in capsys.readouterr().err
    with pytest.raises(AccessDenied):
        accept(store, token, "cleo", PASSWORD)


def test_keys_are_made_listed_and_revoked(store, ana, capsys):
    scopes = ("--scope", "label", "--scope", "export")
    assert run("key", "add", "ana", "nightly", *scopes, "--days", "30", "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert key_owner(store, made["key"]).permissions == {"label", "export"}
    assert run("key", "add", "ANA", "more", "--scope", "label") == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert key_owner(store, shown["key"]).name == "ana"
    assert run("key", "list", "ana") == 0
    lines = [row.split() for row in capsys.readouterr().out.splitlines()]
    [line] = [row for row in lines if made["id"] in row]
    assert line[1:6] == ["ana", "nightly", made["prefix"], "export,", "label"]
    assert run("key", "revoke", made["id"]) == 0
    assert key_owner(store, made["key"]) is None
    assert run("key", "list", "--json") == 0
    listed = capsys.readouterr().out
    listed = json.loads(listed[listed.index("[") :])
    assert [bool(key["revoked_at"]) for key in listed] == [False, True]
    assert made["key"] not in str(listed)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "ana", "k"), 2, "--scope"),
        (("add", "ana", "k", "--scope", "fly"), 2, "fly"),
        (("add", "ana", "k", "--scope", "label", "--days", "0"), 1, "more than 0"),
        (("add", "ana", "k", "--scope", "label", "--days", "nan"), 1, "more than 0"),
        (("add", "nobody", "k", "--scope", "label"), 1, "no member 'nobody'"),
        (("revoke", "nope"), 1, "no API key 'nope'"),
        (("list", "nobody"), 1, "no member 'nobody'"),
    ],
)
def test_what_is_wrong_with_a_key_is_one_line(store, ana, capsys, arguments, code, said):
    assert run("key", *arguments) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_a_member_without_a_password_comes_by_a_provider_and_is_unlinked(store, ana, capsys):
    assert run("add", "ben", "--email", "b@x.org", "--no-password") == 0
    assert not get_member(store, "ben").has_password
    sign_in_with(store, Identity("https://id", "b-1", "", "b@x.org", True))
    assert run("list") == 0
    assert "https://id" in capsys.readouterr().out
    assert run("set", "ben", "--unlink") == 0
    assert get_member(store, "ben").issuer is None
