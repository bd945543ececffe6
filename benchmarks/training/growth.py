"""How time and memory of a step grow with prompt, completion, vocabulary and group size.

    pip install 'trueup[train,bench]'
    python benchmarks/training/growth.py --out growth.json --plot growth.svg

SmolLM2-135M, adapters of rank 16, beside TRL a row at a time (a pair of DPO, a completion of SFT),
which pads nothing. One thing grows and the others stay; every point is a process of its own for
each side, which warms up by a step and times `--steps` more. Groups of several completions are rows
of SFT with the same prompt.

The floor is what the products alone would take: the multiplications and additions of all distinct
tokens forward and, towards the adapters, backward, at the rate at which these processes multiply
matrices of the model's shapes: the median of what each measures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from speed import peak_memory, said_by, text_rows

START = {"prompt": 128, "completion": 128, "vocabulary": 49152, "group": 2}
GROWTH = {
    "prompt": (64, 128, 256, 512, 1024),
    "completion": (32, 64, 128, 256, 512),
    "vocabulary": (49152, 98304, 196608),
    "group": (2, 4, 8, 16),
}


def work(arguments: argparse.Namespace) -> None:
    """Measure one side at one point, and print what was found as JSON."""
    import torch
    from peer import groups_of, ours, trl_trainer
    from speed import run_trl

    from trueup.models import load_model
    from trueup.training import DPO, SFT
    from trueup.training._precision import resolve

    torch.set_num_threads(arguments.threads)
    arguments.precision = resolve(arguments.precision, torch.device("cpu"))
    loaded = load_model(arguments.model)
    if arguments.vocabulary > START["vocabulary"]:
        loaded.model.resize_token_embeddings(arguments.vocabulary, mean_resizing=False)
    rate = products_per_second(loaded.model.config)
    kind: Any = SFT if arguments.growing == "group" else DPO
    size = arguments.group if kind is SFT else arguments.pairs
    method = kind(
        precision=arguments.precision, schedule="constant", warmup=0.0, lr=1e-6, batch_size=size
    )
    steps = arguments.steps + 1
    data = text_rows(size * steps, arguments.prompt, arguments.completion, vary=0.0)
    if kind is SFT:
        data = [row | {"prompt": data[i - i % size]["prompt"]} for i, row in enumerate(data)]
    if arguments.side == "trueup":
        seconds = [row["seconds"] for row in ours(loaded, method, data)]
    else:
        arguments.variant = "accumulating"
        seconds, _ = run_trl(trl_trainer, loaded, method, data, None, arguments)
    groups = groups_of(data[:size], loaded.tokenizer, method)
    found = {
        "seconds": median(seconds[1:]),
        "peak": peak_memory(),
        "products": step_products(loaded.model.config, groups, shared=arguments.side == "trueup"),
        "rate": rate,
    }
    print(json.dumps(found))


def products_per_second(config: Any) -> float:
    """Multiplications and additions a second of a layer's widest product."""
    import torch

    x = torch.randn(512, config.hidden_size)
    weight = torch.randn(config.intermediate_size, config.hidden_size)
    operations = 2 * x.numel() * len(weight)
    taken = []
    for _ in range(40):
        start = time.perf_counter()
        x @ weight.T
        taken.append(time.perf_counter() - start)
    return operations / median(taken)


def step_products(config: Any, groups: Any, *, shared: bool) -> float:
    """Operations of a step's products: linear layers, attention and the head, there and back."""
    width, head = config.hidden_size, config.hidden_size // config.num_attention_heads
    keys = 2 * config.num_key_value_heads * head
    layer = width * (2 * width + keys) + 3 * width * config.intermediate_size
    prompts = {group.prompt for group in groups}
    rows = [len(tokens) for group in groups for tokens in group.completions]
    answers = sum(rows)
    pairs = [(len(g.prompt), len(c)) for g in groups for c in g.completions]
    if shared:
        tokens = sum(map(len, prompts)) + answers
        scores = sum(len(p) ** 2 / 2 for p in prompts)
        scores += sum(p * c + c * c / 2 for p, c in pairs)
    else:
        tokens = sum(p + c for p, c in pairs)
        scores = sum((p + c) ** 2 / 2 for p, c in pairs)
    linear = 2 * layer * config.num_hidden_layers * tokens
    attention = 4 * width * config.num_hidden_layers * scores
    output = 2 * width * config.vocab_size * answers
    # frozen weights need no gradient, so the way back costs the linear layers as much as the way
    # there; attention has two products more for each of its two
    return float(2 * linear + 3 * attention + 2 * output)


