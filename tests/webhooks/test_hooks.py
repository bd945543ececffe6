"""Who may be sent to, and what is kept of a webhook."""

import asyncio
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from trueup.errors import InputError, UnknownName
from trueup.store.events import list_events
from trueup.webhooks import (
    add_webhook,
    list_webhooks,
    networks_of,
    remove_webhook,
    resume_webhook,
    try_webhook,
)
from trueup.webhooks._urls import Resolver, check_url
from webhooks.conftest import NOW

WHO = {"actor": "ana", "now": NOW}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/hook", "give an https address"),
        ("http://10.0.0.1/hook", "give an https address"),
        ("https://10.0.0.1/hook", "10.0.0.1 is not public"),
        ("https://169.254.169.254/latest", "169.254.169.254 is not public"),
        ("https://[fe80::1]/", "not public"),
        ("https://[::ffff:169.254.169.254]/", "not public"),
        ("https://[64:ff9b::a9fe:a9fe]/", "not public"),
        ("https://[2002:a9fe:a9fe::1]/", "not public"),
        ("https://[fd00::1]/", "not public"),
        ("https://100.64.0.1/", "not public"),
        ("https://224.0.0.1/", "not public"),
        ("https://0.0.0.0/", "not public"),
        ("https://ana:pw@example.org/", "holds a password"),
        ("ftp://example.org/", "give an ASCII address"),
        ("https:///hook", "give an ASCII address"),
        ("https://example.org/ä", "give an ASCII address"),
        ("https://exa\nmple.org/", "give an ASCII address"),
        ("https://example.org:port/", "give an address such as"),
        ("https://example.org/" + "x" * 2000, "longer than 2000"),
        ("nonsense", "give an ASCII address"),
    ],
)
def test_where_messages_may_not_go_is_refused(url, said):
    with pytest.raises(InputError, match=said):
        check_url(url)


def test_where_messages_may_go_and_what_opens_more():
    for url in ("https://example.org/hook?a=b", "http://localhost:8000/", "http://127.0.0.1/"):
        assert check_url(f" {url} ") == url
    assert check_url("http://[::1]:8000/") == "http://[::1]:8000/"
    inside = networks_of(["10.0.0.0/8", "169.254.0.0/16", "fd00::/8"])
    for url in ("https://10.1.2.3/", "https://169.254.169.254/", "https://[fd00::1]/"):
        assert check_url(url, inside) == url
    with pytest.raises(InputError, match="give an https address"):
        check_url("http://10.1.2.3/", inside)
    with pytest.raises(InputError, match="give some such as"):
        networks_of(["10.0.0.1/8"])


@pytest.mark.parametrize("host", ["127.0.0.1.", "2130706433", "0x7f.1", "localhost."])
def test_a_name_that_stands_for_an_address_within_is_refused_as_it_is_connected_to(host):
    async def resolve(networks=()):
        return await Resolver(networks).resolve(host, 443)

    with pytest.raises((InputError, OSError)):
        asyncio.run(resolve())


def test_localhost_is_this_machine():
    async def resolve():
        return await Resolver(()).resolve("localhost", 80)

    assert {one["host"] for one in asyncio.run(resolve())} <= {"127.0.0.1", "::1"}


def test_a_webhook_is_made_listed_tried_and_removed(make, receive, store):
    receiver = receive()
    make("prefs")
    made = add_webhook(store, receiver.url, actions=["submit", "submit"], queue="prefs", **WHO)
    assert made.secret.startswith("whsec_")
    assert made.secret not in repr(made)
    assert list_webhooks(store) == [made.kept]
    assert (made.kept.queue, made.kept.actions, made.kept.active) == ("prefs", ("submit",), True)
    assert try_webhook(store, made.kept.id, actor="ana", now=datetime.now(UTC)) == ""
    [(headers, body)] = receiver.got
    assert Webhook(made.secret).verify(body, headers)["type"] == "webhook.test"
    receiver.answers = [503]
    assert try_webhook(store, made.kept.id, **WHO) == "it answered 503"
    resume_webhook(store, made.kept.id, **WHO)
    remove_webhook(store, made.kept.id, **WHO)
    assert list_webhooks(store) == []
    with store.reading() as tx:
        told = [event for event in list_events(tx) if event.noun == "webhook"]
    assert [event.action for event in told] == ["add", "test", "test", "resume", "remove"]
    assert not any("s3cret" in str(event.detail) for event in told)
    assert not any(made.secret in str(event.detail) for event in told)
    for act in (remove_webhook, resume_webhook, try_webhook):
        with pytest.raises(UnknownName, match="no webhook"):
            act(store, made.kept.id, **WHO)


def test_what_makes_no_sense_is_refused_and_nothing_is_kept(make, store):
    for options, error, said in (
        ({"queue": "none"}, UnknownName, "no queue 'none'"),
        ({"actions": ["drop table"]}, InputError, "action 'drop table'"),
        ({"actions": [""]}, InputError, "action ''"),
    ):
        with pytest.raises(error, match=said):
            add_webhook(store, "https://example.org/", **options, **WHO)
    assert list_webhooks(store) == []
