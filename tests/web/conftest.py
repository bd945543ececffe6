"""A served store with people and a queue, spoken to over HTTP and through a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from passwords import quick_passwords
from trueup.people import PERMISSIONS, add_member, get_member, make_key, set_password
from trueup.people._sessions import begin
from trueup.queues import AnnotationQueue, NewItem, Settings
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Trace
from trueup.web import create_app

__all__ = ["quick_passwords"]

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
PEOPLE = {"ana": "admin", "mo": "manager", "sue": "senior", "ben": "reviewer", "vic": "viewer"}


@pytest.fixture
def people(store: Store) -> Store:
    """The store with a member of each role; `cleo` is a second reviewer."""
    for name, role in (PEOPLE | {"cleo": "reviewer"}).items():
        add_member(store, name, role, actor="ana", now=NOW)
    return store


@pytest.fixture
def fill(people: Store) -> Callable[..., AnnotationQueue]:
    """Return a function that makes a queue of some items, two labels each."""

    def make(items: int = 3, name: str = "prefs", **options) -> AnnotationQueue:
        settings = Settings(**options.pop("settings", {}))
        queue = AnnotationQueue.create(
            name, overlap=2, settings=settings, store=people, actor="mo", now=NOW, **options
        )
        made = []
        for i in range(items):
            trace = Trace(
                id=f"{name}-trace-{i}",
                conversation_id=f"talk-{i}",
                cohort="expert-hard",
                messages=({"role": "user", "content": f"Is pipe {i} covered?"},),
                answer=f"Pipe {i} is covered.",
                question_type="coverage",
                context=(f"Pipe {i} is covered since 2020.",),
            )
            with people.transaction() as tx:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="mo", now=NOW)
            made.append(
                NewItem.from_trace(
                    trace, reason="sampled", candidate=f"<b>Pipe {i}</b> is not covered."
                )
            )
        queue.add_items(made, actor="mo", now=NOW)
        return queue

    return make


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Return a function that serves a store and gives the address."""
    import uvicorn

    running = []

    def start(store: Store, **options) -> str:
        port = free_port()
        config = uvicorn.Config(
            create_app(store, **options), port=port, log_level="error", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def address(people: Store, serve: Callable[..., str]) -> str:
    """The address of a running server."""
    return serve(people)


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an OpenID provider, a process of its own; see `provider.py`."""
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    said = tmp_path_factory.mktemp("provider") / "said.txt"
    with said.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", Path(__file__).with_name("provider.py"), str(port)],
            env=os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1"},
            stdout=out,
            stderr=out,
        )
    for _ in range(600):
        try:
            httpx.get(f"{issuer}/keys", timeout=60)
            break
        except httpx.TransportError:
            assert process.poll() is None, said.read_text()
            time.sleep(0.1)
    yield issuer
    process.terminate()
    process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(address: str, **options) -> httpx.Client:
    """Return a client that waits for as long as a busy machine may take to answer."""
    return httpx.Client(base_url=address, timeout=60, **options)


@pytest.fixture
def session(people: Store, address: str) -> Iterator[Callable[[str], httpx.Client]]:
    """Return a function that gives a client in a member's session, with its token."""
    made = []

    def make(name: str) -> httpx.Client:
        # as `sign_in` begins one, without a password
        with people.transaction() as tx:
            token, actor = begin(tx, get_member(people, name), {}, datetime.now(UTC))
        made.append(connect(address, headers={"X-CSRF-Token": actor.csrf}))
        made[-1].cookies.set("trueup", token)
        made[-1].csrf = actor.csrf
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def client(people: Store, address: str) -> Iterator[Callable[[str], httpx.Client]]:
    """Return a function that gives a client with the API key of a member; "" has none."""
    made = []

    def make(name: str = "") -> httpx.Client:
        headers = {}
        if name:
            scopes = PERMISSIONS[get_member(people, name).role]
            headers["Authorization"] = f"Bearer {make_key(people, name, 'test', scopes).key}"
        made.append(connect(address, headers=headers))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")  # while it is there, no other event loop runs in this thread
def chromium() -> Iterator[object]:
    """A browser; a machine without one fails here, and does not skip."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium")
    assert path, "the browser tests need Debian's package chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def settle(page) -> None:
    """Wait until a page has all its figures: before, it loads itself anew every second or so."""
    # in one look: between two the next document, still empty, may have come
    page.wait_for_function(
        "() => document.readyState === 'complete' && !document.querySelector('[data-pending]')"
    )


def load_until(page, text: str) -> None:
    """Load a page anew until it says something: figures that were dear to make are kept a while."""
    for _ in range(60):
        settle(page)
        if page.get_by_text(text).count():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(f"{page.url} never says {text!r}")


@pytest.fixture
def sign_in(chromium, people: Store, address: str) -> Iterator[Callable[..., object]]:
    """Return a function that signs a member in and gives their page; errors on it fail the test."""
    contexts, troubles = [], []

    def make(name: str, **options) -> object:
        set_password(people, name, PASSWORD, actor="ana")
        context = chromium.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda m: troubles.append(m.text) if "Security" in m.text else None)
        page.goto(address)
        page.get_by_label("Name or e-mail").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="The loop").wait_for()
        settle(page)
        return page

    yield make
    for context in contexts:
        context.close()
    assert troubles == []
