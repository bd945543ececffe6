"""What each method learns from preferences that people gave, from the same start, beside TRL.

    pip install 'trueup[train,bench]'
    TRUEUP_DATA=FOLDER python benchmarks/training/learn.py --data demo --methods dpo ipo --beside

Pairs are parted by prompt; adapters of rank 16 train on one part, and the held-out part is ranked
by each method's own reward: the log-ratio to the start for DPO, IPO and KTO (its mean for IPO), the
mean log-prob for ORPO and SimPO, the reward for reward models. Both sides' models are ranked by the
same code. Prints accuracies with 95% intervals by Wilson, clustered by prompt.

    python benchmarks/training/learn.py --heads

trains a safety head on pairs of HH-RLHF's harmless part and a quality head on PandaLM's, together
and as one mixed head, and prints each on the held-out pairs of both.

The data is HH-RLHF's harmless test split, PandaLM's test set and LLMBar, each a folder of FOLDER
with its rows as JSON lines, and the demo's pairs, which need none.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import os
import re
import tempfile
from collections.abc import Sequence
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trueup.demo.requests import flawed_answer, make_requests
from trueup.models import LoadedModel, load_model
from trueup.stats.intervals import Estimate, rate_interval
from trueup.training import METHODS, Method, Reward, train
from trueup.training.forward import Forward
from trueup.training.groups import encode_group
from trueup.training.packs import packed
from trueup.training.rewards import RewardModel, measure_rewards
from trueup.types import Example

PAIRED = ("dpo", "ipo", "kto", "orpo", "simpo", "reward")


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / "data.jsonl"
    if path.exists():
        return [json.loads(line) for line in path.read_text().splitlines()]
    with gzip.open(folder / "data.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]


def pair(name: str, prompt: str, chosen: str, rejected: str, cohort: str) -> Example:
    return Example(name, ({"role": "user", "content": prompt},), (chosen, rejected), cohort=cohort)


def dialogue(text: str) -> tuple[dict[str, str], ...]:
    """The turns of HH-RLHF's text, which end where the assistant is to speak."""
    turns = re.split(r"\n\n(Human|Assistant):", text)[1:]
    roles = {"Human": "user", "Assistant": "assistant"}
    found = [
        {"role": roles[speaker], "content": said.strip()}
        for speaker, said in zip(turns[::2], turns[1::2], strict=True)
    ]
    return tuple(found[:-1])  # the last one is the assistant's, still empty


def read(name: str, folder: Path | None, longest: int) -> list[Example]:
    """Pairs of a data set, of texts under so many characters, in an order that says nothing."""
    found = demo() if name == "demo" else people(name, folder)
    kept = [
        example
        for example in found
        if all(isinstance(text, str) and text.strip() for text in example.completions)
        and example.completions[0] != example.completions[1]
        and max(map(len, (prompt_of(example), *example.completions))) < longest
    ]
    return sorted(kept, key=lambda example: sha256(example.id.encode()).hexdigest())


def demo() -> list[Example]:
    requests = make_requests("train", per_phrasing=3, seed=7)
    answers = [request.reference for request in requests]
    found = []
    for i, request in enumerate(requests):
        other = flawed_answer(request) or answers[(i + 29) % len(answers)]
        prompt = str(request.messages[-1]["content"])
        found.append(pair(f"demo{i}", prompt, request.reference, other, request.cohort))
    return found


def people(name: str, folder: Path | None) -> list[Example]:
    if folder is None:
        raise SystemExit(f"{name}: set TRUEUP_DATA to the folder that holds {name}/")
    rows = lines(folder / name)
    found = []
    for row in rows:
        if name == "hh_rlhf_harmless":
            cut = row["prompt_end"]
            answers = tuple(row[which][cut:].strip() for which in ("chosen", "rejected"))
            found.append(Example(row["id"], dialogue(row["chosen"][:cut]), answers, cohort=name))
            continue
        prompt = "\n".join(part for part in (row.get("instruction"), row.get("input")) if part)
        if name == "pandalm":
            votes = [row[f"annotator{k}"] for k in (1, 2, 3)]
            best = max((1, 2), key=votes.count)
            answers = (row["response1"], row["response2"])
            if votes.count(best) < 2:
                continue
        else:
            best, answers = int(row["label"]), (row["output_1"], row["output_2"])
        found.append(pair(row["id"], prompt, answers[best - 1], answers[2 - best], name))
    return found


