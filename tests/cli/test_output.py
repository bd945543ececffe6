import json

import pytest

from trueup.cli import _output
from trueup.cli._output import Out, say, show_facts, show_json, show_parts, show_table

ID = "0123456789abcdef" * 2
ROWS = [(ID, "a cohort of a rather long name", "an answer, " * 5)]


@pytest.fixture
def narrow(monkeypatch):
    """A terminal of 60 columns."""

    def terminal(**options):
        return Out(force_terminal=True, width=60, color_system=None, **options)

    monkeypatch.setattr(_output, "Out", terminal)


def test_a_narrow_terminal_shows_the_first_column_whole(narrow, capsys):
    show_table(("trace", "cohort", "answer"), ROWS)
    shown = capsys.readouterr().out
    assert ID in shown
    assert max(map(len, shown.splitlines())) <= 60


def test_a_narrow_terminal_breaks_texts_before_words(narrow, capsys):
    rows = [("t1", "tool_selection", "long-tail-refusal", "an answer, " * 5)]
    show_table(("trace", "evaluator", "cohort", "answer"), rows)
    shown = capsys.readouterr().out
    assert "long-tail-refusal" in shown
    assert "tool_selection" in shown
    assert "…" not in shown


def test_a_table_of_figures_is_parted_and_no_figure_broken(narrow, capsys):
    figures = [f"0.{n}0 [0.00, 1.00]" for n in range(5)]
    show_parts(("cohort", *"abcde"), [("tool-heavy", *figures)], title="rates")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split()[0] for line in lines if "0]" in line] == ["tool-heavy"] * 3
    assert all(any(figure in line for line in lines) for figure in figures)
    assert sum("rates" in line for line in lines) == 1


def test_without_a_terminal_every_cell_is_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    show_table(("trace", "cohort", "answer"), ROWS)
    shown = capsys.readouterr().out
    assert all(cell.strip() in shown for cell in ROWS[0])


def test_what_would_steer_the_terminal_is_escaped(capsys):
    say("\x1b[2J one\nand a line [red]x[/nope] :smile: \x9b")
    show_table(("answer",), [("\x1b]0;title\x07 [/nope]",)])
    shown = capsys.readouterr().out
    assert "\\u001b[2J one\nand a line [red]x[/nope] :smile: \\u009b" in shown
    assert "\\u001b]0;title\\u0007 [/nope]" in shown
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}


def test_escaping_leaves_json_what_it_is(capsys):
    value = {"answer": "\x1b[2J \x7f \x9b \n ü \u2028"}
    show_json(value)
    assert json.loads(capsys.readouterr().out) == value


def test_facts_are_lines_and_no_python(capsys):
    stages = [{"name": "sft", "rows": 3}, {"name": "dpo", "rows": 2}]
    show_facts({"cohorts": {"a": 1, "b": 2}, "stages": stages, "warnings": [], "share": 0.25})
    assert capsys.readouterr().out.splitlines() == [
        "cohorts   a 1, b 2",
        "stages    name sft, rows 3",
        "          name dpo, rows 2",
        "warnings  none",
        "share     0.25",
    ]
