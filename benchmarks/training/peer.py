"""What the benchmarks of training share: rows, our loop over them, and TRL's trainers."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from trueup.models import LoadedModel, reward_model
from trueup.training import DPO, KTO, ORPO, SFT, Method, Reward, SimPO
from trueup.training._precision import products, resolve
from trueup.training._run import _adapt, _stored
from trueup.training.batches import Batches
from trueup.training.checkpoint import RunFolder
from trueup.training.forward import Forward, RewardForward
from trueup.training.groups import Group
from trueup.training.loop import Loop
from trueup.training.reference import reference_logprobs

__all__ = ["groups_of", "ours", "trl_trainer"]

Rows = Sequence[dict[str, str]]


def groups_of(data: Rows, tokenizer: Any, method: Method) -> list[Group]:
    """Tokenise as TRL does: the completion is what follows the prompt, with an end of sequence."""

    def ids(text: str) -> tuple[int, ...]:
        return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

    def completion(row: dict[str, str], name: str) -> tuple[int, ...]:
        whole = ids(row["prompt"] + row[name])
        return (*whole[len(ids(row["prompt"])) :], tokenizer.eos_token_id)

    found = []
    for number, row in enumerate(data):
        names: tuple[str, ...] = ("chosen", "rejected")
        if method.unpaired:
            names = (names[number % 2],)
        answers = tuple(completion(row, name) for name in names)[: method.completions]
        wanted = number % 2 == 0
        whole = method.has_rewards
        prompt = ids(row["prompt"])
        found.append(Group(str(number), prompt, answers, desirable=wanted, read_whole=whole))
    return found


def in_order(groups: Sequence[Group], method: Method) -> list[Group]:
    """Place the groups so that the loop's permutation gives them back as they were."""
    order = np.random.default_rng([method.seed, 0]).permutation(len(groups))
    placed = dict(zip(order, groups, strict=True))
    return [placed[place] for place in range(len(groups))]


