"""Members, keys, sessions and invitations over the API."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from trueup.people import (
    accept,
    get_member,
    key_owner,
    list_keys,
    make_key,
    session_of,
    set_password,
    sign_in,
    sign_out,
)
from trueup.people._sessions import begin
from trueup.store import schema
from trueup.store.events import list_events
from web.conftest import PASSWORD, connect

pytestmark = pytest.mark.one_database

OTHER = "another horse battery"


def last_event(store):
    with store.reading() as tx:
        *_, event = list_events(tx)
    return event


def test_an_admin_adds_changes_and_lists_members(people, client):
    ana = client("ana")
    given = {
        "name": "dee",
        "role": "senior",
        "email": "d@x.org",
        "teams": ["night"],
        "tags": ["tax"],
    }
    made = ana.post("/api/members", json=given | {"password": PASSWORD})
    assert made.status_code == 201
    assert PASSWORD not in made.text
    assert given.items() <= made.json().items()
    assert sign_in(people, "d@x.org", PASSWORD)[1].name == "dee"
    changed = ana.patch("/api/members/dee", json={"role": "viewer", "tags": [], "email": ""})
    assert (changed.json()["role"], changed.json()["tags"], changed.json()["email"]) == (
        "viewer",
        [],
        None,
    )
    assert changed.json()["teams"] == ["night"], "what is left out stays"
    assert last_event(people).actor == "ana"
    assert [m["name"] for m in client("mo").get("/api/members").json()][-3:] == ["mo", "sue", "vic"]
    assert ana.get("/api/members/DEE").json()["id"] == made.json()["id"]
    assert ana.patch("/api/members/dee", json={"active": False}).json()["active"] is False
    without = ana.post("/api/members", json={"name": "eve"})
    assert without.json()["has_password"] is False


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/api/members", {"name": "ANA"}, 422, "is member ana's already"),
        ("/api/members", {"name": "x", "password": "short"}, 422, "5 characters; give 12"),
        ("/api/members", {"name": "x", "role": "boss"}, 422, "Input should be"),
        ("/api/members", {"name": "x", "mood": 1}, 422, "Extra inputs"),
        ("/api/members/nobody/keys", {"name": "k", "scopes": ["label"]}, 404, "no member 'nobody'"),
        ("/api/members/ben/keys", {"name": "k", "scopes": ["export"]}, 422, "what ben may do"),
        ("/api/members/ben/keys", {"name": "k", "scopes": []}, 422, "at least 1 item"),
        ("/api/members/ben/keys", {"name": "k", "scopes": ["fly"]}, 422, "Input should be"),
        (
            "/api/members/ben/keys",
            {"name": "k", "scopes": ["label"], "expires_at": "2020-01-01T00:00:00"},
            422,
            "timezone",
        ),
        (
            "/api/members/ben/keys",
            {"name": "k", "scopes": ["label"], "expires_at": "2020-01-01T00:00:00Z"},
            422,
            "it would be over since 2020-01-01",
        ),
        ("/api/invitations", {"email": "nobody"}, 422, "no form like"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(people, client, path, body, status, said):
    found = client("ana").post(path, json=body)
    assert found.status_code == status
    assert said in found.text


def test_the_last_admin_stays_one(people, client):
    refused = client("ana").patch("/api/members/ana", json={"role": "viewer"})
    assert (refused.status_code, refused.json()["kind"]) == (403, "AccessDenied")
    assert "last active admin" in refused.json()["error"]


def test_a_member_makes_sees_and_revokes_their_own_keys(people, session, client):
    ben = session("ben")
    until = datetime.now(UTC) + timedelta(days=1)
    body = {"name": "nightly", "scopes": ["label"], "expires_at": until.isoformat()}
    made = ben.post("/api/members/ben/keys", json=body)
    assert made.status_code == 201
    program = key_owner(people, made.json()["key"])
    assert (program.name, program.permissions, program.expires_at) == ("ben", {"label"}, until)
    [kept] = ben.get("/api/members/ben/keys").json()
    assert kept == {k: v for k, v in made.json().items() if k != "key"} | {
        "last_used_at": kept["last_used_at"]
    }
    other = make_key(people, "cleo", "k", ["label"]).kept.id
    assert ben.delete(f"/api/members/ben/keys/{other}").status_code == 404
    assert ben.delete(f"/api/members/cleo/keys/{other}").status_code == 403
    assert ben.delete(f"/api/members/{get_member(people, 'ben').id}/keys/{kept['id']}").is_success
    assert key_owner(people, made.json()["key"]) is None
    assert last_event(people).actor == "ben"
    assert session("ana").delete(f"/api/members/cleo/keys/{other}").is_success
    assert all(key.revoked_at for key in list_keys(people, "cleo"))


def test_a_key_makes_no_key_and_an_admins_none_that_may_more(people, address):
    for who, scopes, asked, status in (
        ("ben", ["label", "read_queue"], ["label"], 403),
        ("ana", ["export"], ["export"], 403),
        ("ana", ["manage_members", "export"], ["export"], 201),
        ("ana", ["manage_members"], ["export"], 403),
    ):
        key = make_key(people, who, "k", scopes).key
        with connect(address, headers={"Authorization": f"Bearer {key}"}) as http:
            body = {"name": "more", "scopes": asked}
            found = http.post(f"/api/members/{who}/keys", json=body)
            assert found.status_code == status, (who, scopes)


def test_a_change_of_the_api_needs_its_sessions_token(people, session):
    ben = session("ben")
    del ben.headers["X-CSRF-Token"]
    refused = ben.post("/api/members/ben/keys", json={"name": "k", "scopes": ["label"]})
    assert (refused.status_code, "its session's token" in refused.text) == (403, True)
    assert ben.delete("/api/members/ben/sessions").status_code == 403
    assert ben.get("/api/members/ben/keys").json() == []
    for path in ("keys", "password", "signout"):
        form = {"name": "k", "scopes": "label", "password": OTHER}
        assert ben.post(f"/member/ben/{path}", data=form).status_code == 403
    ana = session("ana")
    for path in ("/members", "/member/ben", "/invitations", "/invitations/x/cancel"):
        assert ana.post(path, data={"name": "x", "role": "admin"}).status_code == 403
    assert list_keys(people) == []
    assert get_member(people, "ben").role == "reviewer"


def test_a_member_changes_their_password_by_the_one_so_far(people, address, session):
    set_password(people, "ben", PASSWORD, actor="ana")
    token, actor = sign_in(people, "ben", PASSWORD)
    elsewhere, _ = sign_in(people, "ben", PASSWORD)
    headers = {"X-CSRF-Token": actor.csrf}
    with connect(address, cookies={"trueup": token}, headers=headers) as ben:
        for current in ("", "wrong"):
            body = {"password": OTHER, "current": current}
            wrong = ben.post("/api/members/ben/password", json=body)
            assert (wrong.status_code, wrong.json()["kind"]) == (401, "SignInError")
        body = {"password": OTHER, "current": PASSWORD}
        assert ben.post("/api/members/ben/password", json=body).status_code == 204
        assert ben.get("/api/me").status_code == 200
        assert session_of(people, elsewhere) is None
        for _ in range(5):
            ben.post("/api/members/ben/password", json={"password": PASSWORD, "current": "no"})
        body = {"password": PASSWORD, "current": OTHER}
        wait = ben.post("/api/members/ben/password", json=body)
        assert (wait.status_code, "too many tries" in wait.text) == (429, True)
    given = session("ana").post("/api/members/ben/password", json={"password": PASSWORD})
    assert given.status_code == 204
    assert session_of(people, token) is None


def test_sessions_are_seen_and_ended(people, session):
    ben, elsewhere = session("ben"), session("ben")
    found = ben.get("/api/members/ben/sessions").json()
    assert sorted(one["this"] for one in found) == [False, True]
    assert session("ana").delete("/api/members/ben/sessions").json() == {"ended": 2}
    assert ben.get("/api/me").status_code == elsewhere.get("/api/me").status_code == 401


def test_invitations_are_made_listed_and_cancelled(people, client):
    ana = client("ana")
    made = ana.post("/api/invitations", json={"role": "senior", "email": "d@x.org"})
    assert made.status_code == 201
    other = ana.post("/api/invitations", json={}).json()
    assert accept(people, made.json()["token"], "dee", PASSWORD).role == "senior"
    newest, used = ana.get("/api/invitations").json()
    assert (used["state"], used["email"], newest["state"]) == ("used", "d@x.org", "open")
    assert "token" not in newest
    assert ana.delete(f"/api/invitations/{newest['id']}").status_code == 204
    assert ana.delete(f"/api/invitations/{newest['id']}").status_code == 404
    assert len(ana.get("/api/invitations").json()) == 1
    assert client().get(f"/join/{other['token']}").status_code == 200
    form = {"name": "eve", "password": PASSWORD}
    assert client().post(f"/join/{other['token']}", data=form).status_code == 403


def test_what_has_ended_is_forgotten_while_the_server_runs(people, serve):
    with people.transaction() as tx:
        token, _ = begin(tx, get_member(people, "ben"), {}, datetime.now(UTC))
        begin(tx, get_member(people, "ben"), {}, datetime.now(UTC))
    sign_out(people, token)
    counted = sa.select(sa.func.count()).select_from(schema.session)
    serve(people)
    for _ in range(1200):
        with people.reading() as tx:
            left = tx.execute(counted).scalar_one()
        if left == 1:
            break
        time.sleep(0.05)
    assert left == 1


@pytest.mark.parametrize(
    "odd", ["%00", "%ED%A0%80", "%E2%80%8B", "a%2Fb", "x" * 64, "%F0%9F%90%8D"]
)
def test_names_and_ids_that_none_has_are_told_so(people, client, odd):
    ana = client("ana")
    for method, path in (
        ("GET", "/api/members/{}"),
        ("PATCH", "/api/members/{}"),
        ("GET", "/api/members/{}/keys"),
        ("DELETE", "/api/members/ben/keys/{}"),
        ("DELETE", "/api/invitations/{}"),
        ("GET", "/member/{}"),
        ("POST", "/member/ben/keys/{}/revoke"),
        ("POST", "/invitations/{}/cancel"),
    ):
        status = ana.request(method, path.format(odd), json={}).status_code
        assert status in (404, 405), (method, path, status)
