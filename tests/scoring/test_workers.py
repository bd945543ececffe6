import os
import signal
import subprocess
import sys
import time

import pytest

from trueup.datasets import Dataset
from trueup.errors import EvaluationError, InputError
from trueup.evals import Evaluator, Refusal
from trueup.queues import AnnotationQueue, NewItem, Submission
from trueup.scoring import Workers
from trueup.store import Store
from trueup.store.stamp import stamp
from trueup.store.traces import put_trace
from trueup.types import Label, Score, Trace

ROWS = 32

SLOW = '''
import os, sys, time
from pathlib import Path
from trueup.datasets import Dataset
from trueup.evals import Evaluator
from trueup.scoring import Workers
from trueup.store import Store
from trueup.types import Score

HERE = Path(__file__).parent

class Slow(Evaluator):
    """Notes what it is asked, by which process."""

    name = "slow"

    def _score(self, *, response):
        with (HERE / "asked").open("a") as out:
            out.write(f"{os.getpid()} {response}\\n")
        if response == os.environ.get("DIE_AT"):
            os._exit(9)
        time.sleep(0.05)
        return Score(self.name, self.version, 1.0)

def run(workers):
    with Store.open(HERE / "store") as store:
        dataset = Dataset.get("d", store=store)
        return dataset.add_evaluation([Slow()], threshold=0.5, workers=workers)
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a store that has a dataset, and a module that evaluates it slowly."""
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "asked").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    monkeypatch.delitem(sys.modules, "slow", raising=False)
    actor, now = stamp()
    turns = ({"role": "user", "content": "Is it covered?"},)
    traces = [Trace(f"t{n}", f"c{n}", "a", turns, f"served {n}") for n in range(ROWS)]
    with Store.open(tmp_path / "store") as store:
        with store.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor=actor, now=now)
        queue = AnnotationQueue.create("q", overlap=1, store=store)
        queue.add_items([NewItem.from_trace(t, reason="sampled", candidate="x") for t in traces])
        queue.submit_many(
            [Submission(i.id, "ann", Label(i.answer("served").key, 1)) for i in queue.items()]
        )
        Dataset.create_or_get("d", "v1", store=store).add_rows(queue.export(min_agreement=0))
    return tmp_path


def asked(folder):
    lines = (folder / "asked").read_text().splitlines()
    return [(int(pid), answer) for pid, answer in (line.split(" ", 1) for line in lines)]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_killed_run_goes_on_where_it_was_and_its_workers_end(folder):
    code = "import slow; slow.run(slow.Workers(2, processes=True))"
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code])
    with Store.open(folder / "store") as store:
        dataset = Dataset.get("d", store=store)
        wait_for(lambda: len(dataset.scores()) >= 8 or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        pids = {pid for pid, _ in asked(folder)}
        wait_for(lambda: all(map(gone, pids)))
        assert pids

        kept, before = dataset.scores(), asked(folder)
        assert 8 <= len(kept) < ROWS
        assert dataset.evaluations() == []
        assert len(before) - len(kept) <= 16, "more was lost than what was under way"

        import slow

        (result,) = slow.run(Workers())
        answers = {row.row_hash: row.answer for row in dataset}
        after = [answer for _, answer in asked(folder)[len(before) :]]
        assert sorted(after) == sorted(a for key, a in answers.items() if key not in kept)
        assert (result.scored, result.unscored, result.passed) == (ROWS, 0, True)
        assert dataset.evaluations() == [result]


def test_a_worker_that_is_killed_ends_the_run_and_what_was_scored_is_kept(folder, monkeypatch):
    import slow

    monkeypatch.setenv("DIE_AT", f"served {ROWS - 1}")
    with pytest.raises(EvaluationError, match="a worker was killed, out of memory perhaps; what"):
        slow.run(Workers(1, processes=True))
    with Store.open(folder / "store") as store:
        assert len(Dataset.get("d", store=store).scores()) > 0


def test_workers_are_one_or_more_and_in_one_place():
    with pytest.raises(InputError, match="workers is 0: give 1 or more"):
        Workers(0)
    with pytest.raises(InputError, match="processes here or on a Ray cluster: choose one"):
        Workers(processes=True, ray="auto")


class Locked(Evaluator):
    name = "locked"

    def __init__(self):
        self._found = lambda: 1.0

    def _score(self, *, response):
        return Score(self.name, self.version, self._found())


def test_an_evaluator_that_cannot_be_sent_is_named():
    with (
        pytest.raises(InputError, match=r"evaluator locked cannot be sent .*: use threads"),
        Workers(2, processes=True).start([Refusal(), Locked()]),
    ):
        pass
