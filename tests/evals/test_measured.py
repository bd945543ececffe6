from __future__ import annotations

import json
from importlib.resources import files

from trueup.evals import (
    EVALUATORS,
    NOT_MEASURED,
    Measured,
    ToolSelectionAccuracy,
    evaluator,
    measured,
)


def test_what_is_told_is_of_the_versions_that_ship():
    read = json.loads((files("trueup.evals") / "measured.json").read_text())
    for row in read:
        version = evaluator(row["evaluator"]).version
        assert row["version"] == version, f"measure {row['evaluator']} {version} and write it down"
    assert {row["evaluator"] for row in read} <= set(EVALUATORS)


def test_figures_have_intervals_around_them():
    for name in EVALUATORS:
        for one in measured(name, evaluator(name).version):
            assert one.rows > 0
            figures = [one.f1, one.balanced_accuracy, *([one.auroc] if one.auroc else [])]
            assert all(0 <= f.low <= f.value <= f.high <= 1 for f in figures)
            assert str(one).endswith(f", {one.data}: {one.yes}")


def test_another_version_is_not_measured():
    name = ToolSelectionAccuracy.name
    assert measured(name, ToolSelectionAccuracy().version)
    assert measured(name, ToolSelectionAccuracy(ordered=True).version) == ()
    assert measured("length_drift", "1") == ()


def test_what_is_undefined_is_not_measured():
    assert str(Measured("d", "good", 3, None, None, None)) == NOT_MEASURED
