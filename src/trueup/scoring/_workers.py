"""Where rows are scored: here, in threads, in processes, or on the machines of a Ray cluster."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Any, NamedTuple

from trueup.errors import EvaluationError, InputError, MissingExtra
from trueup.scoring._work import Due, Evaluates, Found, score_batch

__all__ = ["Pool", "Workers"]


class Pool(NamedTuple):
    """Workers that are ready.

    Attributes:
        submit: gives a batch to one of them.
        ahead: how many batches to give before one is done, so that none of them waits.
    """

    submit: Callable[[Sequence[Due]], Future[Found]]
    ahead: int


@dataclass(frozen=True, slots=True)
class Workers:
    """How many score at once, and where; what they find is the same.

    Evaluators that wait (judges) gain by threads, those that compute by processes.

    Attributes:
        count: how many. None takes as many threads as an evaluator asks for (`concurrency`), and
            as many processes, or actors, as there are processors.
        processes: take processes. They import the script that asks for them, which therefore runs
            under `if __name__ == "__main__"`.
        ray: take the Ray cluster at this address: "HOST:PORT", "auto" on one of its machines, or
            "local" for one that is started here. Its machines need trueup in this version.

    Raises:
        InputError: fewer than one, or processes and a cluster at once.
    """

    count: int | None = None
    processes: bool = False
    ray: str | None = None

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise InputError(f"workers is {self.count}: give 1 or more")
        if self.processes and self.ray is not None:
            raise InputError("workers are processes here or on a Ray cluster: choose one of them")

    def start(self, evaluators: Sequence[Evaluates]) -> AbstractContextManager[Pool]:
        """Start them, for as long as the context is open.

        Raises:
            InputError: an evaluator cannot be sent to another process.
            MissingExtra: Ray is not installed.
            EvaluationError: there is no cluster at the address.
        """
        if self.ray is not None:
            return _on_ray(self.ray, self.count, evaluators)
        if self.processes:
            return _in_processes(self.count or os.cpu_count() or 1, evaluators)
        count = self.count or max((evaluator.concurrency for evaluator in evaluators), default=1)
        return _here(evaluators) if count == 1 else _in_threads(count, evaluators)


@contextmanager
def _here(evaluators: Sequence[Evaluates]) -> Iterator[Pool]:
    def submit(rows: Sequence[Due]) -> Future[Found]:
        done: Future[Found] = Future()
        done.set_result(score_batch(evaluators, rows))
        return done

    yield Pool(submit, 1)


@contextmanager
def _in_threads(count: int, evaluators: Sequence[Evaluates]) -> Iterator[Pool]:
    with _stopping(ThreadPoolExecutor(count)) as executor:
        yield Pool(lambda rows: executor.submit(score_batch, evaluators, rows), 2 * count)


@contextmanager
def _in_processes(count: int, evaluators: Sequence[Evaluates]) -> Iterator[Pool]:
    # a fork would copy the locks of whatever threads there are (an encoder's, the store's)
    executor = ProcessPoolExecutor(
        count, get_context("spawn"), _enter, (_pickled(evaluators), count)
    )
    with _stopping(executor):
        try:
            yield Pool(lambda rows: executor.submit(_score_in_process, rows), 2 * count)
        except BrokenExecutor as error:
            raise EvaluationError(
                "a worker was killed, out of memory perhaps; what was scored is kept: run it "
                "again, with fewer workers"
            ) from error


@contextmanager
def _stopping(executor: Executor) -> Iterator[Executor]:
    """Have the executor begin nothing more at the end, whatever it ends by."""
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


def _pickled(evaluators: Sequence[Evaluates]) -> bytes:
    for evaluator in evaluators:
        try:
            pickle.dumps(evaluator)
        except Exception as error:  # it depends on what the evaluator holds
            raise InputError(
                f"evaluator {evaluator.name} cannot be sent to another process ({error}): "
                "use threads, or make it of what pickle takes"
            ) from error
    return pickle.dumps(list(evaluators))


_evaluators: list[Evaluates] = []  # of a process that scores


def _enter(pickled: bytes, processes: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that asked says when to end
    Thread(target=_end_with_parent, daemon=True).start()
    # libraries that compute in threads would each take every processor
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    _evaluators[:] = pickle.loads(pickled)


def _end_with_parent() -> None:
    """End when the process that asked is gone: killed, it cannot say so."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _score_in_process(rows: Sequence[Due]) -> Found:
    return score_batch(_evaluators, rows)


class _Scorer:
    """An actor: a process on one of a cluster's machines."""

    def __init__(self, evaluators: Sequence[Evaluates]) -> None:
        self._evaluators = evaluators

    def score(self, rows: Sequence[Due]) -> Found:
        return score_batch(self._evaluators, rows)


@contextmanager
def _on_ray(address: str, count: int | None, evaluators: Sequence[Evaluates]) -> Iterator[Pool]:
    ray = _ray()
    mine = not ray.is_initialized()
    if mine:
        _connect(ray, address)
    try:
        processors = max(1, int(ray.cluster_resources().get("CPU", 1)))
        count = count or processors
        actor = ray.remote(_Scorer).options(
            # more of them than processors share these, instead of waiting for one
            num_cpus=min(1.0, processors / count),
            scheduling_strategy="SPREAD",
            max_restarts=3,
            max_task_retries=3,
        )
        actors = [actor.remote(list(evaluators)) for _ in range(count)]
        yield Pool(_to_the_least_busy(actors), 2 * count)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error  # what was raised there, as if it had been here
    except ray.exceptions.RayError as error:
        raise EvaluationError(
            f"Ray cluster {address}: {str(error).strip().splitlines()[-1]}; what was scored is "
            "kept; its machines need trueup in this version"
        ) from error
    finally:
        if mine:
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("a cluster needs Ray: pip install 'trueup[ray]'") from error
    return ray


def _connect(ray: Any, address: str) -> None:
    here = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="error", **here)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise EvaluationError(
            f"no Ray cluster at {address}: {str(error).splitlines()[0]}; start one there "
            "(ray start --head), or take --ray local"
        ) from error


def _to_the_least_busy(actors: Sequence[Any]) -> Callable[[Sequence[Due]], Future[Found]]:
    given: list[set[Future[Found]]] = [set() for _ in actors]

    def submit(rows: Sequence[Due]) -> Future[Found]:
        at = min(range(len(actors)), key=lambda n: len(given[n]))
        future: Future[Found] = actors[at].score.remote(rows).future()
        given[at].add(future)
        future.add_done_callback(given[at].discard)
        return future

    return submit
