"""What the service sees to now and then while it runs."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.concurrency import run_in_threadpool

from trueup.errors import StoreError
from trueup.people import purge
from trueup.queues import draw_weekly
from trueup.store import Store

__all__ = ["see_to_hourly"]

_SECONDS = 3600.0


async def see_to_hourly(store: Store, stop: asyncio.Event) -> None:
    """Do what is due, at the start and every hour.

    Sessions, invitations and tries that have ended are forgotten, and the week's spot checks drawn.
    """
    while not stop.is_set():
        for task in (purge, draw_weekly):
            try:
                await run_in_threadpool(task, store)
            except StoreError as error:  # the next hour tries again
                logging.getLogger(__name__).warning("%s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _SECONDS)
