import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from trueup.errors import AccessDenied, InputError, UnknownName
from trueup.people import (
    accept,
    add_member,
    cancel_invitation,
    first_invitation,
    invite,
    list_invitations,
    list_members,
    sign_in,
)


def test_the_first_admin_comes_by_a_link_that_is_good_once(store, now, password):
    token = first_invitation(store, actor="root", now=now)
    assert token is not None
    ana = accept(store, token, "ana", password, now=now)
    assert (ana.role, ana.active, ana.has_password) == ("admin", True, True)
    assert sign_in(store, "ana", password, now=now)[1].name == "ana"
    assert first_invitation(store, now=now) is None
    with pytest.raises(AccessDenied, match="unknown, used, or over"):
        accept(store, token, "eve", password, now=now)


def test_a_further_first_link_takes_the_place_of_the_one_before(store, now, password):
    old, new = first_invitation(store, now=now), first_invitation(store, now=now)
    with pytest.raises(AccessDenied):
        accept(store, old, "eve", password, now=now)
    assert accept(store, new, "ana", password, now=now).role == "admin"


def test_the_first_link_ends_where_a_member_comes_another_way(store, now, password):
    token = first_invitation(store, now=now)
    add_member(store, "ana", "admin", actor="root", now=now)
    with pytest.raises(AccessDenied):
        accept(store, token, "eve", password, now=now)
    assert [m.name for m in list_members(store)] == ["ana"]


def test_invitations_carry_role_and_email_and_end_after_a_week(store, ana, now, password):
    made = invite(store, "senior", email="ben@example.org", actor="ana", now=now)
    assert (made.role, made.expires_at) == ("senior", now + timedelta(days=7))
    assert made.token not in repr(made)
    with pytest.raises(AccessDenied):
        accept(store, made.token, "ben", password, now=made.expires_at)
    late = made.expires_at - timedelta(seconds=1)
    ben = accept(store, made.token, "ben", password, now=late)
    assert (ben.role, ben.email, ben.created_at) == ("senior", "ben@example.org", late)


@pytest.mark.parametrize(
    ("name", "given"), [("ANA", None), ("a\nb", None), ("ben", "short"), ("ben", "ben@example.org")]
)
def test_what_cannot_be_leaves_the_invitation_open(store, ana, now, password, name, given):
    made = invite(store, "viewer", email="ben@example.org", actor="ana", now=now)
    with pytest.raises(InputError):
        accept(store, made.token, name, given or password, now=now)
    assert accept(store, made.token, "ben", password, now=now).role == "viewer"


@pytest.mark.parametrize("token", ["", "x", "é\ud800\x00"])
def test_a_token_that_is_none_lets_nobody_in(store, ana, now, password, token):
    with pytest.raises(AccessDenied):
        accept(store, token, "eve", password, now=now)


def test_of_two_who_use_one_invitation_at_once_one_wins(store, ana, now, password):
    token = invite(store, "reviewer", actor="ana", now=now).token
    gate = threading.Barrier(2)

    def use(name):
        gate.wait()
        try:
            return accept(store, token, name, password, now=now).name
        except AccessDenied:
            return None

    with ThreadPoolExecutor(2) as pool:
        won = [name for name in pool.map(use, ["ben", "cleo"]) if name]
    assert len(won) == 1
    assert [m.name for m in list_members(store)] == ["ana", *won]


def test_invitations_are_checked(store, ana, now, rows):
    before = rows()
    with pytest.raises(InputError, match="role"):
        invite(store, "boss", now=now)
    with pytest.raises(InputError, match="email"):
        invite(store, "viewer", email="nobody", now=now)
    assert rows() == before


def states(store, now):
    return [(sent.role, sent.state) for sent in list_invitations(store, now=now)]


def test_invitations_are_listed_with_what_became_of_them(store, ana, now, password):
    used = invite(store, "senior", email="ben@example.org", actor="ana", now=now)
    accept(store, used.token, "ben", password, now=now)
    later = now + timedelta(days=1)
    waiting = invite(store, "viewer", actor="ben", now=later)
    assert states(store, later) == [("viewer", "open"), ("senior", "used")]
    assert states(store, waiting.expires_at) == [("viewer", "expired"), ("senior", "used")]
    newest, _ = list_invitations(store, now=later)
    assert (newest.actor, newest.created_at, newest.first) == ("ben", later, False)
    assert not any(made.token in repr(list_invitations(store)) for made in (used, waiting))


def test_the_first_link_is_over_where_there_is_a_member(store, now):
    first_invitation(store, now=now)
    assert states(store, now) == [("admin", "open")]
    add_member(store, "ana", "admin", actor="root", now=now)
    assert states(store, now) == [("admin", "expired")]


def test_an_invitation_that_is_cancelled_lets_nobody_in(store, ana, now, password):
    made, other = invite(store, "admin", now=now), invite(store, "viewer", now=now)
    found = {sent.role: sent.id for sent in list_invitations(store, now=now)}
    cancel_invitation(store, found["admin"], actor="ana", now=now)
    with pytest.raises(AccessDenied):
        accept(store, made.token, "eve", password, now=now)
    assert accept(store, other.token, "ben", password, now=now).role == "viewer"
    for gone in (found["admin"], found["viewer"], "nope"):
        with pytest.raises(UnknownName, match="that is not used: take an id"):
            cancel_invitation(store, gone, now=now)
    assert states(store, now) == [("viewer", "used")]
