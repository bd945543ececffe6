"""Signing in by an OpenID provider: a real one, a process of its own, that can be made to lie."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from trueup.errors import InputError
from trueup.people import get_member, invite, list_invitations, list_members, set_member
from trueup.store import schema
from trueup.store.events import list_events
from trueup.web import Oidc
from web.conftest import connect, free_port
from web.provider import CLIENT, SECRET

pytestmark = pytest.mark.one_database

BEN = {"sub": "b-1", "preferred_username": "benjamin", "email": "ben@x.org", "email_verified": True}
BACK = "/signin/oidc/callback"


@pytest.fixture
def service(people, provider, serve):
    """Return a function that serves the store beside the provider and gives a browser on it."""
    made = []

    def start(**options):
        settings = {"client_id": CLIENT, "client_secret": SECRET} | options
        address = serve(people, oidc=Oidc(provider, **settings))
        tell(provider, back=address + BACK, user=BEN, lie="")
        made.append(connect(address))
        return made[-1]

    yield start
    for one in made:
        one.close()


def tell(provider, **changes):
    return (
        httpx.post(f"{provider}/set", json=changes, timeout=60).raise_for_status().json()["asked"]
    )


def question(http, **params):
    """Return where the service sends a browser."""
    sent = http.get("/signin/oidc", params=params)
    assert sent.status_code == 303, sent.text
    return sent.headers["location"]


def answer(http, where):
    """Return where the provider sends the browser back to."""
    sent = http.get(where)
    assert sent.status_code == 302, sent.text
    return sent.headers["location"]


def come(http, **params):
    """Go to the provider and back, and return what the service says then."""
    return http.get(answer(http, question(http, **params)))


def last_event(store):
    with store.reading() as tx:
        *_, event = list_events(tx)
    return event


def said(page):
    return page.text.partition('role="alert">')[2].partition("</p>")[0]


def test_a_verified_email_links_the_member_who_has_it_for_good(service, people, provider):
    set_member(people, "ben", email="Ben@X.org", actor="ana")
    http = service()
    assert "Sign in with 127.0.0.1" in http.get("/signin").text
    done = come(http)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert http.get("/api/me").json()["name"] == "ben"
    assert get_member(people, "ben").issuer == provider
    event = last_event(people)
    assert (event.action, event.actor, event.detail) == ("sign_in", "ben", {"issuer": provider})
    # from now on the subject is who they are, whatever the email
    tell(provider, user=BEN | {"email": "else@x.org", "email_verified": False})
    with connect(http.base_url) as other:
        assert come(other).status_code == 303
        assert other.get("/api/me").json()["name"] == "ben"
    # and the email is not theirs to give to another account
    tell(provider, user=BEN | {"sub": "b-2"})
    with connect(http.base_url) as third:
        refused = come(third)
    assert (refused.status_code, "another account" in said(refused)) == (403, True)
    set_member(people, "ben", unlink=True, actor="ana")
    assert http.get("/api/me").status_code == 401, "who is unlinked is signed out"
    assert come(http).status_code == 303
    assert {m.name for m in list_members(people)} == {"ana", "ben", "cleo", "mo", "sue", "vic"}


@pytest.mark.parametrize("verified", [{"email_verified": False}, {"email_verified": None}, {}])
def test_an_email_that_is_not_verified_opens_nobodys_account(service, people, provider, verified):
    set_member(people, "ben", email="ben@x.org", actor="ana")
    invite(people, "admin", email="ben@x.org", actor="ana")
    http = service()
    bare = {k: v for k, v in BEN.items() if k != "email_verified"}
    tell(provider, user=bare | {k: v for k, v in verified.items() if v is not None})
    refused = come(http)
    assert refused.status_code == 403
    assert "has not verified the email" in said(refused)
    assert "trueup=" not in refused.headers["set-cookie"].replace("trueup-oidc=", "")
    assert get_member(people, "ben").issuer is None
    assert last_event(people).action == "sign_in_failed"
    assert http.get("/api/me").status_code == 401


def test_a_name_like_an_email_is_none(service, people):
    from trueup.people import add_member

    add_member(people, "ben@x.org", "admin", actor="ana")
    refused = come(service())
    assert (refused.status_code, "no member has the email" in said(refused)) == (403, True)
    assert get_member(people, "ben@x.org").issuer is None


def test_who_is_not_active_stays_out_linked_or_not(service, people):
    set_member(people, "ben", email="ben@x.org", actor="ana")
    http = service()
    set_member(people, "ben", active=False, actor="ana")
    refused = come(http)
    assert (refused.status_code, said(refused)) == (
        403,
        "ben is not active: an admin can change that",
    )
    assert get_member(people, "ben").issuer is None
    set_member(people, "ben", active=True, actor="ana")
    assert come(http).status_code == 303
    set_member(people, "ben", active=False, actor="ana")
    assert http.get("/api/me").status_code == 401
    assert come(http).status_code == 403


def test_newcomers_come_in_where_they_may_under_the_name_that_a_claim_gives(
    service, people, provider
):
    refused = come(service())
    assert "no member has the email ben@x.org" in said(refused)
    http = service(newcomers="viewer", name_claim="nickname", label="Example Ltd")
    tell(provider, user=BEN | {"nickname": "Benny"})
    assert "Sign in with Example Ltd" in http.get("/signin").text
    assert come(http).status_code == 303
    benny = get_member(people, "benny")
    assert (benny.name, benny.role, benny.email) == ("Benny", "viewer", "ben@x.org")
    assert not benny.has_password
    # unverified, they come in too, as themselves and without the email
    tell(provider, user={"sub": "c-1", "nickname": "Cy", "email": "mo@x.org"})
    assert come(http).status_code == 303
    assert (get_member(people, "Cy").role, get_member(people, "Cy").email) == ("viewer", None)


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"preferred_username": "ANA"}, "as another member is called"),
        ({"preferred_username": " "}, "does not say what to call you"),
        ({"preferred_username": 7}, "does not say what to call you"),
        ({"preferred_username": "a\u200bna"}, "characters that are not seen"),
    ],
)
def test_a_newcomer_gets_no_name_that_cannot_be(service, people, provider, claims, why):
    http = service(newcomers="viewer")
    tell(provider, user=BEN | claims)
    refused = come(http)
    assert refused.status_code == 403
    assert why in said(refused)
    assert len(list_members(people)) == 6
    assert get_member(people, "ana").issuer is None


def test_an_invitation_for_the_email_is_used_up(service, people):
    invite(people, "senior", email="BEN@x.org", actor="ana")
    assert come(service()).status_code == 303
    assert get_member(people, "benjamin").role == "senior"
    assert [sent.state for sent in list_invitations(people)] == ["used"]


def test_an_invitations_link_leads_by_the_provider_too(service, people, provider):
    made = invite(people, "manager", actor="ana")
    http = service()
    tell(provider, user={"sub": "x-1", "preferred_username": "xi"})
    assert f"/signin/oidc?join={made.token}" in http.get(f"/join/{made.token}").text
    assert come(http, join=made.token).status_code == 303
    assert http.get("/api/me").json() == {"name": "xi", "role": "manager", "tags": []}
    tell(provider, user={"sub": "x-2", "preferred_username": "xo"})
    with connect(http.base_url) as other:
        refused = come(other, join=made.token)
    assert (refused.status_code, "unknown, used, or over" in said(refused)) == (403, True)


LIES = {
    "nonce": "nonce",
    "no nonce": "nonce",
    "audience": "aud",
    "audience as text": "aud",
    "audiences": "azp",
    "party": "azp",
    "issuer": "iss",
    "expired": "expired",
    "later": "in the future",
    "signature": "signature",
    "unsigned": "none",
    "secret": "HS256",
    "hash": "at_hash",
    "thin of another": "somebody else",
    "odd times": "exp",
    "garbage": "does not hold",
    "no header": "does not hold",
    "no claims": "does not hold",
    "no subject": "sub",
    "long subject": "subject",
    "odd subject": "sub",
    "empty subject": "sub",
    "thin list": "does not hold",
    "no token": "id_token",
    "no JSON": "does not hold",
    "a list": "does not hold",
    "says who": "not from",
    "says who is another": "not from",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_does_not_hold_is_refused(service, people, provider, lie):
    set_member(people, "ben", email="ben@x.org", actor="ana")
    http = service()
    tell(provider, lie=lie)
    refused = come(http)
    assert refused.status_code == 401, refused.text
    assert LIES[lie] in said(refused), said(refused)
    assert http.get("/api/me").status_code == 401
    assert get_member(people, "ben").issuer is None
    assert (last_event(people).action, last_event(people).actor) == ("sign_in_failed", "unknown")


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(service, people):
    set_member(people, "ben", email="ben@x.org", actor="ana")
    http = service()
    back = answer(http, question(http))
    kept = http.cookies["trueup-oidc"]
    with connect(http.base_url) as other:
        refused = other.get(back)
        assert (refused.status_code, "not begun here" in said(refused)) == (401, True)
        other.cookies.set("trueup-oidc", "another")
        assert other.get(back).status_code == 401
        swapped = answer(other, question(other))
        state = parse_qs(urlsplit(swapped).query)["state"][0]
        assert http.get(BACK, params={"state": state, "code": "x"}).status_code == 401
    http.cookies.set("trueup-oidc", kept, domain="127.0.0.1")
    assert http.get(back).status_code == 303
    assert "trueup-oidc" not in http.cookies
    # the very same answer, with the cookie that the browser had
    with connect(http.base_url, cookies={"trueup-oidc": kept}) as again:
        refused = again.get(back)
        assert (refused.status_code, "was used" in said(refused)) == (401, True)


def test_an_answer_that_comes_late_is_refused(service, people):
    http = service()
    back = answer(http, question(http))
    pending = schema.pending_sign_in
    with people.transaction() as tx:
        past = datetime.now(UTC) - timedelta(seconds=1)
        assert tx.execute(sa.select(pending.c.expires_at)).scalar_one() > past + timedelta(
            minutes=9
        )
        tx.execute(sa.update(pending).values(expires_at=past))
    refused = http.get(back)
    assert (refused.status_code, "is over" in said(refused)) == (401, True)
    question(http)
    with people.reading() as tx:
        assert tx.execute(sa.select(sa.func.count()).select_from(pending)).scalar() == 1


def test_the_question_carries_what_the_answer_is_held_against_and_no_secret(service, people):
    http = service()
    asked = {k: v[0] for k, v in parse_qs(urlsplit(question(http)).query).items()}
    kept = http.cookies["trueup-oidc"]
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{str(http.base_url).rstrip('/')}{BACK}"
    assert set(asked["scope"].split()) == {"openid", "profile", "email"}
    derived = [asked[name] for name in ("state", "nonce", "code_challenge")]
    assert len({kept, *derived}) == 4
    with people.reading() as tx:
        rows = str(tx.execute(sa.select(schema.pending_sign_in)).all())
    assert not any(secret in rows for secret in (kept, *derived))


def test_what_the_token_leaves_out_is_asked_for(service, people, provider):
    set_member(people, "ben", email="ben@x.org", actor="ana")
    http = service()
    before = tell(provider, lie="thin").count("userinfo")
    assert come(http).status_code == 303
    assert http.get("/api/me").json()["name"] == "ben"
    assert tell(provider).count("userinfo") == before + 1


def test_what_the_provider_says_of_itself_is_kept_and_a_new_key_is_fetched(
    service, people, provider
):
    set_member(people, "ben", email="ben@x.org", actor="ana")
    http = service()
    start = tell(provider)
    assert come(http).status_code == 303
    assert come(http).status_code == 303
    first = tell(provider)[len(start) :]
    assert (first.count("about"), first.count("keys")) == (1, 1)
    tell(provider, lie="new key")
    assert come(http).status_code == 303
    assert tell(provider)[len(start) :].count("keys") == 2


def test_after_five_answers_that_do_not_hold_an_address_waits(service, people, provider):
    http = service()
    tell(provider, lie="nonce")
    for _ in range(5):
        assert come(http).status_code == 401
    wait = http.get("/signin/oidc")
    assert (wait.status_code, "too many tries" in said(wait)) == (429, True)
    # passwords are tried apart from it
    form = {"name": "ben", "password": "wrong"}
    assert http.post("/signin", data=form).status_code == 401


def test_who_says_no_at_the_provider_is_told_so(service, people, provider):
    http = service()
    tell(provider, user=None)
    refused = come(http)
    assert (refused.status_code, "says: " in said(refused)) == (401, True)


@pytest.mark.parametrize(
    ("lie", "why"), [("calls itself another", "calls itself"), ("plain http", "over HTTPS")]
)
def test_a_provider_that_is_not_what_was_set_up_is_not_asked(service, people, provider, lie, why):
    http = service()
    tell(provider, lie=lie)
    refused = http.get("/signin/oidc")
    assert (refused.status_code, why in said(refused)) == (401, True)


def test_a_provider_that_does_not_answer_leaves_passwords(people, serve):
    nowhere = f"http://127.0.0.1:{free_port()}"
    address = serve(people, oidc=Oidc(nowhere, CLIENT, SECRET))
    with connect(address) as http:
        refused = http.get("/signin/oidc")
        assert (refused.status_code, "does not answer" in said(refused)) == (401, True)
        assert "<form" in refused.text


def test_without_a_provider_there_is_no_button(people, serve):
    with connect(serve(people)) as http:
        assert "oidc" not in http.get("/signin").text
        for path in ("/signin/oidc", BACK):
            assert http.get(path).status_code == 404


@pytest.mark.parametrize(
    ("issuer", "client"), [("http://id.example.org", "c"), ("id", "c"), ("https://id.org", "")]
)
def test_a_provider_is_named_by_https_and_with_a_client(issuer, client):
    with pytest.raises(InputError, match="OpenID issuer"):
        Oidc(issuer, client)
    assert SECRET not in repr(Oidc("https://id.example.org", "c", SECRET))


def test_the_address_that_browsers_use_is_where_people_are_sent_back_to(people, provider, serve):
    tell(provider, lie="")
    settings = Oidc(provider, CLIENT, SECRET)
    address = serve(people, oidc=settings, url="https://trueup.example.org/")
    with connect(address) as http:
        asked = parse_qs(urlsplit(question(http)).query)
    assert asked["redirect_uri"] == [f"https://trueup.example.org{BACK}"]
