"""Signing in and out, and what a session lets a member do."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import argon2
import pytest

from trueup.errors import InputError, SignInError, UnknownName
from trueup.people import (
    _sessions,
    add_member,
    end_sessions,
    list_sessions,
    session_of,
    set_member,
    set_password,
    sign_in,
    sign_out,
)
from trueup.store import people as rows_of
from trueup.store.events import list_events

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OTHER = "another horse battery"


def outcome(store, name, password, now, address=""):
    try:
        sign_in(store, name, password, address=address, now=now)
    except SignInError as error:
        return str(error).split(":")[0].split(" ")[0]  # "wrong" or "too"
    return "in"


def last_event(store):
    with store.reading() as tx:
        *_, event = list_events(tx)
    return event


@pytest.fixture
def computed(monkeypatch):
    """The parameters of each hash that was computed to hold a password against another."""
    found = []
    real = argon2.PasswordHasher.verify

    def verify(self, kept, given):
        found.append(argon2.extract_parameters(kept))
        return real(self, kept, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", verify)
    return found


def test_a_session_begins_by_name_or_email_and_names_its_member(store, ben, now, password):
    token, actor = sign_in(store, " BEN", password, now=now)
    assert (actor.member, actor.name, actor.key_id) == (ben, "Ben", None)
    assert actor.expires_at == now + 12 * HOUR
    assert len(token) == 43  # 256 bits, six a character
    assert session_of(store, token, now=now) == actor
    assert actor.accepts(actor.csrf)
    other, second = sign_in(store, "Ben@Example.ORG", password, now=now)
    assert other != token
    assert second.csrf != actor.csrf
    event = last_event(store)
    assert (event.actor, event.action, event.object_id) == ("Ben", "sign_in", ben.id)


def test_whatever_is_wrong_one_hash_is_computed_and_one_thing_is_said(
    full_cost, store, ben, now, password, computed
):
    add_member(store, "gone", "viewer", password=OTHER, actor="ana", now=now)
    set_member(store, "gone", active=False, now=now)
    said = set()
    today = argon2.extract_parameters(argon2.PasswordHasher().hash("x"))
    for name, given in (
        ("ben", "wrong wrong wrong"),
        ("nobody", password),
        ("", password),
        ("\x00\ud800", "\ud800"),
        ("ana", password),  # she has no password
        ("gone", OTHER),  # right, and not active
        ("cleo", "x" * 100_000),
    ):
        computed.clear()
        with pytest.raises(SignInError) as refused:
            sign_in(store, name, given, now=now)
        said.add(str(refused.value))
        assert computed == [today]
        assert refused.value.retry_at is None
        event = last_event(store)
        assert (event.actor, event.action) == ("unknown", "sign_in_failed")
    assert said == {"wrong name or password: try again, or ask an admin for a new password"}


def test_after_five_failures_for_a_name_the_right_password_waits_too(
    store, ben, now, password, computed
):
    tries = [outcome(store, "ben", "wrong", now + n * MINUTE) for n in range(5)]
    assert tries == ["wrong"] * 5
    computed.clear()
    with pytest.raises(SignInError, match="wait 11 minutes, until 09:15 UTC") as refused:
        sign_in(store, "BEN", password, now=now + 4 * MINUTE)
    assert refused.value.retry_at == now + 15 * MINUTE
    assert outcome(store, "ben", password, now + 15 * MINUTE - timedelta(seconds=1)) == "too"
    assert computed == [], "who waits costs no time"
    assert outcome(store, "ben@example.org", password, now + 5 * MINUTE) == "in"
    # the first has left the window, so one more is let through, and only one
    assert outcome(store, "ben", "wrong", now + 15 * MINUTE) == "wrong"
    assert outcome(store, "ben", password, now + 15 * MINUTE) == "too"
    assert outcome(store, "ben", password, now + 16 * MINUTE) == "in"
    tries = [outcome(store, "ben", "wrong", now + 16 * MINUTE) for _ in range(6)]
    assert tries == ["wrong"] * 5 + ["too"], "the count began anew"


def test_tries_are_counted_by_address_too(store, ben, now, password):
    here, beside = "2001:db8:1:2::7", "2001:db8:1:2:ffff::1"
    for name in ("a", "b", "c", "d", "e"):
        assert outcome(store, name, "wrong", now, here) == "wrong"
    assert outcome(store, "ben", password, now, here) == "too"
    assert outcome(store, "ben", password, now, beside) == "too", "one customer has a /64"
    assert outcome(store, "ben", password, now, "2001:db8:1:3::7") == "in"
    assert outcome(store, "ben", password, now, here) == "too", "a right try elsewhere is no excuse"
    assert outcome(store, "ben", password, now, "unix:") == "in"
    assert outcome(store, "ben", password, now + 15 * MINUTE, here) == "in"


def test_of_many_tries_at_once_five_are_told_the_answer(store, ben, now):
    gate = threading.Barrier(8)

    def guess(number):
        gate.wait()
        return outcome(store, "ben", f"guess number {number}", now)

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(guess, range(8))) == {"wrong": 5, "too": 3}


def test_failures_are_forgotten_when_they_no_longer_count(store, ana, now, rows):
    for n in range(3):
        outcome(store, f"nobody {n}", "wrong", now, "10.0.0.1")
    assert len(rows()["sign_in_failure"]) == 6
    outcome(store, "somebody", "wrong", now + 15 * MINUTE)
    assert len(rows()["sign_in_failure"]) == 1
    assert not any("nobody" in row or "10.0.0.1" in row for row in rows()["sign_in_failure"])


def test_who_is_made_inactive_while_the_password_is_tried_stays_out(
    store, ben, now, password, monkeypatch
):
    def meanwhile(_kept):
        set_member(store, "ben", active=False, now=now)
        return False

    monkeypatch.setattr(_sessions, "outdated", meanwhile)
    with pytest.raises(SignInError, match="wrong name or password"):
        sign_in(store, "ben", password, now=now)


def test_a_hash_of_other_parameters_is_renewed(full_cost, store, ben, now, password):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    with store.transaction() as tx:
        rows_of.set_member(tx, ben.id, {"password_hash": weak})
    sign_in(store, "ben", password, now=now)
    assert last_event(store).detail == {"rehashed": True}
    with store.reading() as tx:
        kept = rows_of.password_of(tx, ben.id)
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    sign_in(store, "ben", password, now=now)
    assert last_event(store).detail == {}


def test_a_damaged_hash_lets_nobody_in(store, ben, now, password):
    with store.transaction() as tx:
        rows_of.set_member(tx, ben.id, {"password_hash": "plain"})
    assert outcome(store, "ben", "plain", now) == "wrong"


def test_a_session_lasts_while_it_is_used_and_a_month_at_most(store, ben, now, password, rows):
    token, _ = sign_in(store, "ben", password, now=now)
    before = rows()["session"]
    assert session_of(store, token, now=now + 59 * MINUTE).expires_at == now + 12 * HOUR
    assert rows()["session"] == before, "no write within the hour"
    assert session_of(store, token, now=now + HOUR).expires_at == now + 13 * HOUR
    assert rows()["session"] != before
    assert session_of(store, token, now=now + 13 * HOUR - MINUTE) is not None
    at = now + 13 * HOUR - MINUTE
    while at + 11 * HOUR < now + 30 * DAY:
        at += 11 * HOUR
        assert session_of(store, token, now=at) is not None
    assert session_of(store, token, now=now + 30 * DAY - MINUTE) is not None
    assert session_of(store, token, now=now + 30 * DAY) is None


def test_a_session_that_is_not_used_is_over(store, ben, now, password):
    token, _ = sign_in(store, "ben", password, now=now)
    assert session_of(store, token, now=now + 12 * HOUR - MINUTE) is not None
    other, _ = sign_in(store, "ben", password, now=now)
    assert session_of(store, other, now=now + 12 * HOUR) is None
    third, _ = sign_in(store, "ben", password, now=now)
    with store.transaction() as tx:  # as by another program: the session was not ended
        rows_of.set_member(tx, ben.id, {"active": False})
    assert session_of(store, third, now=now) is None
    for nobody in ("", "x", "\ud800\x00"):
        assert session_of(store, nobody, now=now) is None


def test_what_a_member_may_follows_the_role_of_now(store, ben, now, password):
    token, actor = sign_in(store, "ben", password, now=now)
    assert "export" not in actor.permissions
    set_member(store, "ben", role="manager", teams=["night"], now=now)
    again = session_of(store, token, now=now)
    assert "export" in again.permissions
    assert again.member.teams == ("night",)


def test_signing_out_ends_one_session_once(store, ben, now, password):
    token, _ = sign_in(store, "ben", password, now=now)
    other, _ = sign_in(store, "ben", password, now=now)
    sign_out(store, token, now=now)
    event = last_event(store)
    assert (event.actor, event.action, event.object_id) == ("Ben", "sign_out", ben.id)
    sign_out(store, token, now=now)
    sign_out(store, "unknown", now=now)
    assert last_event(store) == event
    assert session_of(store, token, now=now) is None
    assert session_of(store, other, now=now) is not None


def test_a_new_password_ends_the_other_sessions(store, ben, now, password):
    mine, _ = sign_in(store, "ben", password, now=now)
    other, _ = sign_in(store, "ben", password, now=now)
    with pytest.raises(SignInError, match="wrong name or password"):
        set_password(store, "ben", OTHER, current="not it at all", keep=mine, now=now)
    with pytest.raises(InputError, match="is the name or the email"):
        set_password(store, "ben", "BEN@example.org", now=now)
    assert session_of(store, other, now=now) is not None
    set_password(store, "ben", OTHER, current=password, keep=mine, actor="Ben", now=now)
    assert last_event(store).action == "set_password"
    assert session_of(store, mine, now=now) is not None
    assert session_of(store, other, now=now) is None
    assert outcome(store, "ben", password, now) == "wrong"
    assert outcome(store, "ben", OTHER, now) == "in"
    set_password(store, "ben", password, actor="ana", now=now)
    assert session_of(store, mine, now=now) is None
    with pytest.raises(UnknownName):
        set_password(store, "nobody", password, now=now)


def test_one_form_of_a_password_is_kept_however_it_is_composed(store, ana, now):
    add_member(store, "eve", "viewer", password="ne\u0301" * 12, actor="ana", now=now)
    assert outcome(store, "eve", "n\u00e9" * 12, now) == "in"


def test_sessions_are_listed_and_ended_everywhere_or_but_for_one(store, ben, now, password):
    old, _ = sign_in(store, "ben", password, now=now - 13 * HOUR)
    mine, _ = sign_in(store, "ben", password, now=now)
    other, _ = sign_in(store, "ben", password, now=now + MINUTE)
    session_of(store, mine, now=now + 2 * HOUR)
    later, first = list_sessions(store, "BEN", token=mine, now=now + 2 * HOUR)
    assert (later.this, later.created_at, later.used_at) == (False, now + MINUTE, now + MINUTE)
    assert (first.this, first.created_at, first.used_at) == (True, now, now + 2 * HOUR)
    assert first.expires_at == now + 14 * HOUR
    assert end_sessions(store, "ben", keep=mine, actor="Ben", now=now + 2 * HOUR) == 1
    assert last_event(store).detail == {"sessions": 1}
    assert session_of(store, other, now=now + 2 * HOUR) is None
    assert session_of(store, mine, now=now + 2 * HOUR) is not None
    assert end_sessions(store, "ben", now=now + 2 * HOUR) == 1
    event = last_event(store)
    assert end_sessions(store, "ben", now=now + 2 * HOUR) == 0
    assert last_event(store) == event, "nothing was done"
    assert list_sessions(store, "ben", now=now + 2 * HOUR) == []
    assert session_of(store, old, now=now + 2 * HOUR) is None
