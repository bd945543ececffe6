"""What the service sees to now and then while it runs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from trueup.errors import StoreError
from trueup.people import purge
from trueup.store import Store

__all__ = ["purge_hourly"]

_SECONDS = 3600.0


async def purge_hourly(store: Store, stop: asyncio.Event) -> None:
    """Forget sessions, invitations and tries that have ended, at the start and every hour."""
    while not stop.is_set():
        try:
            await run_in_threadpool(purge, store)
        except StoreError as error:  # the next hour tries again
            logging.getLogger(__name__).warning("%s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _SECONDS)
