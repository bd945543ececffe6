import copy
import json
import re
from html.parser import HTMLParser

import pytest

from trueup.report.html import render

VOID = {"meta", "br", "link", "img", "hr", "input"}


def row(cohort, metric, status, against="baseline", **numbers):
    return {
        "against": against,
        "reference": f"{against}-checkpoint-0001",
        "cohort": cohort,
        "metric": metric,
        "title": metric.replace("_", " ").capitalize(),
        "better": "lower" if metric == "over_refusal" else "higher",
        "unscored": 0,
        "n": 60,
        "clusters": 12,
        "baseline": 0.5,
        "candidate": 0.7,
        "delta": 0.2,
        "low": 0.1,
        "high": 0.3,
        "mde": 0.15,
        "p": 0.01,
        "p_holm": 0.02,
        "margin": 0.1,
        "status": status,
        "families_needed": None,
    } | numbers


def value(point):
    return {"value": point, "low": point - 0.05, "high": point + 0.05}


REPORT = {
    "title": "claims assistant",
    "simulated": 30,
    "labels": 40,
    "verdict": {
        "id": "verdict-1",
        "outcome": "ship",
        "sentence": "Right tool chosen rose from 0.50 to 0.70.",
        "reasons": [f"reason {i}" for i in range(8)],
        "baseline": "baseline-checkpoint-0001",
        "candidate": "candidate-checkpoint-0001",
        "control": None,
    },
    "headline": [
        {
            "metric": "tool_selection_accuracy",
            "title": "Right tool chosen",
            "better": "higher",
            "status": "better",
            "baseline": value(0.5),
            "candidate": value(0.7),
            "control": value(0.6),
            "delta": value(0.2),
        }
    ],
    "stations": [{"name": "Recorded", "count": 1300, "unit": "traces", "note": "one turn"}],
    "table": [
        row("all", "tool_selection_accuracy", "better"),
        row("tool-heavy", "tool_selection_accuracy", "worse", delta=-0.2, low=-0.3, high=-0.1),
        {
            key: row("all", "groundedness", "not scored", n=0)[key]
            for key in (
                "against",
                "reference",
                "cohort",
                "metric",
                "title",
                "better",
                "status",
                "n",
            )
        },
        row("tool-heavy", "groundedness", "not gated"),
        row("all", "tool_selection_accuracy", "no worse", "control", delta=0.001),
    ],
    "audit": {
        "alpha": {"value": 0.71, "reason": ""},
        "interval": {"low": 0.66, "high": 0.76},
        "raw_agreement": 0.83,
        "min_alpha": 0.6,
        "passed": True,
        "advice": "",
        "reviewers": [
            {
                "rater": name,
                "rated": 50,
                "n": n,
                "agreement": agreement,
                "low": agreement - 0.1 if agreement else None,
                "high": agreement + 0.05 if agreement else None,
                "alpha_without": None,
            }
            for name, agreement, n in (
                ("careless-one", 0.5, 50),
                ("ana", 0.9, 50),
                ("new", None, 0),
            )
        ],
        "question_types": [{"group": "refund timing", "units": 9, "pairs": 20, "share": 0.2}],
    },
    "training": [
        {"name": "preference", "method": "dpo", "rows": [{"step": 1, "loss": 0.7}]},
        {"name": "nothing kept", "method": "sft", "rows": []},
    ],
    "dataset": {
        "name": "prefs",
        "version": "v1",
        "content_hash": "ab" * 32,
        "rows": 10,
        "origins": {"sampled": 7, "corrected": 3},
    },
    "examples": {
        "better": [
            {
                "request": "q-1",
                "cohort": "tool-heavy",
                "question_type": "refund",
                "question": "Is <b>this</b> covered?",
                "expected": "calls lookup",
                "baseline": {
                    "text": "<script>alert(1)</script>",
                    "scores": {"x": None},
                    "right": False,
                },
                "candidate": {"text": "", "scores": {"x": 1.0}, "right": True},
            }
        ],
        "worse": [],
        "better_total": 9,
        "worse_total": 0,
    },
    "lineage": {
        "text": "checkpoint candidate",
        "children": [{"text": "run dpo", "children": [{"text": "from base", "children": []}]}],
    },
    "run": {"seed": 7, "config": {"dpo": {"beta": 0.1}}, "versions": {"trueup": "0.1.0"}},
    "times": {"train": 12.5},
}


class Balanced(HTMLParser):
    """Fails on a tag that is closed twice or not at all, and collects the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def read(page: str) -> str:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return " ".join(" ".join(parser.text).split())


@pytest.fixture(scope="module")
def page():
    before = copy.deepcopy(REPORT)
    made = render(REPORT)
    assert before == REPORT
    return made


def test_the_first_line_says_what_is_simulated(page):
    body = page[page.index("<body>") + 6 :].strip()
    assert body.startswith('<p class="simulated">30 of 40 labels in this report are simulated')
    assert "simulated" not in read(render({**REPORT, "simulated": 0}))


def test_the_verdict_comes_before_everything_else(page):
    text = read(page)
    start = text.index("SHIP Right tool chosen rose from 0.50 to 0.70.")
    assert start < text.index("Right tool chosen 0.50 → 0.70 ▲ +0.20") < text.index("Why reason 0")
    assert "<title>SHIP: claims assistant</title>" in page


def test_the_table_has_symbols_intervals_and_what_it_can_detect(page):
    text = read(page)
    assert "▼ −0.20 0.50 → 0.70 −0.30 to −0.10 n 60, detects 0.15" in text
    assert "not scored" in text
    assert "✓ 0.00" in text
    assert "What the preference stage added" in text


def test_every_part_is_there(page):
    text = read(page)
    for said in (
        "1,300 traces",
        "2 more reason 6 reason 7",
        "Got better: 9, 1 shown",
        "Got worse: 0 None.",
        "alpha 0.71",
        "careless-one ▼ careless?",
        "new unknown",
        "sampled from the model 7",
        "No history was kept.",
        "from base",
        "dpo.beta 0.1",
        "Seed 7",
    ):
        assert said in text, said
    assert text.count("careless?") == 1


def test_answers_are_text_and_never_markup(page):
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "Is &lt;b&gt;this" in page
    assert "(empty)" in page


def test_the_page_stands_alone(page):
    links = re.findall(r'(?:src|href|url\()\s*=?\s*["\']?([^"\')\s>]+)', page)
    assert [link for link in links if not link.startswith("#")] == []
    addresses = set(re.findall(r"https?://[^\"'\s<]+", page))
    assert {a for a in addresses if "www.w3.org" not in a} == set()


def test_a_report_survives_json_and_renders_the_same(page):
    assert render(json.loads(json.dumps(REPORT))) == page


def test_only_the_verdict_and_the_table_are_needed():
    least = {key: REPORT[key] for key in ("simulated", "verdict", "table")}
    text = read(render({**least, "table": [], "simulated": 3}))
    assert "The labels in this report are simulated" in text
    for part in ("Training", "Lineage", "Can the labels", "Answers that changed", "The run"):
        assert part not in text


def test_undefined_agreement_is_said_and_not_drawn():
    audit = REPORT["audit"] | {
        "alpha": {"value": None, "reason": "one rater"},
        "interval": {"low": None, "high": None},
        "raw_agreement": None,
        "passed": False,
    }
    page = render({**REPORT, "audit": audit})
    assert "alpha is undefined one rater." in read(page)
    assert 'class="scale"' not in page
