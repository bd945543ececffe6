"""The REST API: what it does is what Python does, for those who may."""

import json
import time

import pytest

from trueup.people import set_member, set_password
from trueup.queues import AnnotationQueue, NewItem
from trueup.store.events import list_events, verify_chain
from trueup.store.traces import put_trace
from trueup.types import Label, Trace
from trueup.web import _app, create_app
from web.conftest import NOW, PASSWORD, PEOPLE, connect
from web.routes import ALL, MAY, OPEN, OWN

LABEL = {"preferred": "a", "strength": 2}


def test_an_item_is_claimed_labelled_undone_and_skipped(fill, client):
    queue = fill(2)
    ben = client("ben")
    claim = ben.post("/api/queues/prefs/claim", json={}).json()
    item = claim["item"]
    assert ben.post("/api/queues/prefs/claim", json={}).json()["item"] == item
    assert [a["key"] for a in item["answers"]] == list(claim["shown"])
    assert 1790 < claim["seconds_left"] <= 1800
    assert not any("source" in answer for answer in item["answers"])
    body = LABEL | {"shown": claim["shown"], "seconds": 4.5}
    given = ben.post(f"/api/queues/prefs/items/{item['id']}/label", json=body)
    assert given.status_code == 201
    [kept] = queue.annotations()
    assert (kept.id, kept.reviewer, kept.shown) == (given.json()["id"], "ben", claim["shown"])
    undone = ben.post("/api/queues/prefs/undo").json()
    assert undone["standing"]["id"] == kept.id
    again = {"preferred": "tie", "replaces": kept.id}
    assert ben.post(f"/api/queues/prefs/items/{item['id']}/label", json=again).status_code == 201
    other = ben.post("/api/queues/prefs/claim", json={"beside": item["id"]}).json()["item"]["id"]
    skip = ben.post(f"/api/queues/prefs/items/{other}/skip", json={"reason": "no context"})
    assert skip.status_code == 204
    empty = ben.post("/api/queues/prefs/claim", json={})
    assert (empty.status_code, empty.json()["kind"]) == (409, "QueueEmpty")
    assert "on items that ben skipped" in empty.json()["error"]


