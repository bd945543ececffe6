"""What judges of pairs lean to, and whether corrected rates hold.

    TRUEUP_DATA=FOLDER python benchmarks/evaluators/calibration.py

FOLDER holds LLMBar (five models' verdicts in both orders) and PandaLM (two models' in one order,
three people's). The second table draws labels from a known rate and counts how often the 95%
interval of the corrected rate has it, beside that of ppi-python and that of people's labels alone.
"""

from __future__ import annotations

import argparse
import json
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trueup.evals import Pair, calibrate_pairs
from trueup.evals.calibration.rows import Choice
from trueup.stats.intervals import Estimate
from trueup.stats.prediction_powered import prediction_powered

FIGURES = ("accuracy", "consistent", "accuracy_consistent", "prefers_first", "verbosity")
NAMES: dict[str, Choice] = {"1": "a", "2": "b", "0": "tie", "Tie": "tie"}


def llmbar(folder: Path) -> Iterator[Pair]:
    for line in (folder / "llmbar" / "data.jsonl").read_text().splitlines():
        row = json.loads(line)
        verdicts = {
            judge: (NAMES.get(str(one)), NAMES.get(str(other)))
            for judge, (one, other) in (row["judges"] or {}).items()
        }
        if verdicts:
            texts = row["input"], row["output_1"], row["output_2"]
            yield Pair(*texts, NAMES[str(row["label"])], verdicts, row["subset"], row["input"])


def pandalm(folder: Path) -> Iterator[Pair]:
    for line in (folder / "pandalm" / "data.jsonl").read_text().splitlines():
        row = json.loads(line)
        people = Counter(str(row[f"annotator{n}"]) for n in (1, 2, 3)).most_common(1)[0][0]
        verdicts = {
            judge: (NAMES.get(str(row[field])), None)
            for judge, field in (("GPT-3.5", "gpt35"), ("PandaLM-7B", "pandalm7b"))
        }
        prompt = f"{row['instruction']}\n{row['input']}"
        answers = str(row["response1"]), str(row["response2"])
        yield Pair(prompt, *answers, NAMES[people], verdicts, row["pair"], prompt)


def shown(figure: Estimate | None) -> str:
    return "" if figure is None else f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def show_judges(folder: Path) -> None:
    print("| data | judge | pairs | " + " | ".join(f.replace("_", " ") for f in FIGURES) + " |")
    print("|" + " --- |" * (3 + len(FIGURES)))
    for data, read in (("LLMBar", llmbar), ("PandaLM", pandalm)):
        pairs = list(read(folder))
        for judge in pairs[0].verdicts:
            found = calibrate_pairs(pairs, judge)
            cohorts = found.cohorts.items() if data == "LLMBar" else ()
            for name, made in (("", found.whole), *cohorts):
                if made is not None:
                    figures = " | ".join(shown(getattr(made, figure)) for figure in FIGURES)
                    print(f"| {data} {name} | {judge} | {made.n} | {figures} |")


def show_coverage(draws: int) -> None:
    """Draw labels, some of which people see, and count the intervals that have the true rate."""
    with warnings.catch_warnings():  # importing it silences all of them
        from ppi_py import ppi_mean_ci
    rng, rows = np.random.default_rng(0), 1000
    print("\n| rate | labels | judge finds, clears | corrected | ppi-python | people alone |")
    print("|" + " --- |" * 6)
    for rate in (0.5, 0.1, 0.03):
        for labels in (20, 50, 200):
            for finds, clears in ((0.95, 0.97), (0.8, 0.7)):
                hits, widths = np.zeros(3), np.zeros(3)
                for _ in range(draws):
                    said = rng.random(labels + rows) < rate
                    says = np.where(said, finds, 1 - clears)
                    found = (rng.random(labels + rows) < says).astype(float)
                    parts = said[:labels].astype(float), found[:labels], found[labels:]
                    clusters = range(labels), range(labels, labels + rows)
                    made = prediction_powered(
                        *parts, clusters=clusters[0], clusters_alone=clusters[1]
                    )
                    theirs = np.ravel(ppi_mean_ci(*parts, alpha=0.05))
                    ends = [(e.low, e.high) for e in (made.corrected, made.people)]
                    ends.insert(1, (float(theirs[0]), float(theirs[1])))
                    hits += [low <= rate <= high for low, high in ends]
                    widths += [high - low for low, high in ends]
                told = " | ".join(
                    f"{h:.3f}, width {w:.3f}"
                    for h, w in zip(hits / draws, widths / draws, strict=True)
                )
                print(f"| {rate} | {labels} | {finds}, {clears} | {told} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    draws = parser.parse_args().draws
    if not (data := os.environ.get("TRUEUP_DATA")):
        raise SystemExit("TRUEUP_DATA is not set: give the folder of the labelled data")
    show_judges(Path(data))
    show_coverage(draws)


if __name__ == "__main__":
    main()
