import xml.etree.ElementTree as ElementTree

from trueup.report.plots import agreement_plot, difference_plot, length_plot, training_plots

ROW = {
    "cohort": "tool-heavy",
    "metric": "over_refusal",
    "title": "Refused without reason",
    "better": "lower",
    "status": "unclear",
    "n": 60,
    "delta": 0.02,
    "low": -0.05,
    "high": 0.12,
    "margin": 0.1,
}
EMPTY = {"metric": "over_refusal", "n": 0}


def texts(svg: str) -> list[str]:
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text") and e.text]


def test_differences_show_each_cohort_in_the_page_s_colours():
    other = ROW | {"cohort": "everyday & odd <one>", "status": "better"}
    svg = difference_plot([ROW, other, EMPTY], "over_refusal")
    assert {"tool-heavy", "everyday & odd <one>"} <= set(texts(svg))
    assert "var(--unsure)" in svg
    assert "var(--good)" in svg
    # the margin's tick
    assert "var(--bad)" in svg
    assert 'fill="white"' not in svg


def test_differences_that_are_not_gated_have_no_margin():
    assert "var(--bad)" not in difference_plot([ROW | {"status": "not gated"}], "over_refusal")


def test_nothing_scored_is_no_plot():
    assert difference_plot([EMPTY], "over_refusal") == ""
    assert length_plot([ROW]) == ""
    assert agreement_plot([{"group": "refund", "pairs": 0, "share": None}]) == ""
    assert training_plots([]) == []


def test_a_plot_scales_with_the_page_and_says_what_it_is():
    svg = length_plot([ROW | {"metric": "length_ratio", "delta": 0.1, "low": 0.0, "high": 0.2}])
    head = svg[: svg.index(">")]
    assert ' width="' not in head
    assert "viewBox" in head
    assert 'aria-label="Length of the answers by cohort, candidate to baseline"' in head


def test_agreement_is_one_less_the_disagreement():
    svg = agreement_plot([{"group": "refund", "pairs": 10, "share": 0.3}])
    assert {"refund", "70%"} <= set(texts(svg))


def test_training_draws_what_the_rows_have():
    rows = [
        {"step": 1, "loss": 0.7, "rewards/margin": 0.0, "rewards/accuracy": 0.5},
        {"step": 1, "loss": 0.7, "eval": True},
        {"step": 2, "loss": 0.6, "logps/chosen": -20.0, "logps/rejected": -22.0},
    ]
    drawn = dict(training_plots(rows))
    assert list(drawn) == ["Loss", "Reward margin", "Preference accuracy", "Log-probabilities"]
    assert {"training", "held out"} <= set(texts(drawn["Loss"]))
    assert {"chosen", "rejected"} <= set(texts(drawn["Log-probabilities"]))
    assert [title for title, _ in training_plots(rows[1:2])] == ["Loss"]
