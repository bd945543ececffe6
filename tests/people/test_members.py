import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from trueup.errors import AccessDenied, InputError, UnknownName
from trueup.people import (
    add_member,
    get_member,
    list_members,
    session_of,
    set_member,
    sign_in,
)
from trueup.store import schema
from trueup.store.events import list_events


def told(store, object_id):
    with store.reading() as tx:
        return [(e.actor, e.action, e.detail) for e in list_events(tx, object_id=object_id)]


def test_a_member_is_found_by_name_email_and_id_without_case(store, now):
    made = add_member(
        store,
        " Ben ",
        "senior",
        email="Ben@Example.org",
        tags=["tax", "law"],
        teams=["Night", "Day"],
        actor="ana",
        now=now,
    )
    assert (made.name, made.email, made.role) == ("Ben", "Ben@Example.org", "senior")
    assert (made.tags, made.teams) == (("law", "tax"), ("Day", "Night"))
    assert (made.active, made.has_password, made.created_at) == (True, False, now)
    for who in ("ben", "BEN ", "ben@example.ORG", made.id):
        assert get_member(store, who) == made
    assert told(store, made.id) == [
        (
            "ana",
            "add",
            {"name": "Ben", "role": "senior", "tags": ["law", "tax"], "teams": ["Day", "Night"]},
        )
    ]
    for nobody in ("cleo", "", "\x00", "\ud800"):
        with pytest.raises(UnknownName, match="no member"):
            get_member(store, nobody)


def test_members_are_listed_by_name_with_their_own_teams(store, ana, now):
    add_member(store, "Cleo", "viewer", teams=["night"], actor="ana", now=now)
    add_member(store, "ben", "reviewer", teams=["day", "night"], actor="ana", now=now)
    assert [(m.name, m.teams) for m in list_members(store)] == [
        ("ana", ()),
        ("ben", ("day", "night")),
        ("Cleo", ("night",)),
    ]


def test_names_emails_and_ids_are_one_space(store, ana, now):
    add_member(store, "ben", "reviewer", email="ben@example.org", actor="ana", now=now)
    for name, email in (
        ("BEN", ""),
        ("Ben@Example.org", ""),
        ("cleo", "BEN@example.org"),
        (ana.id, ""),
    ):
        with pytest.raises(InputError, match="already; give another"):
            add_member(store, name, "viewer", email=email, actor="ana", now=now)
    own = add_member(
        store, "dan@example.org", "viewer", email="dan@example.org", actor="ana", now=now
    )
    with pytest.raises(InputError, match="is member ben's already"):
        set_member(store, "ana", email="ben@example.org", now=now)
    assert [m.name for m in list_members(store)] == ["ana", "ben", own.name]


def test_what_is_set_changes_and_what_is_not_stays(store, ana, now):
    ben = add_member(store, "ben", "reviewer", tags=["tax"], teams=["a"], actor="ana", now=now)
    changed = set_member(
        store, "ben", role="senior", teams=["b", "A"], email="ben@x.org", actor="ana", now=now
    )
    assert (changed.role, changed.tags, changed.teams) == ("senior", ("tax",), ("a", "b"))
    assert changed.email == "ben@x.org"
    *_, (actor, action, detail) = told(store, ben.id)
    assert (actor, action) == ("ana", "set")
    assert detail == {"role": "senior", "teams": ["A", "b"], "email": "changed"}
    cleared = set_member(store, "ben", tags=[], teams=[], email="", active=False, now=now)
    assert (cleared.tags, cleared.teams, cleared.email) == ((), (), None)
    assert not cleared.active


def test_setting_what_is_so_already_is_no_event(store, ana, now):
    before = told(store, ana.id)
    set_member(store, "ana", role="admin", active=True, tags=[], teams=[], email="", now=now)
    set_member(store, "ana", now=now)
    assert told(store, ana.id) == before


def test_wrong_values_change_nothing(store, ana, now, rows):
    before = rows()
    for wrong in (
        {"role": "boss"},
        {"role": "senior", "email": "nobody"},
        {"tags": ["x", ""]},
        {"teams": ["night", "a\nb"]},
    ):
        with pytest.raises(InputError):
            set_member(store, "ana", now=now, **wrong)
    with pytest.raises(InputError, match="11 characters"):
        add_member(store, "ben", "viewer", password="elevenchars", now=now)
    with pytest.raises(InputError, match="role"):
        add_member(store, "ben", "boss", now=now)
    assert rows() == before


@pytest.mark.parametrize("change", [{"role": "manager"}, {"active": False}])
def test_the_last_active_admin_stays_one(store, ana, now, change):
    add_member(store, "ben", "manager", actor="ana", now=now)
    add_member(store, "gone", "admin", actor="ana", now=now)
    set_member(store, "gone", active=False, now=now)
    with pytest.raises(AccessDenied, match="ana is the last active admin: make another"):
        set_member(store, "ana", now=now, **change)
    assert get_member(store, "ana") == ana
    set_member(store, "ana", tags=["law"], now=now)
    set_member(store, "ben", role="admin", now=now)
    set_member(store, "ana", now=now, **change)
    with pytest.raises(AccessDenied):
        set_member(store, "ben", now=now, **change)


def test_two_admins_who_demote_each_other_at_once_leave_one(store, ana, now):
    add_member(store, "ben", "admin", actor="ana", now=now)
    gate = threading.Barrier(2)

    def demote(name):
        gate.wait()
        try:
            set_member(store, name, role="viewer", now=now)
        except AccessDenied:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, ["ana", "ben"])) == ["done", "refused"]
    assert sorted(m.role for m in list_members(store)) == ["admin", "viewer"]


def test_who_is_made_inactive_is_signed_out_for_good(store, ben, now, password):
    token, _ = sign_in(store, "ben", password, now=now)
    set_member(store, "ben", active=False, now=now)
    assert session_of(store, token, now=now) is None
    set_member(store, "ben", active=True, now=now)
    assert session_of(store, token, now=now) is None, "the session was ended, not put to sleep"


def test_the_database_itself_refuses_a_role_that_is_none(store, ana):
    with pytest.raises(sa.exc.IntegrityError), store.transaction() as tx:
        tx.execute(sa.update(schema.member).values(role="boss"))
