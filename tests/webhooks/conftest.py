"""A store with a queue, and real receivers that webhooks send to."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trueup.queues import AnnotationQueue, NewItem
from trueup.store import Store
from trueup.store.events import seal_events
from trueup.store.traces import put_trace
from trueup.types import Trace
from trueup.webhooks import Sending, deliver

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
QUICK = Sending(tries=3, first_wait=0.05, look_every=0.02)


class Receiver:
    """A program that takes messages, or answers as it is told to."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.answers: list[int] = []  # the next ones; then 204
        self.location = ""
        self.hold = 0.0  # seconds before it answers
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status = receiver.answers.pop(0) if receiver.answers else 204
                time.sleep(receiver.hold)
                self.send_response(status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                receiver.got.append(({}, "GET"))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?token=s3cret"

    @property
    def told(self) -> list[tuple[str, int]]:
        """The type and number of each message that came, in order."""
        bodies = [json.loads(body) for _, body in self.got]
        return [(body["type"], body["data"].get("number", 0)) for body in bodies]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receive() -> Iterator[Callable[[], Receiver]]:
    """Return a function that starts a receiver."""
    made: list[Receiver] = []

    def start() -> Receiver:
        made.append(Receiver())
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def make(store: Store) -> Callable[..., AnnotationQueue]:
    """Return a function that makes a queue of so many items."""

    def queue_of(name: str = "prefs", items: int = 1) -> AnnotationQueue:
        queue = AnnotationQueue.create(name, store=store, actor="mo", now=NOW)
        for i in range(items):
            turns = ({"role": "user", "content": f"Is pipe {i} covered?"},)
            trace = Trace(f"{name}-{i}", f"c{i}", "tool-heavy", turns, f"Pipe {i} is covered.")
            with store.transaction() as tx:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="mo", now=NOW)
            queue.add_items(
                [NewItem.from_trace(trace, reason="sampled", candidate="No.")], actor="mo", now=NOW
            )
        return queue

    return queue_of


@pytest.fixture
def seal(store: Store) -> Callable[[], int]:
    """Return a function that seals what was written."""

    def all_of_it() -> int:
        with store.transaction() as tx:
            return seal_events(tx)

    return all_of_it


@pytest.fixture
def work(store: Store) -> Callable[..., None]:
    """Return a function that runs workers until something holds."""

    def run(until: Callable[[], bool], *, how: Sending = QUICK, workers: int = 1) -> None:
        async def all_of_them() -> None:
            stop = asyncio.Event()
            tasks = [asyncio.create_task(deliver(store, how, stop)) for _ in range(workers)]
            for _ in range(1000):
                if until() or any(task.done() for task in tasks):
                    break
                await asyncio.sleep(0.02)
            stop.set()
            await asyncio.gather(*tasks)

        asyncio.run(all_of_them())
        assert until()

    return run
