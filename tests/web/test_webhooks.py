"""Webhooks over the API: the secret is told once, and what is sent is what is listed."""

import time

import pytest
from standardwebhooks import Webhook

from trueup.types import Label
from webhooks.conftest import Receiver

pytestmark = pytest.mark.one_database


def test_a_webhook_is_added_told_tried_and_removed(fill, client):
    receiver = Receiver()
    try:
        queue, ana = fill(1), client("ana")
        made = ana.post("/api/webhooks", json={"url": receiver.url, "queue": "prefs"})
        assert made.status_code == 201
        hook = made.json()
        assert hook["secret"].startswith("whsec_")
        assert not any("secret" in one for one in ana.get("/api/webhooks").json())
        [item] = queue.items()
        queue.submit(item.id, "ben", Label("a", 1))
        for _ in range(200):
            if any(kind == "annotation.submit" for kind, _ in receiver.told):
                break
            time.sleep(0.05)
        headers, body = receiver.got[-1]
        told = Webhook(hook["secret"]).verify(body, headers)
        assert (told["type"], told["data"]["actor"]) == ("annotation.submit", "ben")
        assert ana.post(f"/api/webhooks/{hook['id']}/test").json() == {"error": ""}
        assert ana.post(f"/api/webhooks/{hook['id']}/resume").json()["active"]
        assert ana.delete(f"/api/webhooks/{hook['id']}").status_code == 204
        assert ana.delete(f"/api/webhooks/{hook['id']}").status_code == 404
        assert ana.get("/api/webhooks").json() == []
    finally:
        receiver.close()


def test_what_may_not_be_sent_to_is_refused_with_the_reason(fill, client):
    fill(1)
    ana = client("ana")
    for url, said in (
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("http://example.org/", "give an https address"),
    ):
        refused = ana.post("/api/webhooks", json={"url": url})
        assert (refused.status_code, refused.json()["kind"]) == (422, "InputError")
        assert said in refused.json()["error"]
    refused = ana.post("/api/webhooks", json={"url": "https://example.org/", "queue": "none"})
    assert refused.status_code == 404
