"""How far bf16 moves log-probs from float32, beside autocast, which TRL trains under.

    python benchmarks/training/rounding.py

Scores the same completions of English text by SmolLM2-135M three times: by transformers in float32,
by transformers under bf16 autocast with the head's log-probs taken in float32, and by the forward
that trains here with bf16 products. Prints the distances from the first, per token and completion.
"""

from __future__ import annotations

import argparse
import copy
import os
from typing import Any

import torch
from peer import groups_of
from speed import text_rows

from trueup.models import load_model
from trueup.training import DPO
from trueup.training._precision import products
from trueup.training._run import _adapt, _stored
from trueup.training.forward import Forward
from trueup.training.groups import Group


def plain(model: Any, groups: list[Group], *, bf16: bool) -> list[torch.Tensor]:
    """Per-token log-probs of every completion, a row of its own for each."""
    found = []
    for group in groups:
        for completion in group.completions:
            ids = torch.tensor([[*group.prompt, *completion]])
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                hidden = model.get_decoder()(input_ids=ids).last_hidden_state
            states = hidden[0, len(group.prompt) - 1 : -1].float()
            logits = states @ model.get_output_embeddings().weight.float().T
            found.append(logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None])[:, 0])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--pairs", type=int, default=16)
    arguments = parser.parse_args()
    loaded = load_model(arguments.model)
    rows = text_rows(arguments.pairs, 256, 128)
    print("| products | weights | per token, mean | per token, largest | per completion, mean |")
    print("| --- | --- | --- | --- | --- |")
    with torch.inference_mode(mode=False), torch.no_grad():
        groups = groups_of(rows, loaded.tokenizer, DPO())
        exact = plain(loaded.model, groups, bf16=False)

        def show(name: str, adapters: str, found: list[torch.Tensor]) -> None:
            apart = torch.cat([(a - b).abs() for a, b in zip(found, exact, strict=True)])
            whole = torch.stack([(a - b).sum().abs() for a, b in zip(found, exact, strict=True)])
            print(
                f"| {name} | {adapters} | {apart.mean():.4f} | {apart.max():.3f} | "
                f"{whole.mean():.3f} |",
                flush=True,
            )

        show("bf16 autocast of transformers", "all", plain(loaded.model, groups, bf16=True))
        for adapters, rank in (("adapters", 16), ("all", None)):
            model = copy.deepcopy(loaded.model)
            forward = Forward(model)
            _adapt(model, DPO(lora_rank=rank), _stored("bf16", forward))
            with products("bf16", forward.device):
                found = [
                    row[mask]
                    for group in groups
                    for row, mask in zip(*_scored(forward, group), strict=True)
                ]
            show("trueup in bf16", adapters, found)


def _scored(forward: Forward, group: Group) -> tuple[torch.Tensor, torch.Tensor]:
    outputs = forward([group])
    return outputs.logps, outputs.mask


if __name__ == "__main__":
    torch.set_num_threads(os.cpu_count() or 1)
    main()