def part(
    pairs: Sequence[Example], arguments: argparse.Namespace
) -> tuple[list[Example], list[Example]]:
    """Part pairs by their prompts, a third aside, and take at most as many as are asked for."""
    aside = [p for p in pairs if sha256(prompt_of(p).encode()).digest()[0] % 3 == 0]
    left = [p for p in pairs if sha256(prompt_of(p).encode()).digest()[0] % 3]
    return left[: arguments.pairs], aside[: arguments.held_out]


def prompt_of(example: Example) -> str:
    return "\n".join(str(turn["content"]) for turn in example.messages)


def ranked(loaded: LoadedModel, pairs: Sequence[Example]) -> np.ndarray:
    """(N, 2, 2): sum and mean of the log-probs of the chosen and the rejected completion."""
    forward = Forward(loaded.model)
    groups = [encode_group(example, loaded.tokenizer) for example in pairs]
    place = {id(group): number for number, group in enumerate(groups)}
    found = np.zeros((len(groups), 2, 2))
    with torch.inference_mode():
        for pack in packed(groups, tokens=2048):
            outputs = forward(pack)
            total = outputs.logps.sum(-1).view(-1, 2)
            mean = total / outputs.mask.sum(-1).view(-1, 2)
            for row, group in enumerate(pack):
                found[place[id(group)]] = torch.stack([total[row], mean[row]]).numpy()
    forward.restore()
    return found


def accuracy(method: Method, model: Path, start: np.ndarray, pairs: Sequence[Example]) -> Estimate:
    if isinstance(method, Reward):
        reports = measure_rewards(pairs, RewardModel.load(model).score(pairs), ("reward",))
        return reports[0].cohorts[0].accuracy
    scores = ranked(load_model(model), pairs)
    if method.has_reference:
        scores = scores - start
    return correct(scores[:, 0 if method.name in ("dpo", "kto") else 1], pairs)


def correct(scores: np.ndarray, pairs: Sequence[Example]) -> Estimate:
    """Return how often the first of (N, 2) scores is the larger one, clustered by prompt."""
    right = scores[:, 0] > scores[:, 1]
    return rate_interval(right, [prompt_of(example) for example in pairs])


def by_trl(loaded: LoadedModel, method: Method, pairs: Sequence[Example], out: Path) -> Path:
    """Train by TRL on the very texts that the template makes, and save the merged model."""
    from peer import trl_trainer

    from trueup.models import save_model

    rows = []
    for example in pairs:
        messages = [dict(turn) for turn in example.messages]
        prompt = loaded.tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        texts = dict(zip(("chosen", "rejected"), example.completions, strict=True))
        if method.name == "kto":  # a pair is two rows; peer takes the chosen of even ones
            rows += [{"prompt": prompt, **texts}] * 2
        else:
            rows.append({"prompt": prompt, **texts})
    score = torch.zeros(1, loaded.model.config.hidden_size)
    torch.manual_seed(method.seed)
    score.normal_(std=(loaded.model.config.hidden_size + 1) ** -0.5)
    options: dict[str, Any] = {
        "bf16": torch.cpu._is_avx512_bf16_supported(),
        "lr_scheduler_type": method.schedule,
        "warmup_steps": method.warmup,
        "num_train_epochs": method.epochs,
        "seed": method.seed,
        # TRL's KTO takes no other order than that of the rows
        "train_sampling_strategy": "sequential" if method.name == "kto" else "random",
        "logging_steps": 1000,
    }
    if method.has_rewards:
        options["pad_token"] = "<|endoftext|>"
    if method.name != "kto":  # whose z is estimated on the batch
        options["per_device_train_batch_size"] = 1
        options["gradient_accumulation_steps"] = method.batch_size
    if method.name in ("dpo", "ipo"):
        options["precompute_ref_log_probs"] = True
    trainer = trl_trainer(copy.deepcopy(loaded), method, rows, score=score, **options)
    trainer.train()
    merged = trainer.model.merge_and_unload()
    save_model(merged.float(), trainer.processing_class, out)
    return out


