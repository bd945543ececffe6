"""`trueup webhook`: queue changes sent to other programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App, Parameter

from trueup.cli._output import (
    JsonOption,
    StoreOption,
    open_store,
    say,
    show_facts,
    show_json,
    show_table,
)
from trueup.errors import TrueupError
from trueup.store.webhooks import Webhook

__all__ = ["Networks", "app"]

app = App(name="webhook")

Networks = Annotated[
    tuple[str, ...],
    Parameter(negative="", consume_multiple=False, env_var="TRUEUP_WEBHOOK_NETWORK"),
]


@app.command
def add(
    url: str,
    /,
    *,
    action: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    queue: str | None = None,
    webhook_network: Networks = (),
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have queue changes sent to an address from now on, and print the secret, once.

    Args:
        url: Where to: https, or http on this machine.
        action: Only this, such as submit; give it several times.
        queue: Only of this queue.
        webhook_network: A network that may be sent to though it is not public.
    """
    from trueup.webhooks import add_webhook, networks_of

    with open_store(store) as opened:
        networks = networks_of(webhook_network)
        made = add_webhook(opened, url, actions=action, queue=queue, networks=networks)
    if as_json:
        show_json(asdict(made.kept) | {"secret": made.secret})
        return
    show_facts({"webhook": made.kept.id, "secret": made.secret})
    say("give the secret to the receiver now: it is not shown again")


@app.command(name="list")
def list_(*, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """List the webhooks with how far each is."""
    from trueup.webhooks import list_webhooks

    with open_store(store) as opened:
        found = list_webhooks(opened)
    if as_json:
        show_json([asdict(hook) for hook in found])
        return
    columns = ("webhook", "to", "actions", "queue", "active", "delivered", "waiting", "last error")
    show_table(columns, [_cells(hook) for hook in found])


@app.command
def remove(key: str, /, *, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Remove a webhook with its secret and what waits for it.

    Args:
        key: The webhook's id.
    """
    from trueup.webhooks import remove_webhook

    with open_store(store) as opened:
        remove_webhook(opened, key)
    _done({"removed": key}, f"{key} is removed", as_json=as_json)


@app.command
def resume(key: str, /, *, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Send a webhook that was disabled what waits for it.

    Args:
        key: The webhook's id.
    """
    from trueup.webhooks import resume_webhook

    with open_store(store) as opened:
        found = resume_webhook(opened, key)
    said = f"{key} is active; {found.waiting} deliveries wait"
    _done({"resumed": key, "waiting": found.waiting}, said, as_json=as_json)


@app.command(name="test")
def send_test(
    key: str,
    /,
    *,
    webhook_network: Networks = (),
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a webhook a message now; that it does not arrive is an error.

    Args:
        key: The webhook's id.
        webhook_network: A network that may be sent to though it is not public.
    """
    from trueup.webhooks import networks_of, try_webhook

    with open_store(store) as opened:
        failed = try_webhook(opened, key, networks=networks_of(webhook_network))
    if failed:
        raise TrueupError(f"webhook {key}: {failed}")
    _done({"arrived": key}, f"{key}: it arrived", as_json=as_json)


def _cells(hook: Webhook) -> tuple[Any, ...]:
    about = (", ".join(hook.actions) or "all", hook.queue or "all", hook.active)
    return (hook.id, hook.url, *about, hook.delivered, hook.waiting, hook.last_error)


def _done(value: dict[str, Any], said: str, *, as_json: bool) -> None:
    if as_json:
        show_json(value)
    else:
        say(said)
