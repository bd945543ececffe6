from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import pytest

from trueup.errors import AccessDenied
from trueup.people import PERMISSIONS, Actor, Member, Permission, Role, may_see, require

NOW = datetime(2026, 5, 1, tzinfo=UTC)
#                      admin manager senior reviewer viewer
TABLE = {
    "read_queue": "yes yes yes yes yes",
    "read_every_queue": "yes yes yes no yes",
    "label": "yes yes yes yes no",
    "adjudicate": "yes yes yes no no",
    "read_quality": "yes yes yes no yes",
    "read_lineage": "yes yes yes no yes",
    "manage_queue": "yes yes no no no",
    "ingest": "yes yes no no no",
    "export": "yes yes no no no",
    "release": "yes yes no no no",
    "read_audit": "yes yes no no no",
    "manage_members": "yes no no no no",
    "manage_webhooks": "yes no no no no",
}
ROLES = ("admin", "manager", "senior", "reviewer", "viewer")


def member(role: Role = "reviewer", **other) -> Member:
    made = Member("m1", "ben", None, role, (), (), True, True, NOW)
    return replace(made, **other)


def actor(role: Role, *scopes: Permission) -> Actor:
    return Actor(member(role), PERMISSIONS[role] & set(scopes), None, key_id="k1")


def test_the_table_has_every_role_and_every_permission():
    assert tuple(TABLE) == get_args(Permission)
    assert set(PERMISSIONS) == set(ROLES) == set(get_args(Role))


@pytest.mark.parametrize("permission", TABLE)
@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_the_table_says(role, permission):
    allowed = TABLE[permission].split()[ROLES.index(role)] == "yes"
    if allowed:
        require(member(role), permission)
    else:
        with pytest.raises(AccessDenied, match=f"ben is {role} and may not {permission}; .*admin"):
            require(member(role), permission)


@pytest.mark.parametrize("permission", TABLE)
def test_who_is_not_active_may_do_nothing(permission):
    gone = member("admin", active=False)
    with pytest.raises(AccessDenied, match="ben is not active"):
        require(gone, permission)
    with pytest.raises(AccessDenied, match="ben is not active"):
        require(Actor(gone, PERMISSIONS["admin"], None), permission)
    assert not may_see(gone)


def test_a_keys_scopes_narrow_what_its_owner_may():
    program = actor("manager", "export")
    require(program, "export")
    with pytest.raises(AccessDenied, match="scopes leave out ingest; make a key"):
        require(program, "ingest")
    with pytest.raises(AccessDenied, match="ben is manager and may not manage_members"):
        require(program, "manage_members")


def test_permissions_that_an_actor_claims_beyond_the_role_count_for_nothing():
    with pytest.raises(AccessDenied):
        require(Actor(member("viewer"), PERMISSIONS["admin"], None), "export")


@pytest.mark.parametrize(
    ("reviewers", "teams", "seen"),
    [
        ((), (), True),
        (("ben", "cleo"), (), True),
        (("cleo",), (), False),
        (("BEN",), (), False),  # a label names its reviewer exactly
        ((), ("night",), True),
        ((), ("day",), False),
        (("cleo",), ("day",), False),
        (("cleo",), ("night",), True),
    ],
)
def test_a_reviewer_sees_the_queues_that_are_theirs_and_others_see_all(reviewers, teams, seen):
    assert may_see(member(teams=("night",)), reviewers, teams) is seen
    for role in ("admin", "manager", "senior", "viewer"):
        assert may_see(member(role), reviewers, teams)


def test_a_key_sees_what_its_scopes_let_it_see():
    assert may_see(actor("manager", "read_queue", "read_every_queue"), ["cleo"])
    assert not may_see(actor("manager", "read_queue"), ["cleo"])
    assert may_see(actor("manager", "read_queue"), ["ben"])
    assert not may_see(actor("manager", "export"), ["ben"])


def test_a_session_takes_its_own_token_alone_and_a_key_needs_none():
    signed_in = Actor(member(), PERMISSIONS["reviewer"], NOW, csrf="a" * 64)
    assert signed_in.accepts("a" * 64)
    for other in ("", "a" * 63, "b" * 64, "é", "\ud800"):
        assert not signed_in.accepts(other)
    assert not replace(signed_in, csrf="").accepts("")
    assert actor("reviewer", "label").accepts("")
    assert "a" * 64 not in repr(signed_in)
