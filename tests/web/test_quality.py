"""Agreement, items behind figures and reviewers' own figures: who sees what, and how it looks."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe

from trueup.errors import QueueEmpty
from trueup.store import Store
from trueup.types import Label, Question
from trueup.web.quality._figures import Figures
from web.conftest import settle

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
GRAVE = ("serious", "critical")
ASKED = (
    Question("preference", "preference", required=True),
    Question("labels", "choices", options=("rude", "wrong")),
    Question("stars", "rating"),
)


@pytest.fixture(params=["sqlite"])
def store(request, new_store, tmp_path):
    """One database will do: what figures are is tested on both elsewhere."""
    with Store.open(new_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def labelled(fill):
    """Return a function that makes a queue that ben and cleo have labelled in turn."""

    def make(items=40, **options):
        dice = random.Random(2)
        queue = fill(items, questions=ASKED, **options)
        for place, item in enumerate(queue.items()):
            true = ("a", "b")[place % 2]
            for who in ("ben", "cleo"):
                key = true if dice.random() < 0.8 else dice.choice(("a", "b", "tie"))
                ticks = tuple(t for t in ("rude", "wrong") if dice.random() < 0.3)
                label = Label(
                    key,
                    1 if key in "ab" else 0,
                    ticks,
                    seconds=dice.random() * 60 + 1,
                    answers={"stars": dice.randint(1, 5)},
                )
                when = NOW + timedelta(days=place)
                queue.submit(item.id, who, label, shown=dice.choice(("ab", "ba")), now=when)
        return queue

    return make


def test_the_api_gives_what_the_queue_does(client, labelled):
    queue = labelled()
    http = client("vic")
    found = http.get("/api/queues/prefs/agreement").json()
    report = queue.agreement()
    assert found["questions"][0]["alpha"] == report.main.alpha
    assert (found["labels"], found["items"]) == (80, 40)
    assert found["worked_out_at"]
    part = http.get(
        "/api/queues/prefs/agreement", params={"question": "stars", "cohort": "expert-hard"}
    )
    assert part.json()["question"] == "stars"
    assert part.json()["scope"] == {"cohort": "expert-hard"}
    first = http.get("/api/queues/prefs/agreement", params={"until": "2026-06-05"}).json()
    assert first["labels"] == 10
    activity = http.get("/api/queues/prefs/activity").json()
    assert [day["labels"] for day in activity["days"]] == [2] * 40
    items = http.get(
        "/api/queues/prefs/items", params={"disagree": 1, "reviewer": "ben", "with": "cleo"}
    )
    apart = queue.matches(disagree=True, reviewer="ben", beside="cleo")
    assert [m["item"]["id"] for m in items.json()["items"]] == [m.item.id for m in apart.items]
    assert apart.items


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/queues/none/agreement", 404),
        ("/api/queues/prefs/agreement?question=none", 422),
        ("/api/queues/prefs/agreement?since=yesterday", 422),
        ("/api/queues/prefs/agreement?cohort=none", 409),
        ("/api/queues/prefs/items?page=0", 422),
        ("/api/queues/prefs/items?page=51", 422),
        ("/api/queues/prefs/items?label=none", 422),
        ("/api/queues/prefs/items?with=ben", 422),
        ("/api/queues/prefs/items?odd=1", 422),
        ("/queue/none/agreement", 404),
        ("/reviewer/nobody", 404),
    ],
)
def test_what_cannot_be_answered_says_so(client, labelled, path, status):
    labelled(4)
    answer = client("mo").get(path)
    assert answer.status_code == status


def test_each_role_sees_what_it_may(client, labelled):
    queue = labelled(4)
    quality = [
        f"/queue/{queue.id}/agreement",
        f"/queue/{queue.id}/items",
        *(f"/api/queues/prefs/{part}" for part in ("agreement", "activity", "items")),
        "/reviewer/cleo",
    ]
    for name, status in (("ana", 200), ("mo", 200), ("sue", 200), ("vic", 200), ("ben", 403)):
        http = client(name)
        assert {http.get(path).status_code for path in quality} == {status}, name
    assert client("ben").get("/reviewer/ben").status_code == 200
    assert client("").get("/api/queues/prefs/agreement").status_code == 401


def test_a_reviewers_queue_page_tells_nothing_of_the_others(client, labelled):
    queue = labelled(30)
    page = client("ben").get(f"/queue/{queue.id}").text
    assert "Your own figures" in page
    assert "cleo" not in page
    assert "alpha" not in page
    assert "cleo" not in client("ben").get("/reviewer/ben").text


def test_who_may_still_label_an_item_does_not_see_its_labels(client, labelled):
    queue = labelled(3)
    queue.configure(overlap=3)
    for name, hidden in (("sue", True), ("mo", False), ("vic", False)):
        http = client(name)
        found = http.get("/api/queues/prefs/items").json()["items"]
        assert [bool(m["hidden"]) for m in found] == [hidden] * 3
        assert all(("source" in a) != hidden for m in found for a in m["item"]["answers"])
        page = http.get(f"/queue/{queue.id}/items").text
        assert ("you may still give one" in page) == hidden
        assert ("by cleo" in page or ">cleo<" in page) != hidden
    item = queue.items()[0]
    queue.submit(item.id, "sue", Label("a", 1))
    found = client("sue").get("/api/queues/prefs/items").json()["items"]
    assert {m["item"]["id"]: bool(m["hidden"]) for m in found}[item.id] is False


def test_what_a_model_wrote_and_what_a_reviewer_is_called_are_text(client, fill):
    queue = fill(2)
    name = "<b>bo</b>/?&x"
    for item in queue.items():
        queue.submit(item.id, name, Label("a", 1))
    http = client("mo")
    page = http.get(f"/queue/{queue.id}/items").text
    assert "<b>bo" not in page
    assert "<b>Pipe" not in page
    assert "&lt;b&gt;" in page
    settled(http, f"/queue/{queue.id}/agreement")
    whose = http.get("/reviewer/" + "%3Cb%3Ebo%3C/b%3E/%3F%26x")
    assert whose.status_code == 200
    assert "<b>bo" not in whose.text


def settled(http, path):
    """Return a page once its figures are there."""
    for _ in range(600):
        page = http.get(path)
        assert page.status_code == 200
        if "data-pending" not in page.text:
            return page.text
        time.sleep(0.1)
    raise AssertionError(f"{path} is never worked out")


def test_a_page_shows_new_labels_when_it_is_looked_at_again(client, labelled):
    queue = labelled(30)
    http = client("mo")
    assert "60 labels on 30 items" in settled(http, f"/queue/{queue.id}/agreement")
    queue.configure(overlap=3)
    queue.submit(queue.items()[0].id, "sue", Label("a", 1))
    for _ in range(600):
        if "61 labels on 30 items" in settled(http, f"/queue/{queue.id}/agreement"):
            return
        time.sleep(0.1)
    raise AssertionError("the new label is never shown")


# --- what is kept --------------------------------------------------------------------------------


@pytest.fixture
def figures(store):
    made = Figures(store)
    yield made
    made.close()


def test_a_figure_is_kept_while_the_store_is_what_it_was(figures, labelled):
    queue, calls = labelled(2), []
    one = figures.get("key", lambda: calls.append(1) or len(calls), wait=5)
    assert figures.get("key", lambda: calls.append(1), wait=5) is one
    queue.configure(description="more")
    assert figures.get("key", lambda: calls.append(1) or len(calls), wait=5).result() == 2
    assert len(calls) == 2


def test_what_takes_long_is_not_waited_for_and_an_earlier_one_shown(figures, labelled):
    queue = labelled(2)
    assert figures.get("key", lambda: time.sleep(0.6) or "new", wait=0.05) is None
    held = figures.get("key", lambda: "never", wait=5)
    assert held.result() == "new"
    queue.configure(description="more")
    assert figures.get("key", lambda: "never", wait=5) is held  # it was dear, and is young


def test_that_there_is_nothing_is_kept_too(figures, fill):
    queue = fill(1)
    held = figures.get("key", queue.alpha, wait=5)
    with pytest.raises(QueueEmpty):
        held.result()


# --- in a browser --------------------------------------------------------------------------------


def test_a_manager_goes_from_a_figure_to_the_items_behind_it(labelled, sign_in, address):
    queue = labelled()
    page = sign_in("mo")
    page.goto(f"{address}/queue/{queue.id}")
    page.get_by_role("link", name="By cohort, question type, label and reviewer").click()
    page.get_by_role("heading", name="Every question").wait_for()
    page.locator("select[name=question]").select_option("stars")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("heading", name="By cohort: stars").wait_for()
    page.locator("td a[href*='with=cleo']").first.evaluate("e => e.closest('details').open = true")
    page.locator("td a[href*='with=cleo']").first.click()
    page.get_by_role("heading", name="labelled by ben, and by cleo").wait_for()
    apart = queue.matches(disagree=True, reviewer="ben", beside="cleo", question="stars")
    assert page.locator("section.match").count() == len(apart.items)
    page.get_by_role("link", name="ben").first.click()
    page.get_by_role("heading", name="ben", exact=True).wait_for()
    page.get_by_text("Agrees with most of the others").wait_for()


def test_a_cell_of_the_heat_map_leads_to_its_items(labelled, sign_in, address):
    queue = labelled()
    page = sign_in("mo")
    page.goto(f"{address}/queue/{queue.id}/agreement")
    page.locator("svg a").first.wait_for()
    addresses = page.locator("svg a").evaluate_all(
        "all => all.map(a => a.getAttribute('href') || a.getAttribute('xlink:href'))"
    )
    assert all(a.startswith(f"/queue/{queue.id}/items?") for a in addresses)
    assert any("reviewer=ben" in a and "with=cleo" in a for a in addresses)
    page.locator("svg a[*|href*='with=cleo']").last.click()  # the cell's figure
    page.get_by_role("heading", name="labelled by ben, and by cleo").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_window(
    labelled, sign_in, address, scheme, width
):
    queue = labelled()
    page = sign_in("mo", color_scheme=scheme, viewport={"width": width, "height": 800})
    of = f"/queue/{queue.id}"
    for place in (of, f"{of}/agreement", f"{of}/items?disagree=1", "/reviewer/ben"):
        page.goto(address + place)
        settle(page)
        page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
        found = Axe().run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in GRAVE]
        assert serious == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
