"""Whose account a provider's word opens; `tests/web/test_oidc.py` has the provider itself."""

from datetime import timedelta

import pytest

from trueup.errors import AccessDenied, InputError, SignInError
from trueup.people import (
    Identity,
    add_member,
    begin_sign_in,
    get_member,
    invite,
    list_invitations,
    list_members,
    note_failed_sign_in,
    session_of,
    set_member,
    sign_in,
    sign_in_with,
    take_sign_in,
)

ID = "https://id.example.org"
MINUTE = timedelta(minutes=1)


def identity(subject="s-1", name="benjamin", email="ben@example.org", verified=True, issuer=ID):
    return Identity(issuer, subject, name, email, verified)


def test_a_session_begins_as_any_other(store, ben, now, password):
    token, actor = sign_in_with(store, identity(), now=now)
    assert (actor.name, actor.expires_at) == ("Ben", now + timedelta(hours=12))
    assert session_of(store, token, now=now).member == get_member(store, "ben")
    assert sign_in(store, "ben", password, now=now)[1].name == "Ben", "the password stays"


def test_another_provider_with_the_same_subject_is_somebody_else(store, ben, now):
    sign_in_with(store, identity(), now=now)
    with pytest.raises(AccessDenied, match="another account of https://id"):
        sign_in_with(store, identity(issuer="https://evil.example"), now=now)
    with pytest.raises(AccessDenied, match="gives no email"):
        sign_in_with(store, identity(issuer="https://evil.example", email=""), now=now)
    set_member(store, "ben", unlink=True, now=now)
    assert get_member(store, "ben").issuer is None
    _, actor = sign_in_with(store, identity(issuer="https://new.example"), now=now)
    assert (actor.name, actor.member.issuer) == ("Ben", "https://new.example")
    assert get_member(store, "ben") == actor.member


def test_the_email_of_an_invitation_goes_with_who_follows_its_link(store, ana, now):
    made = invite(store, "viewer", email="team@example.org", now=now)
    sign_in_with(store, identity(email="", verified=False), invitation=made.token, now=now)
    assert get_member(store, "team@example.org").name == "benjamin"
    other = invite(store, "viewer", email="team@example.org", now=now)
    named = identity("s-2", "cy", "x@example.org", verified=False)
    sign_in_with(store, named, invitation=other.token, now=now)
    assert get_member(store, "cy").email is None, "it is another's already"


def test_a_member_who_follows_an_invitation_stays_who_they_are(store, ben, now):
    made = invite(store, "admin", now=now)
    sign_in_with(store, identity(), invitation=made.token, now=now)
    assert get_member(store, "ben").role == "reviewer"
    assert [sent.state for sent in list_invitations(store, now=now)] == ["open"]


def test_an_invitation_that_is_over_lets_nobody_in(store, ana, now):
    made = invite(store, "admin", email="ben@example.org", now=now)
    for invitation in ("", made.token, "unknown"):
        with pytest.raises(AccessDenied):
            sign_in_with(store, identity(), invitation=invitation, now=made.expires_at)
    assert [m.name for m in list_members(store)] == ["ana"]


def test_an_email_of_no_form_is_refused_and_who_is_known_comes_in_all_the_same(store, ben, now):
    with pytest.raises(AccessDenied, match="no form"):
        sign_in_with(store, identity(email="nobody"), newcomers="viewer", now=now)
    sign_in_with(store, identity(), now=now)
    assert sign_in_with(store, identity(email="nobody"), now=now)[1].name == "Ben"


def test_a_role_that_is_none_is_told(store, ana, now):
    with pytest.raises(InputError, match="role 'boss'"):
        sign_in_with(store, identity(), newcomers="boss", now=now)


def test_a_pending_sign_in_is_one_browsers_and_good_once(store, now):
    one, two = begin_sign_in(store, now=now), begin_sign_in(store, now=now)
    values = [(p.secret, p.state, p.nonce, p.verifier) for p in (one, two)]
    assert len({value for found in values for value in found}) == 8
    assert len(one.verifier) == 43  # RFC 7636, 4.1: 43 to 128
    assert one.secret not in repr(one)
    for secret, state in ((one.secret, two.state), ("", one.state), ("é\ud800", "é\ud800")):
        with pytest.raises(SignInError, match="not begun here, was used, or is over"):
            take_sign_in(store, secret, state, now=now)
    late = now + 10 * MINUTE
    with pytest.raises(SignInError):
        take_sign_in(store, one.secret, one.state, now=late)
    assert take_sign_in(store, one.secret, one.state, now=late - MINUTE) == one
    with pytest.raises(SignInError):
        take_sign_in(store, one.secret, one.state, now=late - MINUTE)


def test_an_address_waits_after_five_answers_that_did_not_hold(store, ana, now):
    for _ in range(5):
        begin_sign_in(store, address="10.0.0.1", now=now)
        note_failed_sign_in(store, ID, address="10.0.0.1", now=now)
        note_failed_sign_in(store, ID, now=now)  # where there is no address, none is counted
    with pytest.raises(SignInError, match="too many tries"):
        begin_sign_in(store, address="10.0.0.1", now=now)
    assert begin_sign_in(store, address="10.0.0.2", now=now)
    assert begin_sign_in(store, now=now)
    assert begin_sign_in(store, address="10.0.0.1", now=now + 15 * MINUTE)


def test_a_member_without_email_is_nobodys_to_link(store, ana, now):
    add_member(store, "benjamin", "admin", actor="ana", now=now)
    for email in ("", "benjamin"):
        with pytest.raises(AccessDenied):
            sign_in_with(store, identity(email=email), newcomers="viewer", now=now)
    assert get_member(store, "benjamin").issuer is None
