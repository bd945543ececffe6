import pytest

from trueup.release.lineage import backward_tree, draw, forward_tree, trace_back

pytestmark = pytest.mark.one_database

LABEL = {
    "id": "label-1",
    "reviewer": "sim-1",
    "preferred": "b",
    "strength": 2,
    "labels": ["wrong_tool"],
    "simulated": True,
    "item_id": "item-1",
    "trace_id": "trace-1",
    "question": "Is it covered?",
    "preference_id": "pref-1",
    "origin": "sampled",
    "agreement": 1.0,
    "datasets": ["prefs v1"],
}
BASE = {"id": "base-1", "role": "base", "path": "/m/base", "content_hash": "b" * 64}
MADE = {"id": "made-1", "role": "candidate", "path": "/m/made", "content_hash": "a" * 64}
RUN = {
    "id": "run-1",
    "stage": "preference",
    "method": "dpo",
    "seed": 7,
    "code_revision": "",
    "config": {"beta": 0.1},
    "dataset": "prefs v1",
    "dataset_version_id": "version-1",
    "base_checkpoint_id": "base-1",
    "checkpoint_id": "made-1",
}
DATASET = {
    "id": "version-1",
    "name": "prefs",
    "version": "v1",
    "content_hash": "c" * 64,
    "withdrawn": False,
    "rows": 1,
}
VERDICT = {
    "id": "verdict-1",
    "outcome": "ship",
    "reasons": ["better"],
    "candidate_checkpoint_id": "made-1",
}


def chain(labels):
    return {
        "checkpoint": MADE,
        "runs": [RUN],
        "checkpoints": [BASE],
        "datasets": [DATASET],
        "labels": labels,
        "replays": [],
        "verdicts": [VERDICT],
        "counts": {
            "runs": 1,
            "datasets": 1,
            "rows": 1,
            "preferences": 1,
            "labels": len(labels),
            "simulated": len(labels),
            "reviewers": 1,
            "items": 1,
            "traces": 1,
        },
    }


def test_backward_starts_with_counts_and_ends_with_labels():
    assert list(draw(backward_tree(chain([LABEL])))) == [
        "checkpoint made-1 (candidate) sha256 aaaaaaaaaaaa /m/made",
        "├── 1 run on 1 dataset version: 1 row of 1 preference, from 1 label (1 simulated) "
        "by 1 reviewer on 1 item of 1 trace",
        "├── verdict ship verdict-1: better",
        "├── run preference (dpo) run-1, seed 7, code unknown, on prefs v1",
        "│   └── from checkpoint base-1 (base) sha256 bbbbbbbbbbbb /m/base",
        "├── dataset prefs v1 sha256 cccccccccccc, 1 row",
        "└── trace trace-1 “Is it covered?” item item-1, "
        "preference pref-1 (sampled, agreement 1.00), in prefs v1",
        "    └── label label-1 by sim-1, simulated: b clearly better, wrong_tool",
    ]


def test_what_is_left_out_is_counted():
    labels = [LABEL | {"id": f"label-{i}", "preference_id": f"pref-{i // 3}"} for i in range(50)]
    few = list(draw(backward_tree(chain(labels), limit=4)))
    assert few[-1] == "└── and 46 more labels: --all shows every one"
    assert sum("label label-" in line for line in few) == 4
    every = list(draw(backward_tree(chain(labels), limit=None)))
    assert sum("label label-" in line for line in every) == 50


def test_a_checkpoint_that_trained_into_itself_ends():
    run = RUN | {"base_checkpoint_id": "made-1"}
    tree = backward_tree(chain([]) | {"runs": [run], "checkpoints": []})
    lines = list(draw(tree))
    assert sum("run preference" in line for line in lines) == 1


def test_forward_reaches_checkpoints_and_verdicts():
    tree = forward_tree(
        {
            "label": LABEL | {"preferred": "tie", "strength": 0, "labels": [], "simulated": False},
            "preferences": [{"id": "pref-1", "origin": "served", "agreement": None}],
            "rows": [
                {
                    "version_id": "version-1",
                    "row_hash": "d" * 64,
                    "split": "train",
                    "preference_id": "pref-1",
                }
            ],
            "datasets": [DATASET],
            "runs": [RUN | {"dataset": None}],
            "checkpoints": [MADE],
            "verdicts": [VERDICT],
        }
    )
    assert list(draw(tree)) == [
        "label label-1 by sim-1: a tie",
        "├── trace trace-1 “Is it covered?” item item-1",
        "├── preference pref-1 (served, one rater)",
        "│   └── row dddddddddddd (train) of dataset version version-1",
        "├── dataset prefs v1 sha256 cccccccccccc, 1 row",
        "└── run preference (dpo) run-1, seed 7, code unknown",
        "    └── checkpoint made-1 (candidate) sha256 aaaaaaaaaaaa /m/made",
        "        └── verdict ship verdict-1: better",
    ]


def test_a_label_without_preference_says_so():
    tree = forward_tree(
        {
            "label": LABEL | {"preferred": "neither"},
            "preferences": [],
            "rows": [],
            "datasets": [],
            "runs": [],
            "checkpoints": [],
            "verdicts": [],
        }
    )
    lines = list(draw(tree))
    assert "neither is right" in lines[0]
    assert lines[-1].endswith("nothing was trained on it")


def test_a_checkpoint_from_outside_says_so(store):
    lines = list(draw(backward_tree(trace_back(store, "baseline-0001"))))
    assert lines[1] == "└── it came from outside: no run in this store made it"