def ours(
    loaded: LoadedModel,
    method: Method,
    data: Rows,
    *,
    score: Any = None,
    report: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Train the model on the rows in their order; return the metrics of each step.

    Args:
        loaded: the model, which learns; a copy where it is to be left as it is.
        method: what trains it.
        data: rows of texts.
        score: a reward model's first head.
        report: told after each step.
    """
    model = loaded.model
    groups = in_order(groups_of(data, loaded.tokenizer, method), method)
    if method.has_rewards:
        again = LoadedModel(model, copy.deepcopy(loaded.tokenizer), "", "")
        model = reward_model(again, ("reward",))
        model.score.weight.data.copy_(score)
    forward = RewardForward(model) if method.has_rewards else Forward(model)
    precision = resolve(method.precision, forward.device)
    context = partial(products, precision, forward.device)
    _adapt(model, method, _stored(precision, forward))
    with tempfile.TemporaryDirectory() as folder:
        reference = None
        if method.has_reference:
            with context():
                reference = reference_logprobs(
                    forward,
                    Batches(groups, method).of_run(),
                    folder=Path(folder),
                    key="reference",
                    pass_tokens=method.tokens_of_pass(forward.device.type),
                )
        weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        run = RunFolder(Path(folder))
        loop = Loop(method, forward, weights, groups, (), reference, run, context)
        loop.run(report)
        return run.read_metrics()


def trl_trainer(
    loaded: LoadedModel, method: Method, data: Rows, *, score: Any = None, **options: Any
) -> Any:
    """Return TRL's trainer of the same method on the model.

    Two of its objectives are told to do what their papers say: ORPO's likelihood counts the
    completion's tokens and not the prompt's, and SimPO has no likelihood term. Those two would also
    begin every prompt with another token.

    Args:
        loaded: the model, which learns; a copy where it is to be left as it is.
        method: whose hyperparameters it takes.
        data: rows of texts.
        score: a reward model's first head.
        options: of TRL's configuration, over what makes it compute the same.
    """
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import (
        DPOConfig,
        DPOTrainer,
        KTOConfig,
        KTOTrainer,
        RewardConfig,
        RewardTrainer,
        SFTConfig,
        SFTTrainer,
    )
    from trl.experimental.cpo import CPOConfig, CPOTrainer
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    from datasets import Dataset

    class PaperORPO(ORPOTrainer):  # type: ignore[misc]
        def concatenated_forward(self, model: Any, batch: Any) -> Any:
            found = list(super().concatenated_forward(model, batch))
            tokens = (batch["chosen_labels"] != -100).sum(-1)
            found[4] = -(found[0] * tokens).sum() / tokens.sum()
            return tuple(found)

    common: dict[str, Any] = {
        "output_dir": tempfile.mkdtemp(),
        "per_device_train_batch_size": method.batch_size,
        "num_train_epochs": 1,
        "learning_rate": method.lr,
        "lr_scheduler_type": "constant",
        "bf16": False,
        "gradient_checkpointing": False,
        "use_cpu": loaded.model.device.type == "cpu",
        "logging_steps": 1,
        "report_to": "none",
        "save_strategy": "no",
        "train_sampling_strategy": "sequential",
        "max_grad_norm": 1.0,
        "disable_tqdm": True,
        "max_length": None,
    }
    given: list[dict[str, Any]] = [dict(row) for row in data]
    kind: Any
    config: Any
    model: Any = loaded.model
    tokenizer = copy.deepcopy(loaded.tokenizer)
    if isinstance(method, SFT):
        kind, config = SFTTrainer, partial(SFTConfig)
        given = [{"prompt": r["prompt"], "completion": r["chosen"]} for r in data]
    elif isinstance(method, Reward):
        kind = RewardTrainer
        centre = method.centering or None
        config = partial(RewardConfig, center_rewards_coefficient=centre)
        model = reward_model(LoadedModel(model, tokenizer, "", ""), ("reward",))
        model.score.weight.data.copy_(score)
        given = [
            {"chosen": r["prompt"] + r["chosen"], "rejected": r["prompt"] + r["rejected"]}
            for r in data
        ]
    elif isinstance(method, KTO):
        kind, config = KTOTrainer, partial(KTOConfig, beta=method.beta)
        given = [
            {
                "prompt": r["prompt"],
                "completion": r["rejected" if i % 2 else "chosen"],
                "label": i % 2 == 0,
            }
            for i, r in enumerate(data)
        ]
    elif isinstance(method, ORPO):
        tokenizer.bos_token = None
        common["max_length"] = 2048
        kind, config = PaperORPO, partial(ORPOConfig, beta=method.beta)
    elif isinstance(method, SimPO):
        tokenizer.bos_token = None
        common["max_length"] = 2048
        kind = CPOTrainer
        config = partial(
            CPOConfig,
            beta=method.beta,
            loss_type="simpo",
            simpo_gamma=method.gamma,
            cpo_alpha=0.0,
        )
    else:
        loss, smoothing = "ipo", 0.0
        if isinstance(method, DPO):
            loss = "sigmoid_norm" if method.length_normalized else method.loss
            smoothing = method.label_smoothing
        beta = getattr(method, "beta")  # noqa: B009
        kind = DPOTrainer
        config = partial(DPOConfig, beta=beta, loss_type=[loss], label_smoothing=smoothing)
    more: dict[str, Any] = {}
    if method.lora_rank:
        more["peft_config"] = LoraConfig(
            task_type="SEQ_CLS" if method.has_rewards else "CAUSAL_LM",
            r=method.lora_rank,
            lora_alpha=method.lora_alpha or 2 * method.lora_rank,
            target_modules="all-linear",
        )
    elif method.has_reference and not options.get("precompute_ref_log_probs"):
        more["ref_model"] = copy.deepcopy(loaded.model)
    trainer = kind(
        model=model,
        **more,
        args=config(**common | options),
        train_dataset=Dataset.from_list(given),
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer
