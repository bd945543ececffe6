"""How long a step takes and how much memory it needs, beside TRL.

    pip install 'trueup[train,bench]'
    python benchmarks/training/speed.py --out speed.json

Every measurement is a process of its own: it loads SmolLM2-135M, makes the same batches of English
text of varying lengths, takes a step to warm up, and times `--steps` more. The sides take turns,
`--rounds` times; what is shown is the median over all timed steps and the largest resident memory.
Where a method has a reference both compute its log-probs before the first step.

TRL runs in the ways that could be its fastest here, without gradient checkpointing: the whole batch
at once, and a row at a time, which pads nothing and accumulates. Its best is the faster of them;
its defaults are bf16 with gradient checkpointing.

    pip install liger-kernel
    python benchmarks/training/speed.py --random --batch 16 --steps 8 --precisions bf16

is for a GPU: both sides train the same random model of about 1B, which takes SmolLM2's tokenizer,
or that of a folder given by `--model`. There TRL's ways are the whole batch at once, as it is, with
Liger's kernels, and compiled; memory is the GPU's, and what the card's matrix units were used for
is held against a product of two bf16 matrices of 8,192 in the same process.
"""

from __future__ import annotations

import argparse
import json
import os
import pydoc_data.topics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

METHODS = ("dpo", "reward", "kto", "orpo", "simpo", "sft")
SHAPES = {"256+128": (256, 128), "512+64": (512, 64)}
TRL: dict[str, dict[str, Any]] = {
    "plain": {},
    "accumulating": {},
    "liger": {"use_liger_kernel": True},
    "compiled": {"torch_compile": True},
    "defaults": {"gradient_checkpointing": True},
}
ON_CPU, ON_GPU = ("plain", "accumulating", "defaults"), ("plain", "liger", "compiled", "defaults")
WORDS_PER_TOKEN = 0.62
"""Of this text under SmolLM2's tokenizer."""
WARM_UP = 2
"""Steps before those that are timed; on a GPU kernels are compiled in them."""


def text_rows(
    count: int, prompt: int, completion: int, seed: int = 0, vary: float = 0.5
) -> list[dict[str, str]]:
    """Rows of English prose whose lengths vary by a share around the given numbers of tokens."""
    words = " ".join(pydoc_data.topics.topics.values()).split()
    rng = np.random.default_rng(seed)

    def passage(tokens: int) -> str:
        length = int(rng.uniform(1 - vary, 1 + vary) * tokens * WORDS_PER_TOKEN)
        start = int(rng.integers(len(words) - length))
        return " ".join(words[start : start + length])

    return [
        {
            "prompt": passage(prompt),
            "chosen": " " + passage(completion),
            "rejected": " " + passage(completion),
        }
        for _ in range(count)
    ]


def work(arguments: argparse.Namespace) -> None:
    """Measure one side once, and print what was found as JSON."""
    import torch
    from peer import groups_of, ours, trl_trainer

    from trueup.models import load_model
    from trueup.training import METHODS as KINDS

    torch.set_num_threads(arguments.threads)
    loaded = random_model(arguments.model) if arguments.random else load_model(arguments.model)
    options: dict[str, Any] = {
        "lora_rank": 16 if arguments.adapters == "lora" else None,
        "precision": arguments.precision,
        "schedule": "constant",
        "warmup": 0.0,
        "lr": 1e-6,
        "batch_size": arguments.batch,
    }
    method = KINDS[arguments.method](**options)
    data = text_rows(
        arguments.batch * (arguments.steps + WARM_UP), arguments.prompt, arguments.completion
    )
    width = loaded.model.config.hidden_size
    score = torch.randn(1, width, generator=torch.Generator().manual_seed(0)) / width**0.5
    score = score.to(loaded.model.device)
    groups = groups_of(data, loaded.tokenizer, method)
    batches = [groups[i : i + arguments.batch] for i in range(0, len(groups), arguments.batch)]
    tokens = [sum(group.tokens for group in batch) for batch in batches]
    if arguments.side == "trueup":
        metrics = ours(
            loaded, replace(method, pass_tokens=arguments.pass_tokens), data, score=score
        )
        seconds = [row["seconds"] for row in metrics]
        losses = [row["loss"] for row in metrics]
    else:
        seconds, losses, read = run_trl(trl_trainer, loaded, method, data, score, arguments)
        if method.name == "sft":  # its packs are not our batches
            tokens = read
    distinct = [sum(len(g.prompt) + sum(map(len, g.completions)) for g in b) for b in batches]
    found: dict[str, Any] = {
        "seconds": seconds[WARM_UP:],
        "losses": losses,
        "tokens": tokens[WARM_UP:],
        "peak": peak_memory(),
        "first": seconds[0],
    }
    if torch.cuda.is_available():
        done = distinct if arguments.side == "trueup" else tokens
        found["used"] = share_of_products(loaded.model, method, done[WARM_UP:], seconds[WARM_UP:])
        found["card"] = torch.cuda.get_device_name()
    print(json.dumps(found))


