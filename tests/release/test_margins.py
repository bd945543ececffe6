from pathlib import Path

import pytest

from trueup.errors import GateError
from trueup.release.margins import Margin, Margins, load_margins

ROOT = Path(__file__).parents[2]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_file_holds_the_defaults():
    found = load_margins(ROOT / "gate.toml")
    named = {name: Margin() for name in found.metrics}
    assert found == Margins(metrics=named)


def test_a_cohort_may_ask_more(tmp_path):
    text = """
    alpha = 0.1
    [metrics.tool_selection_accuracy]
    non_inferiority = 0.05
    min_gain = 0.02
    [cohorts.tool-heavy.tool_selection_accuracy]
    non_inferiority = 0.01
    """
    found = load_margins(write(tmp_path, text))
    assert found.alpha == 0.1
    assert found.of("rest", "tool_selection_accuracy") == Margin(0.05, 0.02)
    assert found.of("tool-heavy", "tool_selection_accuracy") == Margin(0.01, 0.02)
    assert found.of("tool-heavy", "over_refusal") == Margin()


def test_margins_survive_json():
    found = Margins(
        metrics={"over_refusal": Margin(0.2)}, cohorts={"rest": {"preference": Margin()}}
    )
    assert Margins.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alfa = 0.1", "unknown key 'alfa'; known are alpha"),
        ("alpha = 0", "alpha: must be a number from 0.0001 to 0.5, not 0"),
        ("alpha = nan", "must be a number"),
        ("required = ['speed']", "'speed' is not a metric; choose from tool_selection_accuracy"),
        ("required = 'x'", "must be a list of metrics"),
        ("targets = ['preference']", "a win rate alone never ships"),
        ("required = ['length_ratio']", "reported, not gated"),
        (
            "[metrics.tool_selection_accuracy]\nmargin = 1",
            "metrics.tool_selection_accuracy: unknown key 'margin'",
        ),
        (
            "[metrics.tool_selection_accuracy]\nmin_gain = 'a'",
            "must be a number from 0 to 1, not 'a'",
        ),
        ("[metrics]\ntool_selection_accuracy = 1", "must be a table, not 1"),
        ("cohorts = 3", "must be a table, not 3"),
        ("alpha = ", "not TOML"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path, text, said):
    with pytest.raises(GateError, match=said) as caught:
        load_margins(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert str(caught.value).count("gate.toml") == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GateError, match=r"nowhere\.toml: cannot be read"):
        load_margins(tmp_path / "nowhere.toml")


def test_guards_may_be_none_and_must_be_metrics():
    assert Margins.from_json({}).guards == ("under_refusal",)
    assert Margins.from_json({"guards": []}).guards == ()
    with pytest.raises(GateError, match="guards: 'sweetness'"):
        Margins.from_json({"guards": ["sweetness"]})
    for name in ("required", "targets"):
        with pytest.raises(GateError, match=f"{name}: name at least one of"):
            Margins.from_json({name: []})
