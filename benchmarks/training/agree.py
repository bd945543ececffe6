"""The same numbers as TRL: loss and gradient norm of each of 20 steps, method by method.

    pip install trl
    python benchmarks/training/agree.py --steps 20

Both train all weights of SmolLM2-135M in float32 on the same token ids in the same order, at the
same constant learning rate, with AdamW and clipping at 1. Prints, for each method, the largest
relative distance of the losses and of the gradient norms.

Two of TRL's objectives are told to do what their papers say: ORPO's likelihood counts the
completion's tokens and not the prompt's, and SimPO has no likelihood term.
"""

from __future__ import annotations

import argparse
import copy
import os
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trueup.demo.requests import flawed_answer, make_requests
from trueup.models import load_model
from trueup.training import DPO, IPO, KTO, ORPO, SFT, Method, SimPO
from trueup.training.checkpoint import RunFolder
from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.loop import Loop, rows_of_run
from trueup.training.reference import reference_logprobs

SHARED: dict[str, Any] = {
    "lora_rank": None,
    "precision": "fp32",
    "schedule": "constant",
    "warmup": 0.0,
    "lr": 1e-6,
    "batch_size": 8,
}
METHODS: dict[str, Method] = {
    "sft": SFT(**SHARED),
    "dpo sigmoid": DPO(**SHARED),
    "dpo hinge": DPO(**SHARED, loss="hinge"),
    "dpo robust": DPO(**SHARED, loss="robust", label_smoothing=0.1),
    "dpo per token": DPO(**SHARED, length_normalized=True, beta=2.0),
    "ipo": IPO(**SHARED),
    "kto": KTO(**SHARED),
    "orpo": ORPO(**SHARED),
    "simpo": SimPO(**SHARED, beta=2.0, gamma=1.0),
}


def rows(count: int) -> list[dict[str, str]]:
    """Pairs of the demo's requests as plain text, of unequal lengths."""
    requests = make_requests("train", per_phrasing=1, seed=7)
    order = np.random.default_rng(0).permutation(len(requests))[:count]
    chosen = [requests[i] for i in order]
    answers = [r.reference for r in requests]
    found = []
    for i, request in zip(order, chosen, strict=True):
        other = flawed_answer(request) or answers[(i + 29) % len(answers)]
        if other == request.reference:
            other = answers[(i + 61) % len(answers)] + " Thank you."
        prompt = "\n".join(m["content"] for m in request.messages) + "\nAssistant:"
        found.append({"prompt": prompt, "chosen": f" {request.reference}", "rejected": f" {other}"})
    return found


def groups_of(data: list[dict[str, str]], tokenizer: Any, method: Method) -> list[Group]:
    """Tokenise as TRL does: the completion is what follows the prompt, with an end of sequence."""

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    def completion(row: dict[str, str], name: str) -> tuple[int, ...]:
        whole = ids(row["prompt"] + row[name])
        return (*whole[len(ids(row["prompt"])) :], tokenizer.eos_token_id)

    found = []
    for number, row in enumerate(data):
        names = ("chosen", "rejected")
        if method.unpaired:
            names = (names[number % 2],)
        answers = tuple(completion(row, name) for name in names)[: method.completions]
        found.append(Group(str(number), ids(row["prompt"]), answers, desirable=number % 2 == 0))
    return found


def in_order(groups: list[Group], method: Method) -> list[Group]:
    """Place the groups so that the loop's permutation gives them back as they were."""
    order = np.random.default_rng([method.seed, 0]).permutation(len(groups))
    placed: list[Group | None] = [None] * len(groups)
    for group, place in zip(groups, order, strict=True):
        placed[place] = group
    return [group for group in placed if group is not None]


