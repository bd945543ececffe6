"""A service on its address: one process, or several that share it.

Python runs one thread at a time, so that one process uses one core. Each of several is a server of
its own, with a store of its own; the first one starts them, and starts anew what ends by itself.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from ssl import Purpose, create_default_context
from threading import Event, Thread
from types import FrameType

import uvicorn

from trueup.errors import InputError, TrueupError
from trueup.store import Store
from trueup.web._app import create_app
from trueup.web.people._oidc import Oidc
from trueup.webhooks import Sending

__all__ = ["Service", "listen", "serve"]

_SLOWEST_SECONDS = 10  # what an answer under way may take once the server is to stop
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Service:
    """What is served, and how.

    Attributes:
        store: the store's address.
        certificate, key: TLS, where the service does that itself.
        url, oidc, sending: see `create_app`.

    Raises:
        InputError: the certificate or its key is missing or cannot be read, or they do not belong
            together.
    """

    store: str
    certificate: Path | None = None
    key: Path | None = None
    url: str = ""
    oidc: Oidc | None = None
    sending: Sending = Sending()  # noqa: RUF009, it is frozen

    def __post_init__(self) -> None:
        """Check that the certificate can be served by."""
        if (self.certificate is None) != (self.key is None):
            raise InputError("--certificate and --key go together: give both or neither")
        if self.certificate is None:
            return
        try:
            create_default_context(Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.key)
        except OSError as error:  # what is wrong with TLS is one too
            raise InputError(
                f"--certificate {self.certificate} --key {self.key}: "
                f"{error.strerror or error}; give a certificate and its key, in PEM"
            ) from error


def listen(host: str, port: int, workers: int = 1) -> list[socket.socket]:
    """Take an address to serve at, by a socket for each worker; port 0 is any that is free.

    Of several the system spreads connections over; from one that they shared, the first to wake
    would take all that come together.

    Raises:
        InputError: it is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # alone, so that what others listen at is not shared with them
        first = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        if workers == 1:
            return [first]
        taken = first.getsockname()[:2]
        first.close()
        return [
            socket.create_server(taken, family=family, backlog=_BACKLOG, reuse_port=True)
            for _ in range(workers)
        ]
    except OSError as error:
        number = error.errno or 0  # an address that is none has another kind of number
        reason = os.strerror(number) if number > 0 else error.strerror
        raise InputError(
            f"--host {host} --port {port}: cannot listen there ({reason}); "
            "end what does, or name another"
        ) from error


def serve(service: Service, bound: Sequence[socket.socket]) -> None:
    """Serve until SIGINT or SIGTERM, in a process for each socket."""
    if len(bound) == 1:
        _serve(service, bound[0])
        return
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    running = [_start(service, one) for one in bound]
    while not stop.is_set():
        wait([process.sentinel for process in running], timeout=1)
        for index, process in enumerate(running):
            if not process.is_alive() and not stop.is_set():
                logging.getLogger(__name__).warning(
                    "worker %s ended by itself (%s); another one takes its place",
                    process.pid,
                    process.exitcode,
                )
                stop.wait(1)  # what cannot start does not try all the time
                running[index] = _start(service, bound[index])
    _end(running)


def _start(service: Service, bound: socket.socket) -> BaseProcess:
    process = get_context("spawn").Process(target=_work, args=(service, bound))
    # Ctrl-C goes to all of them: one that is not serving yet is ended by the first one instead
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, handler)
    return process


def _end(running: Sequence[BaseProcess]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        process.join(_SLOWEST_SECONDS + 5)
        process.kill()


def _work(service: Service, bound: socket.socket) -> None:
    """Serve beside others, and not a moment longer than the process that started this one."""

    def watch() -> None:
        first = parent_process()
        assert first is not None
        first.join()
        os._exit(1)

    Thread(target=watch, daemon=True).start()
    try:
        _serve(service, bound)
    except TrueupError as error:  # the first process says that this one ended
        logging.getLogger(__name__).warning("%s", error)
        sys.exit(1)


def _serve(service: Service, bound: socket.socket) -> None:
    with Store.open(service.store) as store:
        application = create_app(store, oidc=service.oidc, url=service.url, sending=service.sending)

        class Server(uvicorn.Server):
            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
                application.state.changes.close()
                super().handle_exit(sig, frame)

        config = uvicorn.Config(
            application,
            loop="uvloop",  # both in C; without them uvicorn takes Python's own, unasked
            http="httptools",
            log_level="warning",
            ssl_certfile=service.certificate,
            ssl_keyfile=service.key,
            timeout_graceful_shutdown=_SLOWEST_SECONDS,
        )
        # what starting made is never garbage, and is not looked through for it time and again
        gc.freeze()
        with suppress(KeyboardInterrupt):
            Server(config).run([bound])
