from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from trueup.cli.eval import calibrate
from trueup.errors import InputError, UnknownName
from trueup.evals import Pair, calibrate_pairs, judge_pairs


@dataclass
class Chosen:
    chosen: tuple


def takes_longer(prompt, a, b):
    choice = "a" if len(a) > len(b) else "b"
    return Chosen((choice, choice))


def takes_first(prompt, a, b):
    return Chosen(("a", "b"))


PAIRS = [
    Pair("q1", "long answer", "short", "a", cohort="easy", group="q1"),
    Pair("q2", "short", "long answer", "a", cohort="hard", group="q2"),
    Pair("q3", "short", "long answer", "tie", cohort="hard", group="q3"),
]


def test_a_judge_is_run_in_order_and_held_against_people():
    told = []
    made = judge_pairs(PAIRS, "longer", takes_longer, progress=lambda *at: told.append(at))
    assert told[-1] == (3, 3)
    made = judge_pairs(made, "first", takes_first)
    assert [pair.verdicts["longer"] for pair in made] == [("a", "a"), ("b", "b"), ("b", "b")]
    longer, first = (calibrate_pairs(made, name) for name in ("longer", "first"))
    assert longer.whole.consistent.value == longer.cohorts["easy"].accuracy.value == 1
    assert longer.whole.verbosity.value == 1
    assert longer.wins is None
    assert (first.whole.consistent.value, first.whole.prefers_first.value) == (0, 1)
    assert first.cohorts["hard"].accuracy.value == pytest.approx(1 / 4)


def test_the_rate_at_which_one_wins_is_corrected_by_people():
    many = [Pair(f"q{n}", "xx", "x", "ab"[n % 2] if n < 40 else None) for n in range(200)]
    found = calibrate_pairs(judge_pairs(many, "longer", takes_longer), "longer")
    assert found.whole.n == 200
    assert found.wins.raw.value == 1
    assert found.wins.corrected.value == found.wins.people.value == 0.5


def test_what_was_not_judged_is_counted():
    pairs = [
        Pair("q", "x", "y", "a", {"j": ("a", "a")}),
        Pair("q", "x", "y", "a", {"j": (None,) * 2}),
    ]
    found = calibrate_pairs([*pairs, PAIRS[0]], "j")
    assert (found.whole.n, found.unscored) == (1, 2)
    assert calibrate_pairs(pairs[1:], "j").whole is None
    with pytest.raises(UnknownName, match="no verdicts of 'gpt': there are j"):
        calibrate_pairs(pairs, "gpt")
    with pytest.raises(UnknownName, match="there are none at all"):
        calibrate_pairs(PAIRS, "gpt")
    with pytest.raises(InputError, match="no pairs"):
        calibrate_pairs([], "j")


def test_the_command_tells_order_and_length(tmp_path, capsys):
    rows = [
        {
            "prompt": f"q{n}",
            "a": "x" * (n + 2),
            "b": "x",
            "winner": "ab"[n % 2],
            "verdicts": {"swayed": ["a", "b"], "once": ["a", None]},
        }
        for n in range(10)
    ]
    path, more = tmp_path / "pairs.jsonl", tmp_path / "more.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    calibrate("swayed", path)
    shown = capsys.readouterr().out
    assert "prefers first" in shown
    assert "how often a wins" not in shown
    calibrate("once", path)
    assert "no pair was judged in both orders" in capsys.readouterr().out
    more.write_text("\n".join(json.dumps(row | {"winner": None}) for row in rows))
    calibrate("swayed", path, unlabelled=more)
    assert "how often a wins" in capsys.readouterr().out
    calibrate("swayed", path, as_json=True)
    whole = json.loads(capsys.readouterr().out)["whole"]
    assert (whole["both"], whole["prefers_first"]["value"]) == (10, 1)
    with pytest.raises(InputError, match="which have no positive labels"):
        calibrate("swayed", path, positive="a")


@pytest.mark.skipif("TRUEUP_DATA" not in os.environ, reason="TRUEUP_DATA is not set")
def test_published_figures_of_llm_judges_are_found_again():
    path = Path(os.environ["TRUEUP_DATA"]) / "llmbar" / "data.jsonl"
    rows = [
        row for row in map(json.loads, path.read_text().splitlines()) if row["subset"] == "Natural"
    ]
    name = {"1": "a", "2": "b"}
    pairs = [
        Pair(
            row["input"],
            row["output_1"],
            row["output_2"],
            name[str(row["label"])],
            {judge: tuple(map(name.get, map(str, both))) for judge, both in row["judges"].items()},
        )
        for row in rows
    ]
    found = {judge: calibrate_pairs(pairs, judge).whole for judge in ("GPT-4", "ChatGPT")}
    count = Counter(pair.verdicts["GPT-4"][0] == pair.verdicts["GPT-4"][1] for pair in pairs)
    assert found["GPT-4"].consistent.value == count[True] / len(pairs)
    # the data's own statistics: accuracy 98.3 and 81.0, same verdict 96.6 and 65.5 of a hundred
    figures = [
        round(100 * f.value, 1) for one in found.values() for f in (one.accuracy, one.consistent)
    ]
    assert figures == [98.3, 96.6, 81.0, 65.5]
    assert found["ChatGPT"].prefers_first.low > 0.5
