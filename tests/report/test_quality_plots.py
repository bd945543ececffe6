import xml.etree.ElementTree as ElementTree

from trueup.report.plots import HERE
from trueup.report.quality_plots import alpha_plot, heat_map, throughput_plot, weeks_plot

ALPHA = {"name": "tone", "alpha": 0.7, "low": 0.6, "high": 0.8, "url": "/queue/q/items?a=1&b=2"}
PAIR = {"first": "ana", "second": "ben", "share": 0.75, "url": "/queue/q/items?reviewer=ana"}


def texts(svg: str) -> list[str]:
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text") and e.text]


def links(svg: str) -> set[str]:
    name = "{http://www.w3.org/1999/xlink}href"
    return {e.attrib[name] for e in ElementTree.fromstring(svg).iter() if name in e.attrib}


def test_alphas_stand_by_the_line_in_its_colours_and_lead_to_their_items():
    svg = alpha_plot([ALPHA, ALPHA | {"name": "<b>", "alpha": 0.2}], 0.6)
    assert {"tone", "<b>"} <= set(texts(svg))
    assert "var(--good)" in svg
    assert "var(--bad)" in svg
    assert links(svg) == {ALPHA["url"]}


def test_a_heat_map_has_a_cell_a_pair_that_leads_to_where_they_differ():
    others = [PAIR | {"second": "cleo", "share": 0.5, "url": "/queue/q/items?with=cleo"}]
    svg = heat_map([PAIR, *others], ["ana", "ben", "cleo"])
    assert {"75%", "50%", "ana", "ben", "cleo"} <= set(texts(svg))
    assert links(svg) == {PAIR["url"], others[0]["url"]}


def test_a_heat_map_of_many_has_no_room_for_figures():
    names = [f"r{n}" for n in range(20)]
    svg = heat_map([PAIR | {"first": "r0", "second": "r19"}], names)
    assert "75%" not in texts(svg)
    assert links(svg) == {PAIR["url"]}


def test_weeks_and_days_are_drawn():
    rows = [
        {"reviewer": who, "week": week, "rate": 0.5, "low": 0.4, "high": 0.6}
        for who in ("ana", "ben")
        for week in ("2026-01-05", "2026-01-12")
    ]
    assert {"ana", "ben", "100%"} <= set(texts(weeks_plot(rows, ["ben", "ana"])))
    days = [{"day": "2026-01-05", "labels": 3}, {"day": "2026-01-06", "labels": 5}]
    assert "Labels a day" in texts(throughput_plot(days))


def test_nothing_to_draw_is_no_plot():
    assert alpha_plot([ALPHA | {"alpha": None}], 0.6) == ""
    assert (heat_map([], []), weeks_plot([], []), throughput_plot([])) == ("", "", "")


def test_pictures_load_nothing_and_keep_no_style_but_their_width():
    svg = heat_map([PAIR], ["ana", "ben"])
    assert HERE not in svg
    assert svg.count("style=") == 1
    assert 'tabindex="-1"' in svg
