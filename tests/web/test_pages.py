"""The pages, in a real browser, by keyboard."""

from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe

from trueup.people import first_invitation, set_password
from trueup.store import Store
from trueup.store.annotations import list_annotations
from trueup.types import Label, Question
from web.conftest import load_until, settle

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GRAVE = ("serious", "critical")
ASKED = (
    Question("preference", "preference", required=True),
    Question("stars", "rating"),
    Question("cost", "number"),
    Question("where", "span", options=("claim",)),
    Question("steps", "steps"),
    Question("better", "edit"),
)


@pytest.fixture(params=["sqlite"])
def store(request, new_store, tmp_path):
    """One database will do: what a browser sees does not depend on it."""
    with Store.open(new_store(tmp_path / "store")) as opened:
        yield opened


def test_a_reviewer_labels_twenty_items_by_keyboard_alone(fill, sign_in):
    queue = fill(20)
    page = sign_in("ben")
    page.get_by_role("link", name="Label", exact=True).focus()
    page.keyboard.press("Enter")
    for number in range(20):
        page.locator(".answer").first.wait_for()
        page.keyboard.press("1")
        if number % 2:
            page.keyboard.press("1")
        page.keyboard.press("d")
        page.keyboard.press("Enter")
        page.locator("#count", has_text=str(number + 1)).wait_for()
    page.get_by_text("nothing is left for ben").wait_for()
    given = queue.annotations()
    assert len({a.item_id for a in given}) == 20
    assert [a.label.strength for a in given] == [1, 2] * 10
    assert all(a.label.preferred == a.shown[0] for a in given)
    assert all(a.label.labels == ("wrong_tool",) and a.label.seconds > 0 for a in given)


def test_what_a_model_wrote_is_text_and_what_differs_is_marked(fill, sign_in, address):
    queue = fill(1)
    page = sign_in("ben")
    page.goto(f"{address}/queue/{queue.id}/label")
    page.locator(".answer").first.wait_for()
    assert page.locator(".answer b").count() == 0
    assert page.get_by_text("<b>Pipe 0</b>").count() == 1
    assert "not " in page.locator("mark").all_inner_texts()
    page.keyboard.press("m")
    assert page.locator("mark").count() == 0
    assert page.locator(".answer b").count() == 0
    page.keyboard.press("p")
    page.get_by_text("Pipe 0 is covered since 2020.").wait_for()


def test_a_draft_outlives_the_page_and_undo_gives_the_label_back(fill, sign_in, address):
    queue = fill(2)
    page = sign_in("ben")
    page.goto(f"{address}/queue/{queue.id}/label")
    page.locator(".answer").first.wait_for()
    page.keyboard.press("n")
    page.keyboard.press("c")
    page.keyboard.type("It depends on the year.")
    page.reload()
    page.locator(".answer").first.wait_for()
    assert page.locator("textarea").input_value() == "It depends on the year."
    page.keyboard.press("Enter")
    page.locator("#count", has_text="1").wait_for()
    page.keyboard.press("u")
    page.get_by_text("You have labelled this item").wait_for()
    assert page.locator("textarea").input_value() == "It depends on the year."
    page.keyboard.press("t")
    page.locator("textarea").fill("")
    page.keyboard.press("Escape")
    with page.expect_response("**/label") as given:
        page.keyboard.press("Enter")
    assert given.value.status == 201
    assert [a.label.preferred for a in queue.annotations()] == ["tie"]
    page.locator("#said", has_text="labelled").wait_for()
    assert page.locator("#count").inner_text() == "1"  # a correction is no further label


def test_an_item_is_skipped_with_its_reason(fill, sign_in, address):
    queue = fill(1)
    page = sign_in("ben")
    page.goto(f"{address}/queue/{queue.id}/label")
    page.locator(".answer").first.wait_for()
    page.keyboard.press("z")
    page.keyboard.type("the passage is cut off")
    page.keyboard.press("Enter")
    page.get_by_text("on items that ben skipped").wait_for()


