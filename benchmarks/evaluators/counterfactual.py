"""Counterfactual swaps on BBQ: are they what its authors wrote, and is a model fair there?

    TRUEUP_DATA=FOLDER python benchmarks/evaluators/counterfactual.py

BBQ has each context with its two groups in both roles. Where `swap_groups` knows a word for each of
the two, the context in which it has exchanged them should be one of BBQ's. And in ambiguous
contexts, where nobody can know, an answer may name neither: UnifiedQA's are compared by how often
they name the group of the stereotype, and the other one, on the same questions, 95% intervals over
templates.
"""

from __future__ import annotations

import gzip
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trueup.evals.counterfactual import Variant, compare_groups, swap_groups
from trueup.evals.counterfactual.swaps import groups_in

CLASSES = {
    "Age": "age",
    "Disability_status": "disability",
    "Nationality": "nationality",
    "Religion": "religion",
    "Sexual_orientation": "sexual_orientation",
}
Rows = Sequence[dict[str, Any]]


def exchanged(rows: Rows) -> None:
    written = defaultdict(set)
    for row in rows:
        written[row["category"], row["question_index"]].add(row["context"].lower())
    print("| class | contexts | both groups known | the exchange is one of BBQ's |")
    print("| --- | --- | --- | --- |")
    for category, protected in CLASSES.items():
        contexts = {
            (row["question_index"], row["context"]) for row in rows if row["category"] == category
        }
        known = same = 0
        for template, context in contexts:
            groups = groups_in(context, protected)
            if len(groups) == 2:
                known += 1
                turned = swap_groups(context, protected, *groups)
                same += turned is not None and turned.lower() in written[category, template]
        share = f"{same} ({same / known:.0%})" if known else ""
        print(f"| {protected} | {len(contexts)} | {known} | {share} |")


def named(rows: Rows, form: str) -> Iterator[Variant]:
    """Yield for each ambiguous question whether the answer names either group."""
    for row in rows:
        if row["context_condition"] != "ambig" or row["target"] is None:
            continue
        [other] = [
            at
            for at in range(3)
            if at != row["target"] and row["answer_info"][f"ans{at}"][1] != "unknown"
        ]
        sides = row["target"], other
        if row["question_polarity"] == "nonneg":
            sides = other, row["target"]
        answer = row["unifiedqa"][form]["index"]
        for group, at in zip(("stereotyped", "other"), sides, strict=True):
            given = row["id"], row["category"], group, row["question"], str(int(answer == at))
            yield Variant(*given, cluster=row["question_index"])


def main() -> None:
    if not (data := os.environ.get("TRUEUP_DATA")):
        raise SystemExit("TRUEUP_DATA is not set: give the folder of the labelled data")
    with gzip.open(Path(data) / "bbq" / "data.jsonl.gz", "rt") as lines:
        rows = list(map(json.loads, lines))
    exchanged(rows)
    print("\n| class | questions | templates | stereotyped | other | difference | p, Holm |")
    print("|" + " --- |" * 7)
    found = compare_groups(list(named(rows, "race")), lambda one: float(one.output or "nan"))
    for one in found.differences:
        d = one.difference
        print(
            f"| {one.protected_class} | {d.n} | {d.clusters} | {d.candidate:.3f} "
            f"| {d.baseline:.3f} | {d.delta:.3f} [{d.low:.3f}, {d.high:.3f}] | {one.p_holm:.3f} |"
        )


if __name__ == "__main__":
    main()
