"""The pages on people, in a real browser."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from trueup.people import (
    add_member,
    first_invitation,
    get_member,
    invite,
    key_owner,
    list_invitations,
    list_keys,
    list_sessions,
    make_key,
    set_member,
)
from trueup.people import (
    sign_in as begin,
)
from trueup.store import Store
from trueup.web import Oidc
from web.conftest import PASSWORD, settle
from web.provider import CLIENT, SECRET
from web.test_oidc import BACK, BEN, tell
from web.test_pages import GRAVE

OTHER = "another horse battery"


@pytest.fixture(params=["sqlite"])
def store(request, new_store, tmp_path):
    """One database will do: what a browser sees does not depend on it."""
    with Store.open(new_store(tmp_path / "store")) as opened:
        yield opened


def test_a_member_makes_a_key_uses_it_and_revokes_it(people, sign_in, address):
    page = sign_in("ben")
    page.get_by_role("link", name="ben", exact=True).click()
    page.get_by_text("Make a key").click()
    page.get_by_label("What it is for").fill("<b>nightly</b>")
    page.get_by_label("label claim").check()
    page.get_by_label("How long it is good").select_option("30 days")
    page.get_by_role("button", name="Make the key").click()
    key = page.locator(".secret").inner_text()
    assert key_owner(people, key).permissions == {"label"}
    assert page.get_by_role("cell", name="<b>nightly</b>", exact=True).count() == 1
    page.goto(f"{address}/account")
    assert key not in page.content()
    page.get_by_role("button", name="Revoke the key <b>nightly</b>").click()
    page.get_by_text(re.compile("^revoked")).wait_for()
    assert page.url == f"{address}/account"
    assert key_owner(people, key) is None
    page.get_by_text("Make a key").click()
    page.get_by_label("What it is for").fill("nothing")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("alert").get_by_text("its scopes are none").wait_for()
    assert len(list_keys(people)) == 1


def test_a_member_changes_their_password_and_ends_their_other_sessions(people, sign_in, address):
    page = sign_in("ben")
    begin(people, "ben", PASSWORD)
    page.goto(f"{address}/account")
    for current, said in (("wrong", "wrong name or password"), (PASSWORD, "The password is set")):
        page.get_by_label("The one so far").fill(current)
        page.get_by_label("The new one").fill(OTHER)
        page.keyboard.press("Enter")
        page.get_by_text(said).wait_for()
    assert len(list_sessions(people, "ben")) == 1
    begin(people, "ben", OTHER)
    page.goto(f"{address}/account")
    page.get_by_role("button", name="Sign out everywhere else").click()
    page.get_by_role("cell", name="this one").wait_for()
    page.get_by_role("button", name="Sign out everywhere else").wait_for(state="detached")
    assert len(list_sessions(people, "ben")) == 1
    page.get_by_role("button", name="Sign out everywhere", exact=True).click()
    page.wait_for_url(f"{address}/signin")
    assert list_sessions(people, "ben") == []


def test_an_admin_adds_a_member_and_sets_what_they_may_do(people, sign_in, address):
    page = sign_in("ana")
    page.get_by_role("link", name="Members").click()
    page.get_by_text("Add a member").click()
    for name, said in (("BEN", "is member ben's already"), ("d/e e", "")):
        page.get_by_label("Name").fill(name)
        page.get_by_label("Teams, one a line").fill("night, late\n day \n")
        page.get_by_role("button", name="Add", exact=True).click()
        if said:
            page.get_by_role("alert").get_by_text(said).wait_for()
    page.get_by_role("heading", name="d/e e").wait_for()
    assert get_member(people, "d/e e").teams == ("day", "night, late")
    page.get_by_label("Role").select_option("senior")
    page.get_by_label("Expertise, one a line").fill("tax")
    page.get_by_role("button", name="Set", exact=True).click()
    page.get_by_text("senior").first.wait_for()
    made = get_member(people, "d/e e")
    assert (made.role, made.tags, made.teams, made.active) == (
        "senior",
        ("tax",),
        ("day", "night, late"),
        True,
    )
    page.get_by_label("A new one").fill(OTHER)
    page.get_by_role("button", name="Give the password").click()
    page.get_by_text("The password is set").wait_for()
    begin(people, "d/e e", OTHER)
    page.goto(f"{address}/members")
    page.get_by_role("link", name="d/e e").click()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.locator("#sessions").get_by_text("There are none.").wait_for()
    page.get_by_label("May sign in").uncheck()
    page.get_by_role("button", name="Set", exact=True).click()
    page.get_by_text("not at all: not active").wait_for()
    assert not get_member(people, "d/e e").active
    page.goto(f"{address}/member/ana")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Set", exact=True).click()
    page.get_by_role("alert").get_by_text("last active admin").wait_for()


def test_a_manager_sees_the_members_and_changes_nothing(people, sign_in, address):
    make_key(people, "ben", "of ben alone", ["label"])
    page = sign_in("mo")
    page.get_by_role("link", name="Members").click()
    assert page.get_by_text("Add a member").count() == 0
    page.get_by_role("link", name="ben", exact=True).click()
    page.get_by_role("heading", name="ben").wait_for()
    assert page.locator("main form").count() == 0
    assert "of ben alone" not in page.content()


def test_an_invitation_is_made_followed_and_cancelled(people, sign_in, chromium, address):
    page = sign_in("ana")
    page.goto(f"{address}/members")
    page.get_by_role("link", name="Invitations").click()
    links = []
    for role in ("senior", "viewer"):
        page.get_by_label("Role").select_option(role)
        page.get_by_role("button", name="Make a link").click()
        page.get_by_text(f"somebody becomes {role}").wait_for()
        links.append(page.locator(".secret").inner_text())
    guest = chromium.new_context().new_page()
    guest.goto(links[0])
    guest.get_by_label("Name").fill("dee")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.keyboard.press("Enter")
    guest.get_by_role("heading", name="The loop").wait_for()
    assert get_member(people, "dee").role == "senior"
    page.goto(f"{address}/invitations")
    assert links[1].rpartition("/")[2] not in page.content()
    assert page.get_by_role("cell", name="used", exact=True).count() == 1
    page.get_by_role("button", name="Cancel the invitation").click()
    page.get_by_role("button", name="Cancel the invitation").wait_for(state="detached")
    guest.goto(links[1])
    guest.get_by_label("Name").fill("eve")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.keyboard.press("Enter")
    guest.get_by_role("alert").get_by_text("unknown, used, or over").wait_for()
    guest.context.close()


def test_a_browser_goes_to_the_provider_and_comes_back_as_a_member(
    people, serve, provider, chromium
):
    address = serve(people, oidc=Oidc(provider, CLIENT, SECRET, label="Example Ltd"))
    tell(provider, back=address + BACK, user=BEN, lie="nonce")
    set_member(people, "ben", email="ben@x.org", actor="ana")
    page = chromium.new_context().new_page()
    page.goto(f"{address}/queue")
    for _ in range(2):
        page.get_by_role("link", name="Sign in with Example Ltd").click()
        if not get_member(people, "ben").issuer:
            page.get_by_role("alert").get_by_text("does not hold").wait_for()
            tell(provider, lie="")
            page.get_by_label("Name or e-mail").fill("the form leads where it should")
            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(f"{address}/signin")
            page.get_by_role("alert").get_by_text("wrong name or password").wait_for()
    page.get_by_role("heading", name="The loop").wait_for()
    cookies = {c["name"]: c for c in page.context.cookies()}
    assert set(cookies) == {"trueup"}
    assert (cookies["trueup"]["httpOnly"], cookies["trueup"]["sameSite"]) == (True, "Lax")
    page.get_by_role("link", name="ben", exact=True).click()
    page.get_by_text(f"Signs in by {provider}").wait_for()
    page.context.close()


def test_the_first_admin_comes_by_the_provider(tmp_path, serve, provider, chromium):
    with Store.open(tmp_path / "new") as new:
        token = first_invitation(new)
        address = serve(new, oidc=Oidc(provider, CLIENT, SECRET))
        tell(provider, back=address + BACK, user=BEN, lie="")
        page = chromium.new_context().new_page()
        page.goto(f"{address}/join/{token}")
        page.get_by_role("link", name="Join with 127.0.0.1").click()
        page.get_by_role("heading", name="The loop").wait_for()
        assert get_member(new, "benjamin").role == "admin"
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_window(
    people, sign_in, address, serve, provider, scheme, width
):
    furnish(people)
    page = sign_in("ana", color_scheme=scheme, viewport={"width": width, "height": 800})
    places = ["/account", "/members", "/member/cleo", "/invitations"]
    wide = serve(people, oidc=Oidc(provider, CLIENT, SECRET, label="Example Ltd"))
    for place in [*(address + place for place in places), f"{wide}/signin", f"{wide}/join/x"]:
        page.goto(place)
        settle(page)
        for closed in page.locator("details:not([open]) > summary").all():
            closed.click()
        found = Axe().run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in GRAVE]
        assert serious == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place


def furnish(people):
    """Give the pages something of everything to show."""
    add_member(
        people,
        "a member of an uncommonly long name, which no table was made for",
        "viewer",
        email="somebody.of.a.long.name@department.of.an.organisation.example.org",
        teams=["night", "day"],
        tags=["contracts", "tax"],
        actor="ana",
    )
    set_member(people, "cleo", email="cleo@example.org", teams=["night"], actor="ana")
    set_member(people, "vic", active=False, actor="ana")
    invite(people, "senior", email="dee@example.org", actor="ana")
    invite(people, "viewer", actor="ana")
    for who in ("ana", "cleo"):
        make_key(people, who, "nightly export", ["label", "read_queue"], actor="ana")
    assert len(list_invitations(people)) == 2
