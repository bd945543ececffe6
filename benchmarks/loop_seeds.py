"""The whole loop over several seeds: what it gains, and what the preference stage adds.

    python benchmarks/loop_seeds.py --seeds 0 1 2 --out runs/seeds

Each seed is a turn in a store of its own (facts, samples, reviewers' errors and adapters all follow
from the seed); a turn that is there already is read, not run again. Prints one table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

MODELS = ("baseline", "control", "candidate")


def run(seed: int, store: Path, config: Path | None) -> Path:
    """Run or resume a seed's turn and return its report."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "trueup", "loop", "--seed", str(seed), "--store", str(store)]
    subprocess.run(command + (["--config", str(config)] if config else []), check=True)
    (report,) = (store / "loops").glob("*/report.json")
    print(f"seed {seed}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return report


def show(value: dict | None) -> str:
    return f"{value['value']:.2f} [{value['low']:.2f}, {value['high']:.2f}]" if value else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/seeds"))
    parser.add_argument("--config", type=Path)
    arguments = parser.parse_args()
    print("| seed | metric | baseline | control | candidate | verdict |")
    print("| --- | --- | --- | --- | --- | --- |")
    means: dict[str, list[tuple[float, ...]]] = {}
    for seed in arguments.seeds:
        path = run(seed, arguments.out / f"seed-{seed}", arguments.config)
        report = json.loads(path.read_text())
        for row in report["headline"]:
            values = [row.get(model) for model in MODELS]
            cells = " | ".join(show(value) for value in values)
            print(f"| {seed} | {row['title']} | {cells} | {report['verdict']['outcome']} |")
            means.setdefault(row["title"], []).append(tuple(v["value"] for v in values if v))
    for title, rows in means.items():
        cells = " | ".join(f"{sum(column) / len(column):.2f}" for column in zip(*rows, strict=True))
        print(f"| mean | {title} | {cells} | |")


if __name__ == "__main__":
    main()
