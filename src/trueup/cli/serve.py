"""`trueup serve`: the annotation service, its API and its pages."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

from cyclopts import Parameter

from trueup.cli._output import say
from trueup.cli.webhook import Networks
from trueup.errors import InputError
from trueup.people import first_invitation
from trueup.store import Store

__all__ = ["serve"]

_SLOWEST_SECONDS = 10  # what an answer under way may take once the server is to stop


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(name=("--port", "-p"))] = 8600,
    store: Annotated[str | None, Parameter(name="--store")] = None,
    certificate: Path | None = None,
    key: Path | None = None,
    webhook_network: Networks = (),
) -> None:
    """Serve the annotation service until Ctrl-C.

    The first start prints a link, good once, by which the first admin joins.

    Args:
        host: The address to listen on; another than this machine's own needs HTTPS, here or in a
            proxy before it.
        port: The port.
        store: The store: a folder, or postgresql://user@host/database.
        certificate: A TLS certificate, to serve HTTPS.
        key: Its key.
        webhook_network: A network that webhooks may send to though it is not public, such as
            10.0.0.0/8; give it several times.
    """
    import uvicorn

    from trueup.web import create_app
    from trueup.webhooks import Sending, networks_of

    if (certificate is None) != (key is None):
        raise InputError("--certificate and --key go together: give both or neither")
    sending = Sending(networks_of(webhook_network))
    with Store.open(store) as opened:
        scheme = "https" if certificate else "http"
        home = f"{scheme}://{'localhost' if host in ('127.0.0.1', '::1') else host}:{port}"
        say(f"serving {opened.address} at {home}")
        if (token := first_invitation(opened)) is not None:
            say(f"nobody has joined yet; the first admin does at {home}/join/{token}")
        application = create_app(opened, sending=sending)

        class Server(uvicorn.Server):
            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
                application.state.changes.close()
                super().handle_exit(sig, frame)

        config = uvicorn.Config(
            application,
            host=host,
            port=port,
            log_level="warning",
            ssl_certfile=certificate,
            ssl_keyfile=key,
            timeout_graceful_shutdown=_SLOWEST_SECONDS,
        )
        with suppress(KeyboardInterrupt):
            Server(config).run()
