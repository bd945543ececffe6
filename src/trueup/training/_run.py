"""One training run, put together: from a source and examples to a folder with a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from errno import EDQUOT, EFBIG, ENOSPC
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from trueup.errors import InputError, TrainingError
from trueup.models import (
    LoadedModel,
    folder_hash,
    load_model,
    reward_model,
    save_model,
    settings_hash,
)
from trueup.training._precision import products, resolve
from trueup.training.checkpoint import Progress as Done
from trueup.training.checkpoint import RunFolder, write_atomically
from trueup.training.config import Method, Reward
from trueup.training.documents import pack_documents
from trueup.training.forward import Forward, RewardForward
from trueup.training.groups import Group, build_groups
from trueup.training.layers.fused import fuse
from trueup.training.layers.linear import multiply_in
from trueup.training.layers.lora import add_adapters
from trueup.training.layers.quantized import dequantize
from trueup.training.loop import Loop, batches_of_run
from trueup.training.reference import reference_key, reference_logprobs
from trueup.training.result import TrainResult
from trueup.training.sharded import gather, shard
from trueup.training.trackers import Log, Progress
from trueup.training.unpaired import mismatched, unpair
from trueup.training.workers import Workers
from trueup.types import Example

__all__ = ["run_method"]

ONLY_HEAD = "reward"
"""Name of a reward model's head that is not told apart from others."""

CHOSEN_FALL = 0.1
"""Nats by which the chosen completions may fall below the reference before it is called out."""


def run_method(
    method: Method,
    *,
    model: str | Path,
    data: Sequence[Example],
    out: Path,
    held_out: Sequence[Example],
    reference_cache: Path | None,
    progress: Progress | None,
    on_metrics: Log | None,
) -> TrainResult:
    """Do what `trueup.training.train` promises; its arguments are explained there."""
    if not data:
        raise InputError(f"{method.name}: no rows to train on; give at least one example")
    workers = Workers.join()
    folder = RunFolder(out, workers)
    loaded, content_hash = _identify(model)
    identity = {
        **method.to_dict(),
        "model": content_hash,
        "settings": settings_hash(model),
        "data": _digest(data),
        "held_out": _digest(held_out),
    }
    folder.check(identity)
    if workers.any(folder.result.exists()):
        return _finished(folder)
    loaded = loaded or load_model(model)
    method = _within_context(method, loaded)
    groups, aside = (_groups(method, rows, loaded) for rows in (data, held_out))
    try:
        with folder.claim(identity), _own_random_numbers(loaded):
            return _train(
                method,
                loaded,
                groups,
                aside,
                folder,
                reference_cache or folder.reference,
                progress if workers.first else None,
                on_metrics,
                workers,
            )
    except Exception as error:
        if reason := _disk_full(error):
            raise TrainingError(
                f"{out}: {reason}; what was saved last is kept: make room and run this again"
            ) from error
        raise


def _own_random_numbers(loaded: LoadedModel) -> AbstractContextManager[None]:
    """Put the caller's random states back when the run is over.

    By default torch would keep those of all GPUs, and warn where there are several.
    """
    device = loaded.model.device
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


def _train(
    method: Method,
    loaded: LoadedModel,
    groups: Sequence[Group],
    aside: Sequence[Group],
    folder: RunFolder,
    reference_cache: Path,
    progress: Progress | None,
    on_metrics: Log | None,
    workers: Workers,
) -> TrainResult:
    model, tokenizer = loaded.model, loaded.tokenizer
    torch.manual_seed(method.seed)
    if isinstance(method, Reward):
        model = reward_model(loaded, method.heads or (ONLY_HEAD,))
    forward = RewardForward(model) if method.has_rewards else Forward(model)
    precision = resolve(method.precision, forward.device)
    context = partial(products, precision, forward.device)
    adapted = _adapt(model, method, _stored(precision, forward), parted=workers.size > 1)
    if method.keep_adapter and method.lora_rank is not None:
        adapted.peft_config["default"].base_model_name_or_path = loaded.source
    if workers.size > 1:
        shard(forward)
    # before any pass, which may leave whole weights in the place of parted ones
    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    reference = None
    if method.has_reference:
        # Fresh adapters add exactly nothing, so this is the model that training starts from, run
        # through the very operations that it trains through.
        with context():
            reference = reference_logprobs(
                forward,
                [
                    *batches_of_run(groups, method),
                    aside,
                    mismatched(aside, method.max_length) if method.unpaired else (),
                ],
                folder=reference_cache,
                key=_reference_key(method, loaded, precision),
                pass_tokens=method.tokens_of_pass(forward.device.type),
                progress=progress and partial(progress, "reference log-probs"),
                workers=workers,
            )
    loop = Loop(
        method, forward, weights, groups, aside, reference, folder, context, on_metrics, workers
    )
    done = loop.run(progress and partial(progress, "steps"))
    forward.restore()
    if workers.size > 1:
        gather(forward, keep=workers.first)
    if workers.first:
        _finish(method, folder, done, adapted, tokenizer, groups, forward.note)
    folder.drop_state()
    workers.wait()
    return TrainResult.read(folder.result)


def _finished(folder: RunFolder) -> TrainResult:
    """Return what a run gave that had come to its end.

    Raises:
        TrainingError: its result cannot be read, or the checkpoint is gone.
    """
    try:
        result = TrainResult.read(folder.result)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TrainingError(
            f"{folder.result} cannot be read ({error!r}): remove {folder.path} to train again"
        ) from error
    if not (folder.checkpoint / "config.json").exists():
        raise TrainingError(
            f"{folder.path}: the run is finished and its checkpoint/ is gone; remove the folder to "
            "train again"
        )
    return result