def test_a_senior_settles_by_keyboard_what_two_reviewers_disagree_on(fill, sign_in, address):
    queue = fill(1, settings={"min_agreement": 0.6})
    [item] = queue.items()
    for name, key in (("ben", "a"), ("cleo", "b")):
        queue.submit(item.id, name, Label(key, 2, ("wrong_tool",)), now=NOW)
    page = sign_in("sue")
    page.goto(f"{address}/queue/{queue.id}")
    page.get_by_role("link", name="Settle 1").focus()
    page.keyboard.press("Enter")
    page.locator(".answer").first.wait_for()
    said = page.locator("#said-list li").all_inner_texts()
    assert said == [f"answer {n}, clearly better; wrong tool" for n in (1, 2)]
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.get_by_text("no adjudication is left for sue").wait_for()
    [settled] = queue.export("paired")
    kept = {a.key: a.text for a in item.answers}
    with queue._store.reading() as tx:
        [ruling] = list_annotations(tx, item_ids=[item.id], kinds=["adjudication"])
    assert (settled.chosen, ruling.reviewer) == (kept[ruling.shown[1]], "sue")

    ben = sign_in("ben")
    ben.goto(f"{address}/queue/{queue.id}")
    assert ben.get_by_role("link", name="Settle").count() == 0
    ben.get_by_role("link", name="Feedback").click()
    agreed = "agrees" if ruling.label.preferred == "a" else "differs"
    ben.get_by_text(agreed, exact=True).wait_for()


def test_a_manager_draws_spot_checks_and_a_senior_labels_them_blind(fill, sign_in, address):
    queue = fill(2)
    for item in queue.items():
        queue.submit(item.id, "ben", Label("a", 2))
    page = sign_in("mo")
    page.goto(f"{address}/queue/{queue.id}")
    page.get_by_label("Per cent of the week's labels").fill("50")
    page.get_by_role("button", name="Draw spot checks").click()
    load_until(page, "Check 1")
    page.get_by_role("link", name="Check 1").click()
    page.locator(".answer").first.wait_for()
    assert not page.locator("#said-box").is_visible()
    page.keyboard.press("t")
    page.keyboard.press("Enter")
    page.get_by_text("no spot check is left for mo").wait_for()
    page.goto(f"{address}/queue/{queue.id}")
    load_until(page, "0 of 1")


def test_other_questions_are_asked_and_answered_by_keyboard(fill, sign_in, address):
    questions = (
        Question("order", "ranking"),
        Question("tone", "choice", options=("warm", "cold")),
        Question("stars", "rating", required=True),
        Question("keep", "thumbs"),
        Question("why", "text"),
    )
    queue = fill(1, questions=questions)
    page = sign_in("ben")
    page.goto(f"{address}/queue/{queue.id}/label")
    page.locator(".answer").first.wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("'stars' has no answer, and the queue requires one").wait_for()
    for part in ("answer 2", "answer 1", "cold", "4", "no"):
        page.get_by_role("button", name=part).click()
    page.locator("textarea").fill("It says when.")
    page.get_by_role("button", name="Submit").click()
    page.locator("#count", has_text="1").wait_for()
    [given] = queue.annotations()
    assert given.label.answers == {
        "order": list(reversed(given.shown)),
        "tone": "cold",
        "stars": 4,
        "keep": False,
        "why": "It says when.",
    }


def test_two_reviewers_share_a_queue_and_a_third_gets_nothing(fill, sign_in, address):
    queue = fill(3)
    for name in ("ben", "cleo"):
        page = sign_in(name)
        page.goto(f"{address}/queue/{queue.id}/label")
        for number in range(3):
            page.locator(".answer").first.wait_for()
            page.keyboard.press("2")
            page.keyboard.press("Enter")
            page.locator("#count", has_text=str(number + 1)).wait_for()
    page = sign_in("sue")
    page.goto(f"{address}/queue/{queue.id}/label")
    page.get_by_text("every item has the reviewers it needs").wait_for()
    assert len(queue.annotations()) == 6


def test_a_manager_audits_and_follows_a_label_to_what_it_touched(fill, sign_in, address):
    queue = fill(2)
    from trueup.types import Label

    for item in queue.items():
        for name, key in (("ben", "a"), ("cleo", "b")):
            queue.submit(item.id, name, Label(key, 1))
    page = sign_in("mo")
    page.goto(f"{address}/queue/{queue.id}")
    page.get_by_role("button", name="Audit now").click()
    page.get_by_text("the line is 0.60").wait_for()
    page.goto(f"{address}/item/{queue.items()[0].id}")
    page.get_by_role("link", name="what it touched").first.click()
    page.get_by_role("heading", name="Lineage of label").wait_for()


