"""What `trueup eval calibrate` does with files as they come."""

import json

import pytest

from trueup.cli.eval import calibrate
from trueup.errors import InputError
from trueup.evals import Groundedness, Pair, Refusal, has_pairs, read_labelled, read_pairs

REFUSES, ANSWERS = "I'm sorry, but I can't help with that.", "Yes, it is covered."


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.jsonl"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"prompt": "q", "response": "caf\xe9", "label": "none"}', ":2: not UTF-8 at byte 33"),
        (b"\xff\xfe{", ":2: not UTF-8 at byte 1"),
        (b'{"prompt": "q", "response": "\\ud800", "label": "none"}', ":2: half of a surrogate"),
        (b"[" * 100_000, ":2: broken JSON"),
        (b'{"prompt": "q", "response": "a", "label": NaN}', ":2: an object with `label`"),
        (b'{"prompt": "q", "response": "a", "label": "none", "cohort": null}', ":2: `cohort`"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(path, line, said):
    path.write_bytes(b'{"prompt": "q", "response": "a", "label": "none"}\n' + line)
    with pytest.raises(InputError) as error:
        calibrate("refusal", path)
    assert f"{path}{said}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_has_no_labels(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match="no labelled rows"):
        calibrate("refusal", path)


def test_a_file_without_a_label_has_none(path):
    write(path, [{"prompt": "q", "response": ANSWERS}, {"prompt": "p", "response": "a"}])
    with pytest.raises(InputError, match="no labelled rows"):
        calibrate("refusal", path)


def test_what_else_ends_a_line_for_python_does_not(path):
    odd = "one\u2028two\x85three\x0bfour"
    rows = [{"prompt": odd, "response": ANSWERS, "label": "none"}] * 2
    lines = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    # Python's own JSON escapes what it must; this file has the rest as it is
    path.write_bytes(b"\xef\xbb\xbf" + lines.encode())
    assert [row.given["prompt"] for row in read_labelled(path, Refusal())] == [odd, odd]


def test_labels_of_one_class_leave_figures_undefined_and_say_so(path, capsys):
    rows = [{"prompt": f"q{n}", "response": ANSWERS, "label": "none"} for n in range(12)]
    calibrate("refusal", write(path, rows))
    shown = capsys.readouterr().out
    assert "1.00 [0.76, 1.00]" in shown  # accuracy
    assert shown.count("undefined") == 4  # balanced accuracy, F1, kappa, alpha
    calibrate("refusal", path, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["whole"]["accuracy"]["value"] == 1
    assert found["whole"]["kappa"] is found["whole"]["verbosity"] is found["rate"] is None


def test_answers_of_values_that_are_all_equal_have_no_ranks(path, capsys):
    rows = [{"response": "It is 4.", "context": "It is 4.", "label": True} for _ in range(6)]
    calibrate("groundedness", write(path, rows), as_json=True)
    assert json.loads(capsys.readouterr().out)["whole"]["auroc"] is None


def test_huge_and_odd_rows_are_scored_or_said_not_to_be(path, capsys):
    long = "The fee is 30 dollars. " * 10_000  # 230 kB
    texts = [long, "x" * 200_000, "", " ", "\u202eرسوم 30", "费用是30美元。", "\x00\x1b[31m", "."]
    rows = [
        {"response": text, "context": "The fee is 30 dollars.", "label": True, "cohort": "odd"}
        for text in texts
    ]
    calibrate("groundedness", write(path, rows), as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["whole"]["n"] + sum(found["unscored"].values()) == len(texts)
    assert found["unscored"]["no claims"] >= 3


def test_what_steers_a_terminal_is_escaped(path, capsys):
    rows = [{"prompt": "q", "response": ANSWERS, "label": "none", "cohort": "\x1b[31mred"}]
    calibrate("refusal", write(path, rows))
    assert "\x1b[31m" not in capsys.readouterr().out


def test_pairs_are_read(path):
    rows = [
        {"prompt": "q", "a": "x", "b": "y", "winner": "a", "verdicts": {"j": ["a", None]}},
        {"prompt": "q", "a": "x", "b": "y", "cohort": "c", "group": "g"},
    ]
    assert has_pairs(write(path, rows))
    assert read_pairs(path) == [
        Pair("q", "x", "y", "a", {"j": ("a", None)}, "", "q"),
        Pair("q", "x", "y", None, {}, "c", "g"),
    ]
    assert not has_pairs(write(path, [{"response": "a", "context": "b", "label": True}]))
    assert read_labelled(path, Groundedness())[0].label is True


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"b": None}, "`prompt`, `a` and `b` are texts"),
        ({"winner": "A"}, "'A' is no choice"),
        ({"winner": 1}, "1 is no choice"),
        ({"winner": ["a"]}, "['a'] is no choice"),
        ({"verdicts": {"j": ["a", "first"]}}, "'first' is no choice"),
        ({"verdicts": {"j": ["a"]}}, "each with a list of two"),
        ({"verdicts": ["a", "b"]}, "`verdicts` is an object of judges"),
        ({"label": "a"}, "unknown label; a pair takes prompt, a, b"),
        ({"group": 3}, "`cohort` and `group` are texts"),
    ],
)
def test_a_line_that_makes_no_pair_is_named(path, wrong, said):
    good = {"prompt": "q", "a": "x", "b": "y", "winner": "a", "verdicts": {"j": ["a", "b"]}}
    write(path, [good, good | wrong])
    with pytest.raises(InputError) as error:
        calibrate("j", path)
    assert f"{path}:2: " in str(error.value)
    assert said in str(error.value)
