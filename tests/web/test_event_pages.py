"""Counts that follow what happens, the audit log and the webhooks, in a real browser."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe

from trueup.store import Store
from trueup.store.reservations import list_held
from trueup.types import Label
from trueup.webhooks import add_webhook, list_webhooks
from web.conftest import settle
from webhooks.conftest import Receiver

GRAVE = ("serious", "critical")


@pytest.fixture(params=["sqlite"])
def store(request, new_store, tmp_path):
    """One database will do: what a browser sees does not depend on it."""
    with Store.open(new_store(tmp_path / "store")) as opened:
        yield opened


def held_by(store, name):
    with store.reading() as tx:
        return list_held(tx, name, now=datetime.now(UTC))


def test_counts_follow_what_others_do_while_the_page_is_open(fill, sign_in, address, people):
    queue = fill(3)
    items = queue.items()
    page = sign_in("ben")
    page.goto(f"{address}/queue/{queue.id}")
    page.locator("[data-count=annotations]", has_text="0").wait_for()
    for name in ("cleo", "sue"):
        queue.submit(items[0].id, name, Label("a", 1))
    page.locator("[data-count=annotations]", has_text="2").wait_for()
    page.locator("[data-count=done]", has_text="1").wait_for()
    page.goto(f"{address}/queue/{queue.id}/label")
    page.get_by_text("1 of 3 items done").wait_for()
    page.locator(".answer").first.wait_for()
    held = {one.item_id for one in held_by(people, "ben")}  # two, one of them fetched ahead
    for name in ("cleo", "ben"):
        queue.submit(min(held), name, Label("a", 1))
    page.get_by_text("2 of 3 items done").wait_for()
    page.reload()
    page.locator(".answer").first.wait_for()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    page.locator("#count", has_text="2").wait_for()  # the one given elsewhere, and this one


def test_the_log_is_read_narrowed_verified_and_exported(fill, sign_in, address):
    queue = fill(1, "harm", settings={"safety": True})
    given = queue.submit(queue.items(actor="mo")[0].id, "ben", Label("a", 1))
    page = sign_in("mo")
    page.get_by_role("link", name="Audit").click()
    page.get_by_role("heading", name="Audit log").wait_for()
    page.get_by_label("action").fill("submit")
    page.get_by_label("safety alone").check()
    page.get_by_role("button", name="Show").click()
    assert page.locator("tbody tr").count() == 1
    page.get_by_role("button", name="Verify all of it").click()
    page.get_by_text("Verified up to seal").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert given.id in download.value.path().read_text()
    page.goto(f"{address}/audit?action=submit")
    page.get_by_role("link", name=given.id[:13]).click()
    page.get_by_role("heading", name="Lineage of label").wait_for()


def test_a_webhook_is_made_tried_and_removed(fill, sign_in, address, people):
    fill(1)
    receiver = Receiver()
    try:
        page = sign_in("ana")
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_label("Address").fill("https://169.254.169.254/")
        page.get_by_role("button", name="Add").click()
        page.get_by_role("alert").get_by_text("not public").wait_for()
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_role("button", name="Add").click()
        page.get_by_text("it is not shown again").wait_for()
        assert page.get_by_text("whsec_").count() == 1
        page.get_by_role("button", name="Send a test").click()
        page.get_by_text("It arrived.").wait_for()
        assert page.get_by_text("whsec_").count() == 0
        page.get_by_role("button", name="Remove").click()
        page.get_by_text("There are none.").wait_for()
        assert list_webhooks(people) == []
    finally:
        receiver.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_grave_fault_or_is_wider_than_a_phone(fill, sign_in, address, people, scheme):
    queue = fill(2, "harm", settings={"safety": True})
    queue.configure(guidelines="x" * 300, description="A long word: " + "y" * 200)
    add_webhook(people, "https://example.org/" + "long/" * 60, queue="harm", actions=["submit"])
    page = sign_in("ana", color_scheme=scheme, viewport={"width": 390, "height": 800})
    for path in ("/audit", "/webhook", f"/queue/{queue.id}"):
        page.goto(address + path)
        settle(page)
        page.locator("main").wait_for()
        found = Axe().run(page).response["violations"]
        assert [v["id"] for v in found if v["impact"] in GRAVE] == [], path
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
