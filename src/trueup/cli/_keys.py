"""`trueup member key`: API keys, by which programs act for a member."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

from cyclopts import App, Parameter

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.errors import InputError
from trueup.people import ApiKey, Permission, list_keys, make_key, revoke_key

__all__ = ["app"]

app = App(name="key", help="API keys: programs act for a member by them.")
_LONGEST = 36_500  # days


@app.command
def add(
    member: str,
    name: str,
    /,
    *,
    scope: Annotated[tuple[Permission, ...], Parameter(name="--scope")],
    days: float | None = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key for a member and print it; it cannot be shown again.

    Args:
        member: The member's name, email or id.
        name: What the key is for.
        scope: What it may do, of what the member may; give it several times.
        days: For how many days it is good; without it, until it is revoked.
    """
    if days is not None and not 0 < days <= _LONGEST:
        raise InputError(f"--days {days}: give more than 0 and at most {_LONGEST}")
    until = None if days is None else datetime.now(UTC) + timedelta(days=days)
    with open_store(store) as opened:
        made = make_key(opened, member, name, scope, expires_at=until)
    if as_json:
        show_json({"key": made.key, **asdict(made.kept)})
        return
    show_facts(
        {
            "key": made.key,
            "id": made.kept.id,
            "acts for": made.kept.owner,
            "may": ", ".join(made.kept.scopes),
            "good until": _until(made.kept),
        }
    )


@app.command(name="list")
def list_(
    member: str | None = None, /, *, store: StoreOption = None, as_json: JsonOption = False
) -> None:
    """List the API keys of a member, or all.

    Args:
        member: The member's name, email or id; without one, everybody's.
    """
    with open_store(store) as opened:
        found = list_keys(opened, member)
    if as_json:
        show_json([asdict(key) for key in found])
        return
    rows = [
        (
            key.id,
            key.owner,
            key.name,
            key.prefix,
            ", ".join(key.scopes),
            None if key.last_used_at is None else f"{key.last_used_at:%Y-%m-%d %H:%M}",
            _until(key),
        )
        for key in found
    ]
    show_table(("key", "acts for", "name", "begins", "may", "used last", "good until"), rows)


@app.command
def revoke(key: str, /, *, store: StoreOption = None) -> None:
    """Have an API key let nobody in any more.

    Args:
        key: Its id, as `trueup member key list` shows it.
    """
    with open_store(store) as opened:
        revoke_key(opened, key)
    say(f"key {key} is revoked")


def _until(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M}"
    return "it is revoked" if key.expires_at is None else f"{key.expires_at:%Y-%m-%d %H:%M}"
