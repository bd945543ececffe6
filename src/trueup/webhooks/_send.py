"""One message, signed and sent: no redirects, no proxies, no cookies, and no more than it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
from standardwebhooks import Webhook as Signer

from trueup import __version__
from trueup.errors import InputError
from trueup.store.webhooks import Due
from trueup.webhooks._urls import Network, Resolver, check_url

__all__ = ["TIMEOUT", "Outcome", "message_of", "open_session", "post"]

TIMEOUT = 10.0  # seconds for all of it
_CONNECT = 5.0
_READ = 16_384  # bytes of an answer's body, which nobody looks at
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try.

    Attributes:
        error: why it failed, or "".
        gone: whether the receiver wants no more.
    """

    error: str = ""
    gone: bool = False


def message_of(due: Due) -> tuple[str, str]:
    """Return a delivery's id, the same at each try, and its body: ids, and no text or label."""
    change = due.change
    body = {
        "type": f"{change.noun}.{change.action}",
        "timestamp": change.created_at.isoformat(),
        "data": {
            "number": change.number,
            "noun": change.noun,
            "id": change.object_id,
            "action": change.action,
            "actor": change.actor,
            "queue": {"id": change.queue_id, "name": due.queue},
        },
    }
    return f"msg_{due.webhook_id}_{change.number}", encode(body)


def encode(body: Mapping[str, Any]) -> str:
    """Return a body as it is signed and sent."""
    return json.dumps(body, separators=(",", ":"))


def open_session(networks: Sequence[Network]) -> aiohttp.ClientSession:
    """Return a client that connects only to where messages may be sent."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=Resolver(networks), use_dns_cache=False, force_close=True
        ),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT, connect=_CONNECT),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": f"trueup/{__version__}"},
        auto_decompress=False,
        trust_env=False,
    )


async def post(
    session: aiohttp.ClientSession,
    url: str,
    secret: str,
    key: str,
    body: str,
    *,
    networks: Sequence[Network],
    now: datetime,
) -> Outcome:
    """Send a message, and tell what became of it; it arrived where the answer is 2xx.

    Args:
        session: see `open_session`.
        url: where to.
        secret: what it is signed with.
        key: the message's id.
        body: its JSON.
        networks: what is open beside the public.
        now: when, which is signed too.
    """
    headers = {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(key, now, body),
    }
    try:
        check_url(url, networks)
        async with session.post(
            url, data=body.encode(), headers=headers, allow_redirects=False
        ) as answer:
            await answer.content.read(_READ)
    except InputError as error:
        return Outcome(str(error))
    except TimeoutError:
        return Outcome(f"no answer within {TIMEOUT:g} seconds")
    except (aiohttp.ClientError, OSError, ValueError) as error:  # of a host that is no name, too
        return Outcome(f"cannot reach it: {error}"[:300])
    if 200 <= answer.status < 300:
        return Outcome()
    return Outcome(f"it answered {answer.status}", gone=answer.status == _GONE)
