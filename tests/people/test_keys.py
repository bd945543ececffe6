from datetime import timedelta

import pytest

from trueup.errors import AccessDenied, InputError, UnknownName
from trueup.people import (
    add_member,
    key_owner,
    list_keys,
    make_key,
    require,
    revoke_key,
    set_member,
)


@pytest.fixture
def cleo(store, ana, now):
    return add_member(store, "cleo", "manager", actor="ana", now=now)


def make(store, now, *scopes, who="cleo", **options):
    return make_key(store, who, "nightly export", scopes, actor="ana", now=now, **options)


def test_a_key_acts_for_its_owner_within_its_scopes(store, cleo, now):
    made = make(store, now, "export", "read_queue")
    program = key_owner(store, made.key, now=now)
    assert (program.name, program.member, program.key_id) == ("cleo", cleo, made.kept.id)
    assert program.permissions == {"export", "read_queue"}
    require(program, "export")
    with pytest.raises(AccessDenied, match="scopes leave out ingest"):
        require(program, "ingest")


def test_keys_never_widen_what_their_owner_may(store, cleo, now):
    with pytest.raises(InputError, match="scopes are manage_members; give some of what cleo may"):
        make(store, now, "manage_members")
    made = make(store, now, "export", "label", "read_queue")
    set_member(store, "cleo", role="reviewer", now=now)
    assert key_owner(store, made.key, now=now).permissions == {"label", "read_queue"}
    set_member(store, "cleo", role="admin", now=now)
    assert key_owner(store, made.key, now=now).permissions == {"export", "label", "read_queue"}


@pytest.mark.parametrize("scopes", [(), ("fly",), ("export", "fly")])
def test_scopes_are_some_of_those_there_are(store, cleo, now, scopes):
    with pytest.raises(InputError, match="key nightly export: its scopes are"):
        make(store, now, *scopes)
    assert list_keys(store) == []


def test_a_key_is_over_at_its_time(store, cleo, now):
    made = make(store, now, "export", expires_at=now + timedelta(days=1))
    assert key_owner(store, made.key, now=now + timedelta(hours=23)).expires_at
    assert key_owner(store, made.key, now=now + timedelta(days=1)) is None
    with pytest.raises(InputError, match="it would be over since 2026-05-01 09:00"):
        make(store, now, "export", expires_at=now)


def test_a_key_that_is_revoked_lets_nobody_in(store, cleo, now):
    made, other = make(store, now, "export"), make(store, now, "export")
    revoke_key(store, made.kept.id, actor="ana", now=now)
    revoke_key(store, made.kept.id, actor="ana", now=now + timedelta(days=1))
    assert key_owner(store, made.key, now=now) is None
    assert key_owner(store, other.key, now=now) is not None
    assert {k.id: k.revoked_at for k in list_keys(store, "cleo")} == {
        made.kept.id: now,
        other.kept.id: None,
    }
    with pytest.raises(UnknownName, match="no API key 'nope'"):
        revoke_key(store, "nope", now=now)


def test_a_key_of_somebody_who_is_not_active_lets_nobody_in(store, cleo, now):
    made = make(store, now, "export")
    set_member(store, "cleo", active=False, now=now)
    assert key_owner(store, made.key, now=now) is None


@pytest.mark.parametrize("key", ["", "tu_", "x" * 5000, "tu_\ud800\x00"])
def test_what_is_no_key_is_nobodys(store, cleo, now, key):
    make(store, now, "export")
    assert key_owner(store, key, now=now) is None


def test_use_is_noted_once_a_minute(store, cleo, now):
    made = make(store, now, "export")
    assert list_keys(store)[0].last_used_at is None
    for seconds, noted in ((0, 0), (59, 0), (60, 60), (90, 60), (121, 121)):
        key_owner(store, made.key, now=now + timedelta(seconds=seconds))
        assert list_keys(store)[0].last_used_at == now + timedelta(seconds=noted)


def test_keys_are_told_apart_by_how_they_begin_and_never_shown(store, cleo, now):
    made = make(store, now, "export")
    [kept] = list_keys(store, "cleo")
    assert kept == made.kept
    assert (kept.owner, kept.name, kept.scopes) == ("cleo", "nightly export", ("export",))
    assert made.key.startswith(kept.prefix)
    assert len(kept.prefix) == 10
    assert len(made.key) == 3 + 43  # 256 bits, six a character
    assert made.key not in repr(made)
    later = make(store, now + timedelta(days=1), "label", who="ana")
    assert [k.id for k in list_keys(store)] == [later.kept.id, kept.id]
    assert list_keys(store, "ana") == [later.kept]


def test_a_key_is_revoked_as_whose_it_is(store, cleo, now):
    made = make(store, now, "export")
    with pytest.raises(UnknownName, match="no API key"):
        revoke_key(store, made.kept.id, who="ana", now=now)
    assert key_owner(store, made.key, now=now) is not None
    revoke_key(store, made.kept.id, who="CLEO", now=now)
    assert key_owner(store, made.key, now=now) is None
