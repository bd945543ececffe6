"""`trueup member`: who may sign in to the service, and what they may do there."""

from __future__ import annotations

import sys
from dataclasses import asdict
from getpass import getpass
from typing import Annotated

from cyclopts import App, Parameter

from trueup.cli._invitations import cancel, invitations, invite_
from trueup.cli._keys import app as keys
from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_json,
    show_table,
)
from trueup.errors import InputError
from trueup.people import (
    Member,
    Role,
    add_member,
    get_member,
    list_members,
    set_member,
    set_password,
)
from trueup.store import Store

__all__ = ["app"]

app = App(name="member")
app.command(keys)
app.command(invite_, name="invite")
app.command(invitations)
app.command(cancel)

Tags = Annotated[tuple[str, ...] | None, Parameter(name="--tag")]
Teams = Annotated[tuple[str, ...] | None, Parameter(name="--team")]
FromStdin = Annotated[bool, Parameter(name="--password-stdin", negative="")]


@app.command(name="list")
def list_(*, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the members."""
    with open_store(store) as opened:
        found = list_members(opened)
    if as_json:
        show_json([asdict(member) for member in found])
        return
    columns = ("member", "role", "email", "teams", "tags", "active", "password", "provider")
    show_table(columns, [_cells(member) for member in found])


@app.command
def add(
    name: str,
    /,
    *,
    role: Role = "reviewer",
    email: str = "",
    tag: Tags = None,
    team: Teams = None,
    password_stdin: FromStdin = False,
    no_password: Annotated[bool, Parameter(negative="")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a member with a password; `invite` has them take one themselves.

    Args:
        name: What labels name as their reviewer; it cannot change.
        role: What they may do.
        email: Another name to sign in with.
        tag: Their expertise; give it several times.
        team: The teams they are in; give it several times.
        password_stdin: Read the password from standard input, not from a prompt.
        no_password: Give none: they sign in by an OpenID provider that knows their email.
    """
    password = None if no_password else _read_password(name, from_stdin=password_stdin)
    with Store.open(store) as opened:
        made = add_member(
            opened, name, role, password=password, email=email, tags=tag or (), teams=team or ()
        )
    _show(made, f"{made.name} is a member", as_json=as_json)


@app.command(name="set")
def set_(
    name: str,
    /,
    *,
    role: Role | None = None,
    email: str | None = None,
    tag: Tags = None,
    team: Teams = None,
    active: Annotated[bool | None, Parameter(negative="--inactive")] = None,
    unlink: Annotated[bool, Parameter(negative="")] = False,
    new_password: Annotated[bool, Parameter(negative="")] = False,
    password_stdin: FromStdin = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what a member may do, or who they are; what is left out stays.

    Args:
        name: The member's name, email or id.
        role: What they may do.
        email: Another name to sign in with; "" takes it away.
        tag: All of their expertise; give it several times.
        team: All of their teams; give it several times.
        active: Whether they may sign in.
        unlink: Forget which account of an OpenID provider is theirs.
        new_password: Ask for a new password, and sign them out everywhere.
        password_stdin: Read a new password from standard input, not from a prompt.
    """
    renew = new_password or password_stdin
    others = unlink or any(given is not None for given in (role, email, tag, team, active))
    if renew == others:
        raise InputError(
            f"member {name}: give --role, --tag, --inactive or others, or else a new password by "
            "itself"
        )
    with open_store(store) as opened:
        member = get_member(opened, name)
        if renew:
            set_password(opened, member.id, _read_password(name, from_stdin=password_stdin))
        else:
            set_member(
                opened,
                member.id,
                role=role,
                email=email,
                tags=tag,
                teams=team,
                active=active,
                unlink=unlink,
            )
        changed = get_member(opened, member.id)
    _show(changed, f"{changed.name} is set", as_json=as_json)


def _cells(member: Member) -> tuple[object, ...]:
    teams, tags = ", ".join(member.teams), ", ".join(member.tags)
    signs_in = (member.active, member.has_password, member.issuer)
    return (member.name, member.role, member.email, teams, tags, *signs_in)


def _read_password(name: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise InputError(
            f"member {name}: there is no terminal to ask for the password at; "
            "give it with --password-stdin"
        )
    password = getpass(f"Password for {name}: ")
    if getpass("Again: ") != password:
        raise InputError(f"member {name}: the two passwords differ; try again")
    return password


def _show(member: Member, said: str, *, as_json: bool) -> None:
    if as_json:
        show_json(asdict(member))
    else:
        state = "" if member.active else ", inactive"
        say(f"{said}: {member.role}{state}")
