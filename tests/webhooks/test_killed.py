"""A server that is killed in the middle of a delivery loses nothing."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from trueup.store.events import list_events
from trueup.webhooks import add_webhook, list_webhooks
from webhooks.conftest import NOW

WHO = {"actor": "ana", "now": NOW}


@contextmanager
def serving(store, tmp_path):
    """Run `trueup serve` on the store, on a port of its own choice, and kill it at the end."""
    password = os.environ["TRUEUP_STORE"]  # an address with all that it takes to connect
    command = [sys.executable, "-W", "ignore", "-m", "trueup", "serve", "--port", "0"]
    with (tmp_path / "served.txt").open("a") as out:
        process = subprocess.Popen([*command, "--store", password], stdout=out, stderr=out)
    try:
        yield process
        assert process.poll() is None, (tmp_path / "served.txt").read_text()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def until(holds, seconds=60):
    for _ in range(seconds * 50):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_nothing_is_lost_when_the_server_is_killed_in_between(make, receive, store, tmp_path, seal):
    receiver = receive()
    queue = make()
    seal()
    add_webhook(store, receiver.url, **WHO)
    with serving(store, tmp_path):
        queue.configure(description="one", **WHO)
        until(lambda: len(receiver.got) == 1)
        receiver.hold = 1.5
        queue.configure(description="two", **WHO)
        until(lambda: len(receiver.got) == 2)  # it has come, and the server does not know
    receiver.hold = 0.0
    queue.configure(description="three", **WHO)  # while nobody serves
    with serving(store, tmp_path):
        queue.configure(description="four", **WHO)
        until(lambda: list_webhooks(store)[0].delivered == 4)
    with store.reading() as tx:
        sent = [e.number for e in list_events(tx) if e.action == "configure"]
    came = [number for _, number in receiver.told]
    assert came == [sent[0], sent[1], sent[1], sent[2], sent[3]]
    assert receiver.got[1][0]["webhook-id"] == receiver.got[2][0]["webhook-id"]
