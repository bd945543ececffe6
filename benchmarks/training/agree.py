"""The same numbers as TRL: loss and gradient norm of each of 20 steps, method by method.

    pip install 'trueup[train,bench]'
    python benchmarks/training/agree.py --steps 20

Both train all weights of SmolLM2-135M in float32 on the same token ids in the same order, at the
same constant learning rate, with AdamW and clipping at 1. Prints, for each method, the largest
relative distance of the losses and of the gradient norms.
"""

from __future__ import annotations

import argparse
import copy
import os
from typing import Any

import numpy as np
import torch
from peer import ours, trl_trainer

from trueup.demo.requests import flawed_answer, make_requests
from trueup.models import load_model
from trueup.training import DPO, IPO, KTO, ORPO, SFT, Method, Reward, SimPO

SHARED: dict[str, Any] = {
    "lora_rank": None,
    "precision": "fp32",
    "schedule": "constant",
    "warmup": 0.0,
    "lr": 1e-6,
    "batch_size": 4,
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
    "reward": Reward(**SHARED),
    "reward centred": Reward(**SHARED, centering=0.01),
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
        prompt = f"{request.messages[-1]['content']}\nAssistant:"
        found.append({"prompt": prompt, "chosen": f" {request.reference}", "rejected": f" {other}"})
    return found


def losses_and_norms(trainer: Any) -> list[tuple[float, float]]:
    """Train and return what each step's loss and gradient norm were, as they were computed."""
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
    width = loaded.model.config.hidden_size
    score = torch.randn(1, width, generator=torch.Generator().manual_seed(0)) / width**0.5
    print("| method | steps | first loss | last loss | losses apart | gradient norms apart |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in arguments.methods:
        method = METHODS[name]
        data = rows(arguments.steps * method.batch_size)
        more = {"pad_token": "<|endoftext|>"} if method.has_rewards else {}
        steps = ours(copy.deepcopy(loaded), method, data, score=score)
        mine = np.array([(row["loss"], row["grad_norm"]) for row in steps])
        trainer = trl_trainer(copy.deepcopy(loaded), method, data, score=score, **more)
        other = np.array(losses_and_norms(trainer))
        apart = np.abs(mine - other) / np.abs(other)
        print(
            f"| {name} | {len(mine)} | {mine[0, 0]:.6f} | {mine[-1, 0]:.6f} | "
            f"{apart[:, 0].max():.1e} | {apart[:, 1].max():.1e} |",
            flush=True,
        )


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    main()