def random_model(source: str) -> Any:
    """A Llama of 1.07B random weights that takes the tokenizer of a model."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from trueup.models import LoadedModel

    tokenizer = AutoTokenizer.from_pretrained(source)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=8192,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = LlamaForCausalLM(config)
    return LoadedModel(model.eval(), tokenizer, "", "")


def share_of_products(model: Any, method: Any, tokens: list[float], seconds: list[float]) -> float:
    """The matrix products of a step over what the card could have done in that time.

    Those of the layers alone, of attention without its scores: two operations a weight and token
    forward, two for the gradient of what goes in, and two for that of a weight that learns.
    """
    import torch

    layers = [p for n, p in model.named_parameters() if ".layers." in n and "lora_" not in n]
    operations = sum(p.numel() for p in layers) * (4 if method.lora_rank else 6)
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(12):
        torch.cuda.synchronize()
        start = time.perf_counter()
        a @ b
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    rate = 2 * 8192**3 / median(times[2:])
    return median(n * operations / (s * rate) for n, s in zip(tokens, seconds, strict=False))


def run_trl(
    make: Any, loaded: Any, method: Any, data: Any, score: Any, arguments: argparse.Namespace
) -> tuple[list[float], list[float], list[int]]:
    """Train with TRL; return each step's seconds and loss, and the tokens that it says it read."""
    import torch
    from transformers import TrainerCallback

    class Clock(TrainerCallback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.starts: list[float] = []
            self.ends: list[float] = []

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.starts.append(time.perf_counter())

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.ends.append(time.perf_counter())

    options: dict[str, Any] = {"bf16": arguments.precision == "bf16", **TRL[arguments.variant]}
    if method.has_reference and method.name == "dpo":
        options["precompute_ref_log_probs"] = True
    if method.has_rewards:
        options["pad_token"] = "<|endoftext|>"
    if method.name == "sft" and arguments.variant == "plain":
        # rows are packed to the length of two, so that as many tokens make a step
        options |= {"packing": True, "max_length": 1024}
        length = (arguments.prompt + arguments.completion) * arguments.batch
        options["per_device_train_batch_size"] = max(1, round(length / 1024))
    elif arguments.variant == "accumulating":
        options["per_device_train_batch_size"] = 1
        options["gradient_accumulation_steps"] = method.batch_size
    trainer = make(loaded, method, data, score=score, **options)
    clock = Clock()
    trainer.add_callback(clock)
    with torch.random.fork_rng():
        trainer.train()
    seconds = [end - start for start, end in zip(clock.starts, clock.ends, strict=True)]
    rows = [row for row in trainer.state.log_history if "loss" in row]
    read = np.diff([row.get("num_tokens", 0) for row in rows], prepend=0)
    return seconds, [float(row["loss"]) for row in rows], [int(count) for count in read]


def measure(side: str, variant: str, case: dict[str, Any], more: list[str]) -> dict[str, Any]:
    command = [
        sys.executable,
        "-W",
        "ignore",
        __file__,
        "--side",
        side,
        "--variant",
        variant,
        *more,
    ]
    for name, value in case.items():
        command += [f"--{name}", str(value)]
    return said_by(command)


def said_by(command: list[str]) -> dict[str, Any]:
    """Run a process and return the JSON of its last line."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def peak_memory() -> int:
    """Return the most bytes that this process has held, on the GPU where there is one."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def cases(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    found = []
    for method in arguments.methods:
        for shape in arguments.shapes:
            prompt, completion = SHAPES[shape]
            for adapters in arguments.adapters_of:
                for precision in arguments.precisions:
                    found.append(
                        {
                            "method": method,
                            "prompt": prompt,
                            "completion": completion,
                            "adapters": adapters,
                            "precision": precision,
                        }
                    )
    return found


def rate(runs: list[dict[str, Any]]) -> float:
    """Tokens a second, the median over steps; tokens are those that plain rows would read."""
    return median(
        tokens / seconds
        for run in runs
        for tokens, seconds in zip(run["tokens"], run["seconds"], strict=False)
    )


def compare(case: dict[str, Any], arguments: argparse.Namespace, model: str) -> dict[str, Any]:
    more = ["--model", model, *(["--random"] if arguments.random else [])]
    for name in ("steps", "batch", "threads", "pass_tokens"):
        if (value := getattr(arguments, name)) is not None:
            more += [f"--{name.replace('_', '-')}", str(value)]
    sides: dict[str, list[dict[str, Any]]] = {}
    variants = [name for name in arguments.variants if name != "defaults"]
    if case["method"] in ("kto", "sft"):  # z is estimated on the batch; SFT is packed
        variants = ["plain"]
    if "defaults" in arguments.variants and case["precision"] == "bf16":
        variants.append("defaults")
    for _ in range(arguments.rounds):
        sides.setdefault("trueup", []).append(measure("trueup", "plain", case, more))
        for variant in variants:
            sides.setdefault(variant, []).append(measure("trl", variant, case, more))
    mine = rate(sides["trueup"])
    theirs = {variant: rate(sides[variant]) for variant in variants}
    best = max(theirs, key=lambda variant: theirs[variant])
    peak = {side: max(run["peak"] for run in runs) for side, runs in sides.items()}
    found = {
        **case,
        "tokens/s": mine,
        "TRL tokens/s": theirs[best],
        "times TRL's best": mine / theirs[best],
        "memory of TRL's best": peak["trueup"] / peak[best],
        "peak GB": peak["trueup"] / 1e9,
        "loss apart": max(
            abs(a - b) / abs(b)
            for a, b in zip(sides["trueup"][0]["losses"], sides[best][0]["losses"], strict=False)
        )
        if case["method"] != "sft"
        else None,
    }
    if "defaults" in theirs:
        found["times TRL's defaults"] = mine / theirs["defaults"]
    if "used" in sides["trueup"][0]:
        found["TRL's best"] = best
        found |= {"first step s": sides["trueup"][0]["first"], "TRL's": sides[best][0]["first"]}
        found |= {"of the card": sides["trueup"][0]["used"], "TRL": sides[best][0]["used"]}
        found["every"] = {name: round(value) for name, value in theirs.items()}
    return found


def show(found: list[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in found for name in row))
    print("| " + " | ".join(names) + " |")
    print("|" + " --- |" * len(names))
    for row in found:
        cells = [row.get(name) for name in names]
        told = ["" if c is None else f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells]
        print("| " + " | ".join(told) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["dpo"], choices=METHODS)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--adapters-of", nargs="+", default=["lora", "full"])
    parser.add_argument("--precisions", nargs="+", default=["bf16", "fp32"])
    parser.add_argument("--variants", nargs="+", choices=list(TRL))
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each process")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--random", action="store_true", help="train a random model of 1B")
    parser.add_argument("--pass-tokens", type=int)
    parser.add_argument("--out", type=Path)
    # of one process alone
    parser.add_argument("--side", choices=["trueup", "trl"])
    parser.add_argument("--variant", default="plain")
    parser.add_argument("--method")
    parser.add_argument("--prompt", type=int)
    parser.add_argument("--completion", type=int)
    parser.add_argument("--adapters")
    parser.add_argument("--precision")
    arguments = parser.parse_args()
    if arguments.side:
        work(arguments)
        return
    import torch

    from trueup.models import load_model, save_model

    arguments.variants = arguments.variants or (ON_GPU if torch.cuda.is_available() else ON_CPU)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        if not arguments.random:
            save_model(load_model(arguments.model), None, model)
        elif Path(arguments.model).is_dir():
            model = Path(arguments.model)
        else:
            load_model(arguments.model).tokenizer.save_pretrained(model)
        found = []
        for case in cases(arguments):
            found.append(compare(case, arguments, str(model)))
            show(found[-1:])
            if arguments.out:
                arguments.out.write_text(json.dumps(found, indent=2))
        show(found)


if __name__ == "__main__":
    main()
