"""The turn as a durable workflow: every station's findings are kept as it ends.

DBOS keeps its state in `workflows.db` beside the store. One process per store runs workflows, which
a lock of the operating system makes sure of; the lock goes when the process does, however it ends.
A turn that was killed goes on at the station it was in; one that stopped on an error goes on at
that station too, once started again. A station may so run twice: what it writes has ids that follow
from the turn, and lands once.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowHandle

from trueup.errors import StoreBusy
from trueup.flywheel.collect import enqueue, evaluate, record
from trueup.flywheel.context import Found, Turn
from trueup.flywheel.judge import judge, replay_on
from trueup.flywheel.learn import deploy, train_recipe
from trueup.flywheel.settle import audit, export, label
from trueup.flywheel.summary import report
from trueup.models import keep_freed_memory

__all__ = ["STATIONS", "run_turn"]

Station = Callable[[Turn, Mapping[str, Found]], Found]

# A turn that an older version of this list began cannot be continued by a newer one.
_VERSION = "stations-4"


def _train(turn: Turn, found: Mapping[str, Found], *, role: str) -> Found:
    config = turn.config.seeded()
    recipe = config.control if role == "control" else config.recipe
    return train_recipe(turn, found, recipe, role)


def _replay(turn: Turn, found: Mapping[str, Found], *, of: str, who: str) -> Found:
    return replay_on(turn, found[of]["checkpoint"], who)


STATIONS: Mapping[str, Station] = {
    "deploy": deploy,
    "record": record,
    "evaluate": evaluate,
    "enqueue": enqueue,
    "label": label,
    "audit": audit,
    "export": export,
    "train control": partial(_train, role="control"),
    "train candidate": partial(_train, role="candidate"),
    "replay baseline": partial(_replay, of="deploy", who="baseline"),
    "replay control": partial(_replay, of="train control", who="control"),
    "replay candidate": partial(_replay, of="train candidate", who="candidate"),
    "gate": judge,
    "report": report,
}
"""The stations of a turn, in order; each is handed what those before it found."""

_turns: dict[str, Turn] = {}  # what cannot be written into a workflow's state, by turn id


@DBOS.workflow(name="trueup.loop")
def _loop(turn_id: str) -> dict[str, Found]:
    turn = _turns[turn_id]
    found: dict[str, Found] = {}
    for number, (name, station) in enumerate(STATIONS.items(), 1):
        found[name] = DBOS.run_step(
            {"name": name}, _visit, turn, name, number, station, dict(found)
        )
    return found


def _visit(turn: Turn, name: str, number: int, station: Station, found: dict[str, Found]) -> Found:
    turn.events.station(name, number, len(STATIONS))
    return station(turn, found)


def run_turn(turn: Turn) -> dict[str, Found]:
    """Run a turn to its end, or on from where it stopped, and return what each station found.

    Raises:
        StoreBusy: another process runs workflows on this store.
        TrueupError: a station failed; starting the turn again goes on with that station.
    """
    _turns[turn.id] = turn
    keep_freed_memory()  # before the thread that the stations run in has a heap of its own
    with _launched(turn.store.root):
        return _handle(turn).get_result(polling_interval_sec=0.2)


def _handle(turn: Turn) -> WorkflowHandle[dict[str, Found]]:
    """Start the turn, attach to it where it is running again, or go on where it failed."""
    turn_id = turn.id
    attempts = [w.workflow_id for w in DBOS.list_workflows(workflow_id_prefix=turn_id)]
    if not attempts:
        with SetWorkflowID(turn_id):
            return DBOS.start_workflow(_loop, turn_id)
    last = max(attempts, key=lambda name: (len(name), name))
    status = DBOS.get_workflow_status(last)
    if status is None or status.status not in ("ERROR", "CANCELLED"):
        return DBOS.retrieve_workflow(last)
    done = [s["function_name"] for s in DBOS.list_workflow_steps(last) if s["error"] is None]
    if turn.labels is not None and done[-1:] == ["label"]:
        done.pop()  # the audit failed: the file may hold better labels by now
    with SetWorkflowID(f"{turn_id}.{len(attempts)}"):
        return DBOS.fork_workflow(last, len(done) + 1, application_version=_VERSION)


@contextmanager
def _launched(root: Path) -> Iterator[None]:
    config: DBOSConfig = {
        "name": "trueup",
        "system_database_url": f"sqlite:///{root / 'workflows.db'}",
        "application_version": _VERSION,
        "executor_id": "local",
        "log_level": "CRITICAL",
        "enable_otlp": False,
        "notification_listener_polling_interval_sec": 0.2,
    }
    with _sole_runner(root):
        DBOS(config=config)
        DBOS.launch()
        try:
            yield
        finally:
            DBOS.destroy()
            # its handler holds on to the standard error of this call
            logging.getLogger("dbos").handlers.clear()


@contextmanager
def _sole_runner(root: Path) -> Iterator[None]:
    with (root / "workflows.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreBusy(
                f"store {root}: another process is running its loop; wait for it, or stop it first"
            ) from error
        yield
