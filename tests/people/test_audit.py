"""Every change has its event, goes with it, and neither holds a secret."""

import pytest

from trueup.errors import SignInError
from trueup.people import (
    Identity,
    accept,
    add_member,
    begin_sign_in,
    cancel_invitation,
    end_sessions,
    first_invitation,
    invite,
    key_owner,
    list_invitations,
    make_key,
    note_failed_sign_in,
    revoke_key,
    session_of,
    set_member,
    set_password,
    sign_in,
    sign_in_with,
    sign_out,
)
from trueup.store import events
from trueup.store.events import list_events

pytestmark = pytest.mark.one_database

OTHER = "another horse battery"
BEN = Identity("https://id", "b-1", email="ben@example.org", email_verified=True)
NEW = Identity("https://id", "n-1", "new")


class Broken(Exception):
    """The log takes no more."""


def fail(store, now):
    with pytest.raises((SignInError, Broken)) as refused:
        sign_in(store, "ben", "wrong", now=now)
    if isinstance(refused.value, Broken):
        raise refused.value


@pytest.fixture
def held(store, ben, now, password):
    """A session's token, an invitation's and a key of ben's."""
    token, _ = sign_in(store, "ben", password, now=now)
    key = make_key(store, "ben", "k", ["label"], now=now)
    invited = invite(store, "viewer", now=now).token
    return token, invited, key.kept.id, list_invitations(store, now=now)[0].id


def refused_by_provider(store, now):
    note_failed_sign_in(store, "https://id", address="10.0.0.1", now=now)


CHANGES = {
    "add": lambda s, now, held: add_member(s, "cleo", "viewer", teams=["night"], now=now),
    "set": lambda s, now, held: set_member(s, "ben", active=False, teams=["night"], now=now),
    "set_password": lambda s, now, held: set_password(s, "ben", OTHER, now=now),
    "invite": lambda s, now, held: invite(s, "viewer", now=now),
    "accept": lambda s, now, held: accept(s, held[1], "cleo", OTHER, now=now),
    "sign_in": lambda s, now, held: sign_in(s, "ben", "correct horse battery", now=now),
    "sign_in_failed": lambda s, now, held: fail(s, now),
    "sign_out": lambda s, now, held: sign_out(s, held[0], now=now),
    "make_key": lambda s, now, held: make_key(s, "ben", "n", ["label"], now=now),
    "revoke_key": lambda s, now, held: revoke_key(s, held[2], now=now),
    "end_sessions": lambda s, now, held: end_sessions(s, "ben", now=now),
    "cancel": lambda s, now, held: cancel_invitation(s, held[3], now=now),
    "link, sign_in": lambda s, now, held: sign_in_with(s, BEN, now=now),
    "accept, sign_in": lambda s, now, held: sign_in_with(s, NEW, invitation=held[1], now=now),
    "join, sign_in": lambda s, now, held: sign_in_with(s, NEW, newcomers="viewer", now=now),
    "sign_in_failed, by a provider": lambda s, now, held: refused_by_provider(s, now),
}


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_has_one_event_and_is_undone_with_it(store, held, now, rows, monkeypatch, action):
    before = rows()
    with monkeypatch.context() as patch:

        def broken(*_args, **_named):
            raise Broken

        patch.setattr(events, "record", broken)
        with pytest.raises(Broken):
            CHANGES[action](store, now, held)
    assert rows() == before
    with store.reading() as tx:
        last = max(event.number for event in list_events(tx))
    CHANGES[action](store, now, held)
    with store.reading() as tx:
        said = ", ".join(event.action for event in list_events(tx, after=last))
    assert said == action.removesuffix(", by a provider")
    changed = {name for name, found in rows().items() if found != before[name]}
    assert changed > {"event"}


def test_the_first_invitation_has_its_event_too(store, now):
    first_invitation(store, actor="root", now=now)
    with store.reading() as tx:
        [event] = list_events(tx)
    assert (event.actor, event.action, event.detail["role"]) == ("root", "invite", "admin")
    assert event.detail["first"] is True


def test_no_secret_is_in_the_database_or_in_the_log(store, now, password, rows):
    first = first_invitation(store, now=now)
    accept(store, first, "ana", password, now=now)
    invited = invite(store, "reviewer", email="ben@example.org", actor="ana", now=now)
    accept(store, invited.token, "ben", OTHER, now=now)
    token, actor = sign_in(store, "ben", OTHER, now=now)
    session_of(store, token, now=now)
    made = make_key(store, "ben", "k", ["label"], actor="ben", now=now)
    key_owner(store, made.key, now=now)
    with pytest.raises(SignInError):
        sign_in(store, "typed my password here", "my password", address="10.9.8.7", now=now)
    set_password(store, "ben", password, current=OTHER, keep=token, now=now)
    set_member(store, "ben", email="ben@elsewhere.org", now=now)
    pending = begin_sign_in(store, address="10.9.8.7", now=now)
    note_failed_sign_in(store, "https://id", address="10.9.8.7", now=now)
    sign_in_with(
        store,
        Identity("https://id", "n-1", "cy", "cy@example.org", True),
        newcomers="viewer",
        now=now,
    )
    kept = [row for found in rows().values() for row in found]
    # what is searched is what there is: names and the key's beginning are found
    assert sum("ben" in row for row in kept) > 3
    assert any(made.kept.prefix in row for row in kept)
    secrets = (first, invited.token, token, actor.csrf, made.key, password, OTHER)
    secrets += (pending.secret, pending.state, pending.nonce, pending.verifier)
    for secret in (*secrets, "typed my password here", "my password", "10.9.8.7"):
        assert len(secret) > 7
        assert not any(secret in row for row in kept)
    assert not any("@" in row for row in rows()["event"])
