"""Moving rows and setting queues up, in a real browser."""

import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from trueup.queues import AnnotationQueue
from trueup.store import Store
from trueup.store.scores import put_scores
from trueup.training import read_examples
from trueup.types import Label, Score
from web.conftest import NOW, settle

GRAVE = ("serious", "critical")


@pytest.fixture(params=["sqlite"])
def store(request, new_store, tmp_path):
    """One database will do: what a browser sees does not depend on it."""
    with Store.open(new_store(tmp_path / "store")) as opened:
        yield opened


@pytest.fixture
def labelled(fill):
    queue = fill(3)
    for item in queue.items():
        for name in ("ben", "cleo"):
            queue.submit(item.id, name, Label(item.answer("served").key, 2), now=NOW)
    return queue


def test_a_manager_takes_rows_out_by_keyboard(labelled, sign_in, address, tmp_path):
    page = sign_in("mo")
    page.goto(f"{address}/queue/{labelled.id}")
    page.locator("#export > summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Rows").select_option("reward")
    page.get_by_label("Head of a reward").fill("tone")
    page.locator("#export").get_by_role("group", name="Leave out labels of").get_by_label(
        "ben"
    ).press("Space")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").press("Enter")
    assert waiting.value.suggested_filename == "prefs-reward.jsonl"
    path = tmp_path / "prefs.jsonl"
    waiting.value.save_as(path)
    assert {(e.head, e.margin) for e in read_examples(path)} == {("tone", 2.0)}
    raters = {json.loads(line)["raters"] for line in path.read_text().splitlines()}
    assert raters == {1}
    page.get_by_label("Rows").select_option("step")
    page.get_by_label("Head of a reward").fill("")
    page.get_by_role("button", name="Download").click()
    page.get_by_text("asks about no steps").wait_for()


def test_a_manager_brings_labels_and_items_in(fill, sign_in, address, tmp_path):
    queue = fill(2)
    lines = [
        {"prompt": "Wet?", "chosen": "Yes.", "rejected": "No.", "annotator": "ann"},
        {"prompt": "Dry?"},
    ]
    path = tmp_path / "theirs.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = sign_in("mo")
    page.goto(f"{address}/queue/{queue.id}")
    page.locator("#import > summary").click()
    page.locator("#import").get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Import").click()
    page.get_by_text("theirs.jsonl record 2: chosen is missing").wait_for()
    page.go_back()
    page.locator("#import > summary").click()
    page.locator("#import").get_by_label("File").set_input_files(path)
    page.locator("#import").get_by_label("leave them out").check()
    page.get_by_role("button", name="Import").click()
    page.get_by_role("heading", name="1 labels from theirs.jsonl").wait_for()
    page.get_by_text("record 2: chosen is missing").wait_for()
    page.get_by_role("link", name="Back to prefs").click()
    page.locator("#items > summary").click()
    page.get_by_role("button", name="Add traces").click()
    page.get_by_role("heading", name="3 items added").wait_for()  # the import's trace is one
    assert len(queue.items()) == 6
    (tmp_path / "records.json").write_text(json.dumps([{"prompt": "?", "answers": ["a", "b"]}]))
    page.goto(f"{address}/queue/{queue.id}")
    page.locator("#items > summary").click()
    page.locator("#items").get_by_label("File").set_input_files(tmp_path / "records.json")
    page.get_by_role("button", name="Add records").click()
    page.get_by_role("heading", name="1 items added").wait_for()
    page.goto(f"{address}/queue/{queue.id}")
    page.locator("#items > summary").click()
    page.get_by_label("Dataset, NAME").fill("none")
    page.get_by_role("button", name="Add rows").click()
    page.get_by_text("no dataset none").wait_for()