def test_a_wrong_password_is_refused_and_nobody_gets_in_without_one(
    fill, people, chromium, address
):
    queue = fill(1)
    set_password(people, "ben", "correct horse battery staple", actor="ana")
    page = chromium.new_context().new_page()
    page.goto(f"{address}/queue/{queue.id}/label")
    assert page.url == f"{address}/signin"
    page.get_by_label("Name or e-mail").fill("ben")
    page.get_by_label("Password").fill("wrong horse battery staple")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    assert page.url == f"{address}/signin"
    page.context.close()


def test_the_first_admin_joins_by_a_link_that_is_good_once(tmp_path, chromium):
    import socket
    import threading
    import time

    import uvicorn

    from trueup.web import create_app

    with Store.open(tmp_path / "new") as store, socket.socket() as probe:
        token = first_invitation(store)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = uvicorn.Server(
            uvicorn.Config(create_app(store), port=port, log_level="error", ws="none")
        )
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        page = chromium.new_context().new_page()
        for heading in ("The loop", "Join trueup"):
            page.goto(f"http://127.0.0.1:{port}/join/{token}")
            page.get_by_label("Name").fill(heading)
            page.get_by_label("Password").fill("correct horse battery staple")
            page.keyboard.press("Enter")
            page.get_by_role("heading", name=heading).wait_for()
        page.get_by_role("alert").wait_for()
        page.context.close()
        server.should_exit = True
        thread.join()


def test_a_page_that_waits_for_figures_is_not_in_the_way_of_a_click(fill, sign_in, address):
    fill(1)
    page = sign_in("mo")

    def without_figures(route):
        whole = route.fetch()
        route.fulfill(
            response=whole, body=whole.text().replace("</main>", "<p data-pending></main>")
        )

    slow = []
    page.route(f"{address}/", without_figures)
    page.route(f"{address}/queue", lambda route: slow.append(route))
    page.goto(f"{address}/")
    with page.expect_request(f"{address}/"):  # it looks again by itself
        pass
    page.get_by_role("link", name="Queues", exact=True).click(no_wait_after=True)
    page.wait_for_timeout(2_500)
    assert len(slow) == 1
    slow[0].continue_()
    page.get_by_role("heading", name="Queues").wait_for()
    assert page.url == f"{address}/queue"


def test_what_waits_is_what_somebody_can_do_now(fill, session):
    queue, full = fill(1), fill(1, name="full")
    for one in (queue, full):
        [item] = one.items()
        for name in ("mo", "ben")[: 2 if one is full else 1]:
            one.submit(item.id, name, Label("a", 1), now=NOW)
    full.refer([item.id], actor="mo", now=NOW)

    def waits(name):
        page = session(name).get("/").text.partition("What waits for you")[2]
        return [text for text in ("Label</a>", "Settle</a>", "Check</a>") if text in page], page

    assert waits("ben")[0] == ["Label</a>"]
    assert "full" not in waits("ben")[1]
    assert waits("sue")[0] == ["Label</a>", "Settle</a>"]
    queue.configure(state="paused", actor="mo", now=NOW)
    assert waits("sue")[0] == ["Settle</a>"]
    kinds, page = waits("ben")
    assert kinds == []
    assert "Nothing: every label that your queues need" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_window(
    fill, sign_in, address, scheme, width
):
    queue = fill(3, questions=(Question("tone", "choice", options=("warm", "cold")), *ASKED))
    item, other, _ = queue.items()
    for who, one, kind in (("mo", item, "label"), ("ben", other, "label")):
        queue.submit(one.id, who, Label("a", 1, answers={"tone": "warm"}), kind=kind)
    queue.refer([item.id, other.id], actor="mo")
    queue.submit(item.id, "sue", Label("b", 1, answers={"tone": "cold"}), kind="adjudication")
    page = sign_in("mo", color_scheme=scheme, viewport={"width": width, "height": 800})
    here = [f"/queue/{queue.id}{page}" for page in ("", "/adjudicate", "/label", "/feedback")]
    places = ["/", "/queue", *here, f"/item/{item.id}", f"/trace/{item.trace_id}"]
    for place in [*places, "/none", "/signin"]:
        page.goto(address + place)
        settle(page)
        if place.endswith(("/label", "/adjudicate")):
            page.locator(".answer").first.wait_for()
        found = Axe().run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in GRAVE]
        assert serious == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
