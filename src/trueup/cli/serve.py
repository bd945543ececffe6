"""`trueup serve`: the annotation service, its API and its pages."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from trueup.cli._output import say
from trueup.cli.webhook import Networks
from trueup.errors import InputError
from trueup.people import Role, first_invitation
from trueup.store import Store, find_store

__all__ = ["serve"]


def serve(
    *,
    host: str = "127.0.0.1",
    port: Annotated[
        int, Parameter(name=("--port", "-p"), validator=validators.Number(gte=0, lte=65535))
    ] = 8600,
    store: Annotated[str | None, Parameter(name="--store")] = None,
    workers: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=64))] = 1,
    certificate: Path | None = None,
    key: Path | None = None,
    url: Annotated[str, Parameter(env_var="TRUEUP_URL")] = "",
    oidc_issuer: Annotated[str, Parameter(env_var="TRUEUP_OIDC_ISSUER")] = "",
    oidc_client_id: Annotated[str, Parameter(env_var="TRUEUP_OIDC_CLIENT_ID")] = "",
    oidc_name_claim: Annotated[
        str, Parameter(env_var="TRUEUP_OIDC_NAME_CLAIM")
    ] = "preferred_username",
    oidc_newcomers: Annotated[Role | None, Parameter(env_var="TRUEUP_OIDC_NEWCOMERS")] = None,
    oidc_label: Annotated[str, Parameter(env_var="TRUEUP_OIDC_LABEL")] = "",
    webhook_network: Networks = (),
) -> None:
    """Serve the annotation service until Ctrl-C.

    The first start prints a link, good once, by which the first admin joins.

    Args:
        host: The address to listen on; another than this machine's own needs HTTPS, here or in a
            proxy before it.
        port: The port; 0 is any that is free.
        store: The store: a folder, or postgresql://user@host/database.
        workers: Processes to serve in, each of which uses one core.
        certificate: A TLS certificate, to serve HTTPS.
        key: Its key.
        url: The address that browsers use, where it is another: that of a proxy.
        oidc_issuer: The OpenID provider by which members sign in, beside passwords: its address.
            The secret that it gave comes from TRUEUP_OIDC_CLIENT_SECRET.
        oidc_client_id: What the provider knows this service by.
        oidc_name_claim: Which of its claims is the name of somebody new.
        oidc_newcomers: What those become whom nobody invited; without it they may not come in.
        oidc_label: What the button calls the provider.
        webhook_network: A network that webhooks may send to though it is not public, such as
            10.0.0.0/8; give it several times.
    """
    from trueup import web
    from trueup.webhooks import Sending, networks_of

    if url and not url.startswith(("https://", "http://")):
        raise InputError(f"--url {url}: give all of it, as https://trueup.example.org")
    if oidc_client_id and not oidc_issuer:
        raise InputError("--oidc-client-id goes with --oidc-issuer: give both or neither")
    sending = Sending(networks_of(webhook_network))
    oidc = None
    if oidc_issuer:
        secret = os.environ.get("TRUEUP_OIDC_CLIENT_SECRET", "")
        oidc = web.Oidc(
            oidc_issuer, oidc_client_id, secret, oidc_name_claim, oidc_newcomers, oidc_label
        )
    given = store or find_store()  # which has the password that the store's address leaves out
    service = web.Service(given, certificate, key, url, oidc, sending)
    with Store.open(store) as opened, ExitStack() as sockets:
        bound = [sockets.enter_context(one) for one in web.listen(host, port, workers)]
        scheme = "https" if certificate else "http"
        name = "localhost" if host in ("127.0.0.1", "::1") else host
        home = url.rstrip("/") or f"{scheme}://{name}:{bound[0].getsockname()[1]}"
        say(f"serving {opened.address} at {home}")
        if oidc is not None:
            say(f"{oidc.issuer} is to send people back to {home}/signin/oidc/callback")
        if (token := first_invitation(opened)) is not None:
            say(f"nobody has joined yet; the first admin does at {home}/join/{token}")
        web.serve(service, bound)
