from io import StringIO

from rich.console import Console

from trueup.cli._progress import Bars


def test_a_bar_shows_how_many_of_how_many_how_fast_and_how_long_still():
    now = 0.0
    out = Console(file=StringIO(), force_terminal=True, width=120)
    with Bars(out) as bars:
        bars.get_time = lambda: now
        bars.move("rows scored", 500, 1000)
        (task,) = bars.tasks
        assert task.speed is None, "what was there before is not fast"
        for step in range(1, 11):
            now = float(step)
            bars.move("rows scored", 500 + 10 * step, 1000)
        shown = "".join(
            str(column(task)) for column in bars.columns if not hasattr(column, "bar_width")
        )
        assert "rows scored" in shown
        assert "600/1000" in shown
        assert "10.0/s" in shown
        assert "0:00:40" in shown
        bars.move("rows scored", 1000, 1000)
        assert bars.tasks == []


def test_what_is_slow_is_told_by_the_minute():
    now = 0.0
    with Bars(Console(file=StringIO(), force_terminal=True, width=120)) as bars:
        bars.get_time = lambda: now
        for step in range(4):
            now = 10.0 * step
            bars.move("judged", step, 100)
        (task,) = bars.tasks
        assert any("6.0/min" in str(column(task)) for column in bars.columns)


def test_a_note_is_cut_at_the_end_of_the_line():
    out = Console(file=StringIO(), force_terminal=True, width=60)
    with Bars(out) as bars:
        bars.move("steps", 3, 20)
        bars.note("steps", "loss 0.6913  1,239 tok/s  held-out acc. 1.00")
        lines = out.render_lines(bars.get_renderable())
        (line,) = ["".join(part.text for part in parts) for parts in lines]
    assert "loss 0.6913" in line
    assert "\N{HORIZONTAL ELLIPSIS}" in line