def test_a_manager_makes_a_queue_changes_it_and_audits_it(fill, client, store):
    queue = fill(2)
    mo = client("mo")
    asked = [{"name": "tone", "kind": "choice", "options": ["warm", "cold"], "required": True}]
    made = mo.post("/api/queues", json={"name": "tones", "questions": asked, "overlap": 1})
    assert (made.status_code, made.json()["questions"][0]["options"]) == (201, ["warm", "cold"])
    changed = mo.patch("/api/queues/tones", json={"state": "paused", "guidelines": "Be *fair*."})
    assert changed.json()["state"] == "paused"
    assert AnnotationQueue.get("tones", store=store).guidelines()[0].text == "Be *fair*."
    for item in queue.items():
        for name in ("ben", "cleo"):
            client(name).post(f"/api/queues/prefs/items/{item.id}/label", json=LABEL)
    assert mo.get("/api/queues/prefs").json()["stats"]["done"] == 2
    assert mo.post("/api/queues/prefs/audit").json()["annotations"] == 4
    assert {a["reviewer"] for a in mo.get("/api/queues/prefs/annotations").json()} == {
        "ben",
        "cleo",
    }


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/api/queues/none/claim", {}, 404, "no queue 'none'"),
        ("/api/queues/prefs/items/none/label", LABEL, 404, "has no item 'none'"),
        ("/api/queues/prefs/items/ITEM/label", {"preferred": "q"}, 422, "give a, b, tie, neither"),
        ("/api/queues/prefs/items/ITEM/label", LABEL | {"strength": 9}, 422, "less than or equal"),
        ("/api/queues/prefs/items/ITEM/label", LABEL | {"mood": 1}, 422, "Extra inputs"),
        ("/api/queues/prefs/items/ITEM/skip", {"reason": ""}, 422, "at least 1 character"),
        ("/api/queues/prefs/items/none/skip", {"reason": "x"}, 404, "has no item"),
        ("/api/queues", {"name": "prefs"}, 403, "ben is reviewer and may not manage_queue"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(fill, client, path, body, status, said):
    item = fill(1).items()[0].id
    found = client("ben").post(path.replace("ITEM", item), json=body)
    assert found.status_code == status
    assert said in found.text


def test_what_is_not_there_tells_of_nothing_that_is(fill, client, store):
    fill(1)
    paths = ["/api/queues/none", "/api/queues/none/export", "/queue/none", "/item/none"]
    paths += ["/reviewer/none", "/api/queues/none/events"]
    for path in paths:
        found = client("mo").request("POST" if path.endswith("export") else "GET", path, json={})
        assert found.status_code in (404, 422), path
        assert store.address not in found.text, path
        assert "prefs" not in found.text, path


def test_each_role_is_let_into_what_it_may_and_nothing_else(fill, client, store):
    key = fill(1).id
    clients = {role: client(name) for name, role in PEOPLE.items()}
    nobody = client()
    for (method, path), roles in MAY.items():
        where = path.replace("QUEUE", key)
        answers = {role: status_of(one, method, where) for role, one in clients.items()}
        refused = {role for role, status in answers.items() if status == 403}
        assert refused == ALL - roles, (method, path)
        assert all(status < 500 for status in answers.values()), (method, path)
        status = nobody.request(method, where, json={}).status_code
        assert status == (401 if path.startswith("/api") else 303), (method, path)


def status_of(client, method, path):
    """Return the status of an answer that may never end."""
    with client.stream(method, path, json={}) as answer:
        return answer.status_code


def test_the_table_of_roles_has_every_route(store):
    known = {(method, plain(path)) for method, path in [*MAY, *OWN]}
    routes = [route for module in (*_app._APIS, *_app._PAGES) for route in module.router.routes]
    for route in routes:
        [method] = route.methods
        assert (method, plain(route.path)) in known or route.path in OPEN, route.path
    assert len(routes) >= 45
    served = {route.path for route in create_app(store).routes if hasattr(route, "methods")}
    assert served - {route.path for route in routes} == {"/openapi.json"}


def plain(path):
    """Return a path with a mark wherever it names something."""
    named = {"prefs", "ben", "cleo", "x", "QUEUE", "ME"}
    return "/".join("*" if p in named or p.startswith("{") else p for p in path.split("/"))


def test_in_a_session_each_role_is_let_into_the_same_and_their_own(fill, session, people):
    key = fill(1).id
    people_of = {role: session(name) for name, role in PEOPLE.items()}
    for (method, path), roles in MAY.items():
        if path.startswith(("/queue", "/api/queues")):
            continue  # as with keys
        path = path.replace("ben", "cleo").replace("QUEUE", key)
        refused = {
            role for role, one in people_of.items() if _ask(one, method, path).status_code == 403
        }
        assert refused == ALL - roles, (method, path)


def test_in_a_session_everybody_sees_to_their_own_and_by_a_key_nobody_does(fill, session, client):
    for name in PEOPLE:
        for method, path in OWN:
            where = path.replace("ME", name)
            answered = _ask(session(name), method, where)
            assert answered.status_code < 500, (name, method, path)
            assert answered.status_code != 403, (name, method, path)
            by_key = client(name).request(method, where, json={}).status_code
            through = path == "/member/ME" or (name == "ana" and "ME" in path)
            assert (by_key != 403) == through, (name, method, path)


def _ask(http, method, path):
    if path.startswith("/api/") or method == "GET":
        return http.request(method, path, json={})
    form = {"csrf": http.csrf, "role": "viewer", "password": "x", "name": "x"}
    return http.request(method, path, data=form)


def test_a_reviewer_sees_their_queues_alone(fill, client, people):
    fill(1, "mine", settings={"reviewers": ("ben",)})
    fill(1, "yours", settings={"reviewers": ("cleo",)})
    assert [q["name"] for q in client("ben").get("/api/queues").json()] == ["mine"]
    refused = client("ben").post("/api/queues/yours/claim", json={})
    assert (refused.status_code, refused.json()["kind"]) == (403, "AccessDenied")
    assert {q["name"] for q in client("vic").get("/api/queues").json()} == {"mine", "yours"}
    fill(1, "nights", settings={"teams": ("night",)})
    assert client("cleo").post("/api/queues/nights/claim", json={}).status_code == 403
    set_member(people, "cleo", teams=["night"], actor="ana")
    assert client("cleo").post("/api/queues/nights/claim", json={}).status_code == 200


def test_a_reviewer_sees_the_traces_of_their_queues_and_not_what_was_served(fill, client):
    fill(1, "mine", settings={"reviewers": ("ben",)})
    fill(1, "yours", settings={"reviewers": ("cleo",)})
    ben = client("ben")
    seen = ben.get("/trace/mine-trace-0")
    assert seen.status_code == 200
    assert "Is pipe 0 covered?" in seen.text
    assert "Pipe 0 is covered." not in seen.text
    assert "Pipe 0 is covered." in client("vic").get("/trace/mine-trace-0").text
    refused = ben.get("/trace/yours-trace-0")
    assert refused.status_code == 403
    assert "pipe" not in refused.text


def test_a_request_too_large_or_of_unknown_size_is_refused(fill, client):
    fill(1)
    ben = client("ben")
    large = ben.post("/api/queues/prefs/claim", content=b" " * 2_000_001)
    assert large.status_code == 413
    unknown = ben.post("/api/queues/prefs/claim", content=iter([b"{}"]))
    assert unknown.status_code == 413


def test_every_answer_carries_what_browsers_are_to_hold_to(client):
    nobody = client()
    for path in ("/signin", "/api/me", "/static/app.css", "/none"):
        headers = nobody.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_what_another_site_sends_is_refused(fill, people, address):
    fill(1)
    set_password(people, "ben", PASSWORD, actor="ana")
    with connect(address) as http:
        form = {"name": "ben", "password": PASSWORD}
        cross = {"Sec-Fetch-Site": "cross-site"}
        assert http.post("/signin", data=form, headers=cross).status_code == 403
        assert http.post("/signin", data=form).status_code == 303
        assert http.get("/api/me").json()["name"] == "ben"
        refused = http.post("/api/queues/prefs/claim", json={})
        assert refused.status_code == 403
        assert "its session's token" in refused.text
        assert http.post("/signout").status_code == 403
        cookie = http.cookies.get("trueup")
        assert cookie
        assert cookie not in http.get("/").text


def test_what_is_done_is_sealed_while_the_server_runs(fill, client, store):
    item = fill(1).items()[0].id
    client("ben").post(f"/api/queues/prefs/items/{item}/label", json=LABEL)
    for _ in range(600):
        with store.reading() as tx:
            found = verify_chain(tx)
        if not found.unsealed:
            break
        time.sleep(0.1)
    assert (found.unsealed, found.fault) == (0, "")
    with store.reading() as tx:
        submits = [e for e in list_events(tx) if e.action == "submit"]
    assert [(e.actor, e.detail["item"]) for e in submits] == [("ben", item)]


def test_seniors_settle_what_reviewers_disagree_on_over_the_api(fill, client):
    fill(1, settings={"min_agreement": 0.6})
    ben, cleo, sue = client("ben"), client("cleo"), client("sue")
    where = "/api/queues/prefs"
    for one, source in ((ben, 0), (cleo, 1)):
        held = one.post(f"{where}/claim", json={}).json()
        assert "source" not in held["item"]["answers"][0]
        key = sorted(answer["key"] for answer in held["item"]["answers"])[source]
        body = {"preferred": key, "strength": 1, "shown": held["shown"]}
        assert one.post(f"{where}/items/{held['item']['id']}/label", json=body).status_code == 201
    settle = {"kind": "adjudication"}
    assert ben.post(f"{where}/claim", json=settle).status_code == 403
    held = sue.post(f"{where}/claim", json=settle).json()
    assert sorted(said["preferred"] for said in held["said"]) == ["a", "b"]
    assert "ben" not in json.dumps(held)
    body = {"preferred": "a", "strength": 2, "shown": held["shown"], **settle}
    path = f"{where}/items/{held['item']['id']}/label"
    assert ben.post(path, json=body).status_code == 403
    assert sue.post(path, json=body).json()["kind"] == "adjudication"
    told = cleo.get(f"{where}/feedback").json()
    assert [(one["kind"], one["agrees"]) for one in told] == [("adjudication", False)]
    found = sue.get(f"{where}/reliability").json()
    assert {one["reviewer"]: one["overruled"] for one in found} == {"ben": 0, "cleo": 1}


def test_no_label_is_gold_because_somebody_says_so(fill, client):
    key = fill(1).items()[0].id
    sue = client("sue")
    for path, body in (
        ("claim", {}),
        ("undo", {}),
        (f"items/{key}/label", LABEL),
    ):
        answer = sue.post(f"/api/queues/prefs/{path}", json=body | {"kind": "gold"})
        assert answer.status_code == 422, path


def test_nothing_tells_a_reviewer_which_items_are_gold(fill, client, people):
    queue = fill(1, settings={"gold_share": 1.0})
    trace = Trace("gold", "talk", "expert-hard", ({"role": "user", "content": "Is it?"},), "Yes.")
    with people.transaction() as tx:
        put_trace(tx, trace, source="test", checkpoint_id=None, actor="mo", now=NOW)
    new = NewItem.from_trace(trace, reason="sampled", candidate="No.")
    served = next(a.key for a in new.answers if a.source == "served")
    queue.add_gold([(new, Label(served, 1))], actor="mo", now=NOW)
    ben = client("ben")
    held = ben.post("/api/queues/prefs/claim", json={}).json()
    path = f"/api/queues/prefs/items/{held['item']['id']}/label"
    given = ben.post(path, json={"preferred": served, "strength": 1, "shown": held["shown"]}).json()
    plain = ben.post("/api/queues/prefs/claim", json={}).json()
    undone = ben.post("/api/queues/prefs/undo").json()
    assert (held["item"]["trace"], undone["item"]["trace"]) == ("gold", "gold")
    assert held.keys() == plain.keys()
    assert held["item"].keys() == plain["item"].keys()
    assert given["kind"] == undone["standing"]["kind"] == "label"
    assert '"gold"' not in json.dumps(held | {"item": held["item"] | {"trace": ""}})
