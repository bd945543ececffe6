"""A store with a dataset in it, as commands find it."""

from datetime import UTC, datetime

import pytest

from trueup.datasets import Dataset
from trueup.evals import Evaluator
from trueup.queues import AnnotationQueue, NewItem, Submission
from trueup.store import Store
from trueup.store.traces import put_trace
from trueup.types import Label, Score, Trace

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Always(Evaluator):
    name = "always"

    def _score(self, *, response):
        return Score(self.name, self.version, 1.0)


@pytest.fixture
def folder(new_store, tmp_path, monkeypatch):
    """A store with dataset d: v1 sealed and evaluated, v2 a draft."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUEUP_STORE", str(tmp_path / "store"))
    turns = ({"role": "user", "content": "Is it covered?"},)
    traces = [Trace(f"t{i}", f"c{i}", "tool-heavy", turns, f"served {i}") for i in range(3)]
    with Store.open(new_store(tmp_path / "store")) as store:
        with store.transaction() as tx:
            for trace in traces:
                put_trace(tx, trace, source="test", checkpoint_id=None, actor="ana", now=NOW)
        queue = AnnotationQueue.create("prefs", store=store)
        queue.add_items([NewItem.from_trace(t, reason="sampled", candidate="x") for t in traces])
        queue.submit_many(
            [
                Submission(item.id, who, Label(item.answer("sampled").key, 1), simulated=True)
                for item in queue.items()
                for who in ("ann", "bob")
            ]
        )
        rows = queue.export()
        first = Dataset.create_or_get("d", "v1", store=store)
        first.add_rows(rows)
        first.add_evaluation([Always()], threshold=0.5)
        Dataset.create_or_get("d", "v2", store=store).add_rows(rows[:1])
    return tmp_path
