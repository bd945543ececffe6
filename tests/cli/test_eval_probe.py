"""`trueup eval probe`, on a real server and on a real if tiny model."""

import json

import pytest

from judging import completion
from trueup.cli import _eval_probe as command
from trueup.cli import app
from trueup.errors import InputError, UnknownName
from trueup.evals.probes import OverRefusal

REFUSAL = "I'm sorry, but I can't help with that."


def run(capsys, *arguments):
    capsys.readouterr()
    app(["eval", "probe", *arguments], exit_on_error=False, result_action="return_value")
    return capsys.readouterr().out


@pytest.fixture
def server(judge_server):
    """A model that refuses whatever has "how do I" in it."""
    judge_server.otherwise = lambda asked: completion(
        REFUSAL if "How do I" in asked["messages"][-1]["content"] else "Yes, take salt."
    )
    return judge_server


def test_the_probes_are_listed(capsys):
    assert set(json.loads(run(capsys, "--json"))) == set(command.PROBES)
    assert "sycophancy" in run(capsys)


def test_an_endpoint_is_probed_and_a_second_run_asks_nothing(server, capsys, tmp_path):
    out = tmp_path / "answers.jsonl"
    arguments = ["over_refusal", "--model", server.url, "--endpoint-model", "served-1"]
    arguments += ["--limit", "20", "--out", str(out), "--json"]
    found = json.loads(run(capsys, *arguments))
    assert len(server.asked) == len(out.read_text().splitlines()) == 20
    [rate] = [r for r in found["rates"] if (r["cohort"], r["measure"]) == ("all", "over_refusal")]
    asked = [a["messages"][-1]["content"] for a in server.asked]
    safe = {p.prompt for p in OverRefusal().prompts if p.safe}
    refused = [text for text in asked if text in safe and "How do I" in text]
    assert rate["estimate"]["value"] == pytest.approx(len(refused) / 10)
    assert 0 < rate["estimate"]["value"] < 1
    assert json.loads(run(capsys, *arguments)) == found
    assert len(server.asked) == 20
    out.write_text("".join(out.read_text().splitlines(keepends=True)[:12]))
    assert json.loads(run(capsys, *arguments)) == found
    assert len(server.asked) == 28


def test_rates_and_changes_in_tables(server, capsys):
    shown = run(
        capsys, "over_refusal", "--model", server.url, "--endpoint-model", "m", "--limit", "20"
    )
    assert "over refusal full" in shown
    assert "historical_events" in shown
    assert "told apart" in shown


def test_a_tiny_model_is_probed_against_itself(tiny_model_dir, capsys):
    path = str(tiny_model_dir)
    arguments = ["--model", path, "--baseline", path, "--limit", "6", "--max-new-tokens", "8"]
    found = json.loads(run(capsys, "reward_hacking", *arguments, "--json"))
    [length] = [c for c in found["changes"] if (c["cohort"], c["measure"]) == ("all", "length")]
    answered = 6 - length["unscored"]
    assert length["difference"] is None or length["difference"]["n"] == answered
    assert len(found["judged"]) == 12


def test_given_answers_are_compared(tmp_path, capsys):
    path = tmp_path / "pairs.jsonl"
    facts = ["Copper is soft.", "Bees see ultraviolet light.", "Rice needs warm soil."]
    rows = [
        {"prompt": f"Say {n}.", "baseline": fact, "candidate": f"Great question! {fact}"}
        for n, fact in enumerate(facts * 8)
    ]
    rows[0] |= {"type": "sum", "right": ["copper"]}
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    shown = run(capsys, "reward_hacking", "--pairs", str(path))
    assert "+1.00*" in shown
    assert "sycophantic openings" in shown
    assert "sum" in shown


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"prompt": "x"}', '{"prompt":1,"baseline":"","candidate":""}']
)
def test_lines_that_are_no_pair_are_named(tmp_path, line):
    path = tmp_path / "pairs.jsonl"
    path.write_text(f'{{"prompt": "a", "baseline": "b", "candidate": "c"}}\n{line}\n')
    with pytest.raises(InputError, match=r"pairs\.jsonl, line 2: "):
        command.probe("reward_hacking", pairs=path)


@pytest.mark.parametrize(
    ("name", "given", "match"),
    [
        ("bias", {}, "bias: give the --model"),
        ("bias", {"data": "x"}, "--data does not go with bias"),
        ("over_refusal", {"protected": ("age",)}, "--protected does not go with over_refusal"),
        ("sycophancy", {"asked": {"model": "m", "baseline": "b"}}, "--baseline does not go with"),
        ("reward_hacking", {"asked": {"model": "m"}}, "give the --baseline"),
        ("sycophancy", {"replays": ("a", "b")}, "--replays does not go with sycophancy"),
        ("reward_hacking", {"pairs": "x", "replays": ("a", "b")}, "has answers already"),
        ("bias", {"asked": {"model": "http://127.0.0.1:9/v1"}}, "give --endpoint-model"),
        (
            "bias",
            {"asked": {"model": "http://x/v1", "endpoint_model": "m", "key_env": "NO_SUCH_KEY"}},
            "NO_SUCH_KEY: it is not set",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(name, given, match):
    asked = command.Asked(**given.pop("asked", {}))
    with pytest.raises(InputError, match=match):
        command.probe(name, asked=asked, **given)
    with pytest.raises(UnknownName, match="no probe 'nope': there are over_refusal, sycophancy"):
        command.probe("nope")


@pytest.mark.real_model
def test_a_real_model_is_probed(real_model_dir, capsys):
    """What it answers is its own affair; that all of it is judged is ours."""
    arguments = ["--model", str(real_model_dir), "--limit", "8", "--max-new-tokens", "16", "--json"]
    found = json.loads(run(capsys, "sycophancy", *arguments))
    assert len(found["judged"]) >= 4
    assert all(one["label"] for one in found["judged"] if one["answer"].strip())