def show(name: str, method: str, side: str, found: Estimate) -> None:
    told = f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"
    print(f"| {name} | {method} | {side} | {told} | {found.n} |", flush=True)


def methods(arguments: argparse.Namespace, folder: Path | None) -> None:
    loaded = load_model(arguments.model)
    print("| data | method | trained by | held-out accuracy | pairs |")
    print("| --- | --- | --- | --- | --- |")
    for name in arguments.data:
        given, aside = part(read(name, folder, arguments.longest), arguments)
        start = ranked(loaded, aside)
        if not {"orpo", "simpo"}.isdisjoint(arguments.methods):
            show(name, "mean log-prob", "nobody yet", correct(start[:, 1], aside))
        for kind, seed in product(arguments.methods, arguments.seeds):
            options = {"lr": arguments.lr, "epochs": arguments.epochs, "seed": seed}
            method = METHODS[kind](max_length=768, **options)
            told = kind if len(arguments.seeds) == 1 else f"{kind}, seed {seed}"
            with tempfile.TemporaryDirectory() as work:
                result = train(method, model=arguments.model, data=given, out=Path(work) / "run")
                show(name, told, "trueup", accuracy(method, result.checkpoint_path, start, aside))
                if arguments.beside:
                    saved = by_trl(loaded, method, given, Path(work) / "trl")
                    show(name, told, "TRL", accuracy(method, saved, start, aside))


def heads(arguments: argparse.Namespace, folder: Path | None) -> None:
    from dataclasses import replace

    labels = {"safety": "hh_rlhf_harmless", "quality": "pandalm"}
    given, aside = [], []
    for head, name in labels.items():
        one, other = part(read(name, folder, arguments.longest), arguments)
        given += [replace(example, head=head) for example in one]
        aside += [replace(example, head=head) for example in other]
    print("| reward model | safety | quality |")
    print("| --- | --- | --- |")
    for told, names in (("two heads", tuple(labels)), ("one mixed head", ())):
        method = Reward(lr=arguments.lr, heads=names, epochs=arguments.epochs, max_length=768)
        with tempfile.TemporaryDirectory() as work:
            result = train(method, model=arguments.model, data=given, out=Path(work) / "run")
            model = RewardModel.load(result.checkpoint_path)
            cells = []
            for head in labels:
                rows = [example for example in aside if example.head == head]
                [report] = measure_rewards(rows, model.score(rows), model.heads)
                found = report.cohorts[0].accuracy
                cells.append(f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}] of {found.n}")
        print(f"| {told} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--data", nargs="+", default=["demo"])
    parser.add_argument("--methods", nargs="+", default=list(PAIRED), choices=PAIRED)
    parser.add_argument("--pairs", type=int, default=200, help="to train on")
    parser.add_argument("--held-out", type=int, default=400, help="pairs to rank at most")
    parser.add_argument("--longest", type=int, default=1200, help="characters of a text")
    parser.add_argument("--lr", type=float, default=2e-4)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="a model of each")
    parser.add_argument("--beside", action="store_true", help="train by TRL too")
    parser.add_argument("--heads", action="store_true")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    found = os.environ.get("TRUEUP_DATA")
    (heads if arguments.heads else methods)(arguments, Path(found) if found else None)


if __name__ == "__main__":
    main()