def ours(model: Any, tokenizer: Any, method: Method, data: list[dict[str, str]]) -> list[Any]:
    model = copy.deepcopy(model)
    forward = Forward(model)
    groups = in_order(groups_of(data, tokenizer, method), method)
    with tempfile.TemporaryDirectory() as folder:
        reference = None
        if method.has_reference:
            reference = reference_logprobs(
                forward,
                rows_of_run(groups, method),
                folder=Path(folder),
                key="reference",
                pass_tokens=method.pass_tokens,
            )
        weights = dict(model.named_parameters())
        run = RunFolder(Path(folder))
        loop = Loop(method, forward, weights, groups, (), reference, run, nullcontext)
        loop.run()
        return [(row["loss"], row["grad_norm"]) for row in run.read_metrics()]


def theirs(model: Any, tokenizer: Any, method: Method, data: list[dict[str, str]]) -> list[Any]:
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    from datasets import Dataset

    class PaperORPO(ORPOTrainer):  # type: ignore[misc]
        def concatenated_forward(self, model: Any, batch: Any) -> Any:
            found = list(super().concatenated_forward(model, batch))
            tokens = (batch["chosen_labels"] != -100).sum(-1)
            found[4] = -(found[0] * tokens).sum() / tokens.sum()
            return tuple(found)

    folder = tempfile.mkdtemp()
    common = {
        "output_dir": folder,
        "per_device_train_batch_size": method.batch_size,
        "num_train_epochs": 1,
        "learning_rate": method.lr,
        "lr_scheduler_type": "constant",
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": True,
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "train_sampling_strategy": "sequential",
        "max_grad_norm": 1.0,
        "disable_tqdm": True,
        "max_length": None,
    }
    if isinstance(method, SFT):
        kind, config = SFTTrainer, SFTConfig(**common)
        given = [{"prompt": r["prompt"], "completion": r["chosen"]} for r in data]
    elif isinstance(method, KTO):
        kind, config = KTOTrainer, KTOConfig(**common, beta=method.beta)
        given = [
            {
                "prompt": r["prompt"],
                "completion": r["rejected" if i % 2 else "chosen"],
                "label": i % 2 == 0,
            }
            for i, r in enumerate(data)
        ]
    elif isinstance(method, ORPO):
        common["max_length"] = 2048
        kind, config = PaperORPO, ORPOConfig(**common, beta=method.beta)
        given = data
    elif isinstance(method, SimPO):
        common["max_length"] = 2048
        config = CPOConfig(
            **common, beta=method.beta, loss_type="simpo", simpo_gamma=method.gamma, cpo_alpha=0.0
        )
        kind, given = CPOTrainer, data
    else:
        loss, smoothing = "ipo", 0.0
        if isinstance(method, DPO):
            loss = "sigmoid_norm" if method.length_normalized else method.loss
            smoothing = method.label_smoothing
        config = DPOConfig(**common, beta=method.beta, loss_type=[loss], label_smoothing=smoothing)
        kind, given = DPOTrainer, data
    more = {"ref_model": copy.deepcopy(model)} if method.has_reference else {}
    trainer = kind(
        model=copy.deepcopy(model),
        **more,
        args=config,
        train_dataset=Dataset.from_list(given),
        processing_class=tokenizer,
    )
    losses: list[float] = []
    compute = trainer.compute_loss

    def recorded(*args: Any, **kwargs: Any) -> Any:
        found = compute(*args, **kwargs)
        losses.append(float((found[0] if isinstance(found, tuple) else found).detach()))
        return found

    trainer.compute_loss = recorded
    trainer.train()
    norms = [row["grad_norm"] for row in trainer.state.log_history if "grad_norm" in row]
    return list(zip(losses, norms, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    loaded = load_model(arguments.model)
    tokenizer = loaded.tokenizer
    print("| method | steps | first loss | last loss | losses apart | gradient norms apart |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in arguments.methods:
        method = METHODS[name]
        data = rows(arguments.steps * method.batch_size)
        mine = np.array(ours(loaded.model, tokenizer, method, data))
        other = np.array(theirs(loaded.model, tokenizer, method, data))
        apart = np.abs(mine - other) / np.abs(other)
        print(
            f"| {name} | {len(mine)} | {mine[0, 0]:.6f} | {mine[-1, 0]:.6f} | "
            f"{apart[:, 0].max():.1e} | {apart[:, 1].max():.1e} |",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    main()
