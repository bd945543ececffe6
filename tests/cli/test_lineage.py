import json
from datetime import UTC, datetime

import pytest

from trueup.cli.lineage import lineage
from trueup.errors import InputError, UnknownName
from trueup.store import Store
from trueup.store.runs import put_checkpoint
from trueup.types import Checkpoint

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    with Store.open(tmp_path) as store, store.transaction() as tx:
        put_checkpoint(tx, Checkpoint("base-0001", "/m/[base]", "f" * 64, "base"), "ana", NOW)
    return str(tmp_path)


def test_a_checkpoint_prints_its_tree(folder, capsys):
    lineage("base-00", store=folder)
    assert capsys.readouterr().out.splitlines() == [
        "checkpoint base-0001 (base) sha256 ffffffffffff /m/[base]",
        "└── it came from outside: no run in this store made it",
    ]


def test_json_is_the_whole_chain(folder, capsys):
    lineage("base-0001", store=folder, json=True)
    assert json.loads(capsys.readouterr().out)["checkpoint"]["id"] == "base-0001"


def test_unknown_or_missing_names_are_refused(folder):
    with pytest.raises(UnknownName, match="label 'nothing'"):
        lineage(label="nothing", store=folder)
    with pytest.raises(InputError, match="name a checkpoint or a label"):
        lineage(store=folder)
    with pytest.raises(InputError, match="name a checkpoint or a label"):
        lineage("base-0001", label="x", store=folder)