def measure(side: str, growing: str, point: dict[str, int], options: list[str]) -> dict[str, float]:
    told = [str(part) for name, value in point.items() for part in (f"--{name}", value)]
    command = [sys.executable, "-W", "ignore", __file__, "--side", side, "--growing", growing]
    return said_by([*command, *told, *options])


def add_floors(found: list[dict[str, Any]]) -> None:
    """Say what each point's products would take at the median rate of all processes."""
    rate = median(row["rate"] for row in found)
    for row in found:
        row["floor"] = row["products"] / rate


def plot(found: list[dict[str, Any]], path: Path) -> None:
    """Draw time, with the floors, and memory over each thing that grows."""
    import altair as alt
    import vl_convert

    colours = {"trueup": "#0b7285", "TRL": "#c2410c"}
    rows = []
    for row in found:
        side = {"trueup": "trueup", "trl": "TRL"}[row["side"]]
        about = {"growing": row["growing"], "at": row["at"], "side": side}
        rows.append({**about, "what": "seconds a step", "kind": "measured", "y": row["seconds"]})
        rows.append({**about, "what": "seconds a step", "kind": "products", "y": row["floor"]})
        rows.append({**about, "what": "peak GB", "kind": "measured", "y": row["peak"] / 1e9})
    titles = {
        "prompt": "prompt, tokens",
        "completion": "completion, tokens",
        "vocabulary": "vocabulary",
        "group": "completions of a prompt",
    }
    charts = []
    for what in ("seconds a step", "peak GB"):
        line = []
        for growing, title in titles.items():
            values = [r for r in rows if r["what"] == what and r["growing"] == growing]
            if not values:
                continue
            chart = alt.Chart(alt.InlineData(values=values), width=190, height=150)
            line.append(
                chart.mark_line(strokeWidth=2).encode(
                    x=alt.X("at:Q", title=title, axis=alt.Axis(tickCount=4)),
                    y=alt.Y("y:Q", title=what),
                    color=alt.Color(
                        "side:N",
                        title=None,
                        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                    ),
                    strokeDash=alt.StrokeDash(
                        "kind:N",
                        title=None,
                        scale=alt.Scale(domain=["measured", "products"], range=[[1, 0], [3, 3]]),
                    ),
                )
            )
        charts.append(alt.hconcat(*line))
    whole = alt.vconcat(*charts).configure(background="white")
    path.write_text(vl_convert.vegalite_to_svg(whole.to_json()))


def show(found: list[dict[str, Any]]) -> None:
    print("| grows | to | trueup s | of its products | TRL s | of its products | memory |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    by_point: dict[tuple[str, int], dict[str, dict[str, float]]] = {}
    for row in found:
        by_point.setdefault((row["growing"], row["at"]), {})[row["side"]] = row
    for (growing, at), sides in by_point.items():
        mine, other = sides["trueup"], sides["trl"]
        cells = [
            growing,
            str(at),
            f"{mine['seconds']:.2f}",
            f"{mine['seconds'] / mine['floor']:.1f}",
            f"{other['seconds']:.2f}",
            f"{other['seconds'] / other['floor']:.1f}",
            f"{mine['peak'] / other['peak']:.2f}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--growths", nargs="+", default=list(GROWTH), choices=list(GROWTH))
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=2, help="of a step of DPO")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--plot", type=Path)
    # of one process alone
    parser.add_argument("--side", choices=["trueup", "trl"])
    parser.add_argument("--growing", choices=list(GROWTH))
    for name, value in START.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    arguments = parser.parse_args()
    if arguments.side:
        work(arguments)
        return
    from trueup.models import load_model, save_model

    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        save_model(load_model(arguments.model), None, model)
        options = ["--model", str(model)]
        for name in ("steps", "pairs", "precision", "threads"):
            options += [f"--{name}", str(getattr(arguments, name))]
        for growing in arguments.growths:
            for at in GROWTH[growing]:
                here = []
                for side in ("trueup", "trl"):
                    measured = measure(side, growing, START | {growing: at}, options)
                    here.append({"growing": growing, "at": at, "side": side, **measured})
                found += here
                add_floors(found)
                show(here)
                if arguments.out:
                    arguments.out.write_text(json.dumps(found, indent=2))
    show(found)
    if arguments.plot:
        plot(found, arguments.plot)


if __name__ == "__main__":
    main()
