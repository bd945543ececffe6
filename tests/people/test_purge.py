from datetime import timedelta

import pytest

from trueup.errors import SignInError
from trueup.people import (
    accept,
    begin_sign_in,
    invite,
    list_invitations,
    list_sessions,
    purge,
    session_of,
    sign_in,
    sign_out,
    take_sign_in,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def fail(store, now):
    with pytest.raises(SignInError):
        sign_in(store, "ben", "wrong", address="10.0.0.1", now=now)


def test_what_lets_nobody_in_any_more_is_forgotten_and_the_rest_stays(
    store, ben, now, password, rows
):
    ended, _ = sign_in(store, "ben", password, now=now)
    sign_out(store, ended, now=now)
    sign_in(store, "ben", password, now=now - 12 * HOUR)
    mine, _ = sign_in(store, "ben", password, now=now)
    for _ in range(2):
        fail(store, now - HOUR / 2)
    begin_sign_in(store, now=now - HOUR)
    used = invite(store, "viewer", actor="ana", now=now - 37 * DAY)
    accept(store, used.token, "cleo", password, now=now - 36 * DAY)
    invite(store, "viewer", actor="ana", now=now - 36 * DAY)
    invite(store, "senior", actor="ana", now=now)
    before = rows()
    assert len(before["session"]) == 3
    assert purge(store, now=now) == 2 + 4 + 1 + 1
    after = rows()
    assert len(after["session"]) == 1
    assert after["sign_in_failure"] == after["pending_sign_in"] == []
    assert [(s.role, s.state) for s in list_invitations(store, now=now)] == [
        ("senior", "open"),
        ("viewer", "expired"),
    ]
    assert session_of(store, mine, now=now).name == "Ben"
    kept = {"session", "sign_in_failure", "pending_sign_in", "invitation"}
    assert {t: found for t, found in after.items() if t not in kept} == {
        t: found for t, found in before.items() if t not in kept
    }
    assert purge(store, now=now) == 0


def test_what_still_counts_is_kept(store, ben, now, password):
    for _ in range(5):
        fail(store, now)
    pending = begin_sign_in(store, now=now)
    token, _ = sign_in_at(store, password, now)
    purge(store, now=now + timedelta(minutes=9))
    with pytest.raises(SignInError, match="too many tries"):
        sign_in(store, "ben", password, now=now + timedelta(minutes=9))
    assert take_sign_in(store, pending.secret, pending.state, now=now + timedelta(minutes=9))
    assert len(list_sessions(store, "ana", token=token, now=now)) == 1


def sign_in_at(store, password, now):
    from trueup.people import set_password

    set_password(store, "ana", password, now=now)
    return sign_in(store, "ana", password, now=now)