def test_a_queue_is_made_and_set_up_by_keyboard(people, sign_in, address):
    page = sign_in("mo")
    page.goto(f"{address}/queue")
    page.get_by_role("link", name="New queue").press("Enter")
    page.get_by_text("asks preference (preference), labels (choices)").wait_for()
    page.get_by_label("Name").press_sequentially("tones")
    page.get_by_role("button", name="rating").press("Enter")
    page.get_by_text("correction (edit), stars (rating)").wait_for()
    page.get_by_label("questions", exact=True).press_sequentially("low = 9\n")
    page.get_by_text("neither TOML nor JSON").wait_for()
    page.get_by_role("button", name="Make the queue").click()
    page.get_by_role("alert").wait_for()
    assert page.get_by_label("Name").input_value() == "tones", "what was filled in stays"
    text = '[[question]]\nname = "tone"\nkind = "choice"\noptions = ["warm", "cold"]\n'
    page.get_by_label("questions", exact=True).fill(text)
    page.get_by_label("How items are handed out").select_option("round_robin")
    page.get_by_label("ben").check()
    page.get_by_label("cleo").check()
    page.get_by_label("guidelines", exact=True).fill("Prefer *warm*.")
    page.get_by_role("button", name="Make the queue").press("Enter")
    page.get_by_role("heading", name="tones").wait_for()
    queue = AnnotationQueue.get("tones", store=people)
    assert [q.options for q in queue.questions] == [("warm", "cold")]
    assert (queue.settings.reviewers, queue.settings.assignment) == (("ben", "cleo"), "round_robin")
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("State").select_option("paused")
    page.get_by_label("Labels that each item needs").fill("2")
    page.get_by_label("cleo").uncheck()
    page.get_by_label("settles what agrees less than").fill("60")
    page.get_by_label("spot-checked").fill("1.5")
    page.get_by_label("and sees what reviewers say").uncheck()
    page.get_by_label("guidelines", exact=True).fill("Prefer *warm*, then *short*.")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("paused, stream reviewer, 2 labels an item").wait_for()
    queue = AnnotationQueue.get("tones", store=people)
    assert queue.settings.reviewers == ("ben",)
    assert (queue.settings.min_agreement, queue.settings.spot_check_share) == (0.6, 0.015)
    assert (queue.settings.adjudicators_see, queue.settings.gold_line) == (False, 0.8)
    assert [g.text for g in queue.guidelines()] == [
        "Prefer *warm*.",
        "Prefer *warm*, then *short*.",
    ]
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="tones").wait_for()
    assert len(queue.guidelines()) == 2, "what did not change is no new version"


def test_a_queue_is_made_without_script(people, sign_in, address, chromium):
    page = sign_in("mo", java_script_enabled=False)
    page.goto(f"{address}/queues/new")
    assert page.get_by_role("button", name="ranking").count() == 0
    page.get_by_label("Name").fill("plain")
    page.get_by_role("button", name="Make the queue").click()
    page.get_by_role("heading", name="plain").wait_for()
    assert len(AnnotationQueue.get("plain", store=people).questions) == 3


def test_tool_calls_and_scores_are_one_key_away(fill, people, sign_in, address):
    queue = fill(1)
    with people.transaction() as tx:
        scores = [("prefs-trace-0", Score("groundedness", "1", 0.25, None, None, "why"))]
        put_scores(tx, "trace", scores, "mo", NOW)
    page = sign_in("ben")
    page.goto(f"{address}/queue/{queue.id}/label")
    page.locator(".answer").first.wait_for()
    assert not page.get_by_text("groundedness").is_visible()
    page.keyboard.press("e")
    page.get_by_role("row", name=re.compile("groundedness .*0.25")).wait_for()
    assert page.get_by_text("why", exact=True).count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_fault_and_nothing_is_wider_than_the_window(
    labelled, people, sign_in, address, scheme, width
):
    labelled.configure(guidelines="Prefer what is **true**.", actor="mo")
    item = labelled.items()[0]
    with people.transaction() as tx:
        scores = [(item.trace_id, Score("task_completion", "1", 0.25, "part", 3.0, "why"))]
        put_scores(tx, "trace", scores, "mo", NOW)
    page = sign_in("mo", color_scheme=scheme, viewport={"width": width, "height": 800})
    places = [f"/queue/{labelled.id}", "/queues/new", f"/queue/{labelled.id}/settings"]
    for place in [*places, f"/item/{item.id}"]:
        page.goto(address + place)
        settle(page)
        for box in page.locator("details > summary").all():
            box.click()
        if place == "/queues/new":
            page.get_by_text("asks preference (preference)").wait_for()
        found = Axe().run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in GRAVE]
        assert serious == [], place
        assert page.evaluate("document.documentElement.scrollWidth") <= width, place