def _disk_full(error: BaseException | None) -> str:
    """Return why a file could not take what was written to it; empty if that is not it.

    torch and safetensors raise errors of their own in place of the system's.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EFBIG):
            return str(error.strerror)
        if isinstance(error, SafetensorError) and "os error" in str(error):
            return str(error)
        error = error.__cause__ or error.__context__
    return ""


def _identify(model: str | Path) -> tuple[LoadedModel | None, str]:
    """Return the model's content hash, and the model itself if finding out took loading it."""
    path = Path(model).expanduser()
    if (path / "config.json").is_file() and any(path.glob("*.safetensors")):
        return None, folder_hash(path)
    loaded = load_model(model)
    return loaded, loaded.content_hash


def _digest(examples: Sequence[Example]) -> str:
    # what changes no weight is left out
    rows = [asdict(example) | {"cohort": "", "agreement": None} for example in examples]
    for row in rows:
        for name in ("ranks", "tools"):  # runs from before there were any keep their identity
            if not row[name]:
                del row[name]
    content = json.dumps(rows, default=dict, sort_keys=True)
    return sha256(content.encode()).hexdigest()


def _within_context(method: Method, loaded: LoadedModel) -> Method:
    """Return the method with no more tokens a row than the model reads."""
    context = getattr(loaded.model.config.get_text_config(), "max_position_embeddings", None)
    return replace(method, max_length=min(method.max_length, context or method.max_length))


def _groups(method: Method, rows: Sequence[Example], loaded: LoadedModel) -> tuple[Group, ...]:
    if not method.has_prompts:
        return pack_documents(rows, loaded.tokenizer, max_length=method.max_length)
    rows = unpair(rows) if method.unpaired else rows
    return build_groups(rows, loaded.tokenizer, method, max_length=method.max_length)


def _reference_key(method: Method, loaded: LoadedModel, precision: str) -> str:
    kind = "full" if method.lora_rank is None else "qlora" if method.qlora else "lora"
    rounding = f"{precision} {kind}"
    return reference_key(f"{loaded.content_hash} {settings_hash(loaded.source)}", rounding)


def _stored(precision: str, forward: Forward) -> torch.dtype | None:
    """Return the dtype in which layers multiply by a copy of their weights, if any.

    Such layers answer in bf16 while rotary embeddings stay float32. Tree attention takes that mix
    and autocast settles it; a model's own attention without autocast does not.
    """
    mixed = forward.shared or forward.device.type != "cpu"
    return torch.bfloat16 if precision == "bf16" and mixed else None


def _adapt(model: Any, method: Method, dtype: torch.dtype | None, *, parted: bool = False) -> Any:
    """Put adapters on the model, or make all its weights learn.

    Args:
        model: the one that learns.
        method: the configuration.
        dtype: in which layers multiply; None means their weights' own.
        parted: whether weights will be parted over processes, so that none may keep a copy.

    Returns:
        What `_finish` merges: peft's wrapper around `model`, or `model` itself.
    """
    fuse(model)
    if method.activation_checkpointing:
        # transformers renamed it in 5.24
        name = "activation_checkpointing_enable"
        enable = getattr(model, name, None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
    if method.lora_rank is None:
        for parameter in model.parameters():
            parameter.requires_grad_(True)
        if dtype is not None:
            multiply_in(model, dtype, keep=not parted)
        return model
    alpha = 2 * method.lora_rank if method.lora_alpha is None else method.lora_alpha
    return add_adapters(
        model,
        rank=method.lora_rank,
        alpha=alpha,
        dtype=dtype,
        dora=method.dora,
        qlora=method.qlora,
        keep=not parted,
    )


def _finish(
    method: Method,
    folder: RunFolder,
    done: Done,
    adapted: Any,
    tokenizer: Any,
    groups: Sequence[Group],
    note: str,
) -> None:
    """Save the trained model, and say what the run gave."""
    if method.lora_rank is not None:
        if method.keep_adapter:
            adapted.save_pretrained(folder.adapter)
        dequantize(adapted)
        adapted = adapted.merge_and_unload()
    content_hash = save_model(adapted, tokenizer, folder.checkpoint)
    result = TrainResult(
        checkpoint_path=folder.checkpoint,
        content_hash=content_hash,
        steps=done.step,
        metrics_path=folder.metrics,
        best_metric=done.best_metric,
        truncated=sum(group.truncated for group in groups),
        warnings=tuple(_warnings(method, folder, done, note)),
        seconds=done.seconds,
        tokens=done.tokens,
    )
    write_atomically(folder.result, result.to_json().encode())


def _warnings(method: Method, folder: RunFolder, done: Done, note: str) -> list[str]:
    """Return what went otherwise than one would hope."""
    found = [note] if note else []
    if method.keep == "best" and done.best_metric is None:
        found.append("there were no held-out rows to tell the best weights by: the last were kept")
    steps = [row for row in folder.read_metrics() if "logps/chosen_change" in row]
    late = [row["logps/chosen_change"] for row in steps[-max(1, len(steps) // 4) :]]
    if late and (change := sum(late) / len(late)) < -CHOSEN_FALL:
        found.append(
            f"the chosen completions became less likely: {change:.1f} nats each over the last "
            "quarter of the steps; raise beta or nll_weight, or lower lr"
        )
    return found
