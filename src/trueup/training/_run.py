"""One training run, put together: from a source and examples to a folder with a checkpoint."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from errno import EDQUOT, EFBIG, ENOSPC
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor

from trueup.errors import InputError, TrainingError
from trueup.models import (
    LoadedModel,
    folder_hash,
    load_model,
    reward_model,
    save_model,
    settings_hash,
)
from trueup.training._precision import device_name, products, resolve
from trueup.training.batches import Batches
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
from trueup.training.loop import Loop
from trueup.training.reference import reference_key, reference_logprobs
from trueup.training.result import TrainResult
from trueup.training.rows import usable_rows
from trueup.training.sharded import gather, shard
from trueup.training.trackers import Log, Progress
from trueup.training.unpaired import mismatched
from trueup.training.workers import Workers
from trueup.types import Example

__all__ = ["run_method"]

_log = logging.getLogger(__name__)

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}

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
    # before the model, which takes long to load
    rows, aside = (usable_rows(method, some) for some in (data, held_out))
    workers = Workers.join()
    folder = RunFolder(out, workers)
    try:
        with workers.orderly():
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
            groups, held = (_groups(method, some, loaded) for some in (rows, aside))
            cache = reference_cache or folder.reference
            run = _Run(method, loaded, groups, held, folder, cache, progress, on_metrics, workers)
            with folder.claim(identity), _own_random_numbers(loaded):
                return run.train()
    except Exception as error:
        if reason := _disk_full(error):
            raise TrainingError(
                f"{out}: {reason}; what was saved last is kept: make room and run this again"
            ) from error
        raise


@dataclass(frozen=True, slots=True)
class _Run:
    """A run whose folder is its own, with all that it works on.

    Attributes:
        method: the configuration, its `max_length` within the model's context.
        loaded: the model to start from, which is changed, and its tokenizer.
        groups: the training rows.
        held_out: rows that only evaluations see.
        folder: where its files go.
        reference_cache: where reference log-probs are kept.
        progress: told what is under way.
        on_metrics: given each row of metrics.
        workers: the processes that train together.
    """

    method: Method
    loaded: LoadedModel
    groups: Sequence[Group]
    held_out: Sequence[Group]
    folder: RunFolder
    reference_cache: Path
    progress: Progress | None
    on_metrics: Log | None
    workers: Workers

    def train(self) -> TrainResult:
        """Train from the last saved state to a checkpoint."""
        method, workers = self.method, self.workers
        torch.manual_seed(method.seed)
        model = self.loaded.model
        if isinstance(method, Reward):
            model = reward_model(self.loaded, method.heads or (ONLY_HEAD,))
        precision = resolve(method.precision, model.device)
        forward = (RewardForward if method.has_rewards else Forward)(model, DTYPES[precision])
        if forward.note and workers.first:
            _log.warning(forward.note)
        adapted = _adapt(model, method, _stored(precision, forward), parted=workers.size > 1)
        if method.keep_adapter and method.lora_rank is not None:
            base = Path(self.loaded.source).expanduser()
            found = str(base.resolve()) if base.exists() else self.loaded.source
            adapted.peft_config["default"].base_model_name_or_path = found
        if workers.mesh is not None:
            shard(forward, workers.mesh)
        # before any pass, which may leave whole weights in the place of parted ones
        weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        loop = Loop(
            method,
            forward,
            weights,
            self.groups,
            self.held_out,
            self._reference(forward, precision) if method.has_reference else None,
            self.folder,
            partial(products, precision, forward.device),
            self.on_metrics,
            workers,
        )
        done = loop.run(self._told("steps"))
        forward.restore()
        if workers.size > 1:
            gather(forward, keep=workers.first)
        if workers.first:
            self._finish(done, adapted, forward.note)
        self.folder.drop_state()
        workers.wait()
        return TrainResult.read(self.folder.result)

    def _reference(self, forward: Forward, precision: Literal["bf16", "fp32"]) -> dict[str, Tensor]:
        """Return the log-probs of all rows under the model as it is.

        Fresh adapters add exactly nothing, so this is the model that training starts from, run
        through the very operations that it trains through.
        """
        method, aside = self.method, self.held_out
        batches = [*Batches(self.groups, method).of_run(), aside]
        if method.unpaired:
            batches.append(mismatched(aside, method.max_length))
        with products(precision, forward.device):
            return reference_logprobs(
                forward,
                batches,
                folder=self.reference_cache,
                key=_reference_key(method, self.loaded, precision, forward),
                pass_tokens=method.tokens_of_pass(forward.device.type),
                progress=self._told("reference log-probs"),
                workers=self.workers,
            )

    def _told(self, what: str) -> Callable[[int, int], None] | None:
        """Return what is told how far `what` is: of several processes one speaks."""
        return partial(self.progress, what) if self.progress and self.workers.first else None

    def _finish(self, done: Done, adapted: Any, note: str) -> None:
        """Save the trained model, and say what the run gave."""
        method, folder = self.method, self.folder
        if method.lora_rank is not None:
            if method.keep_adapter:
                adapted.save_pretrained(folder.adapter)
            dequantize(adapted)
            adapted = adapted.merge_and_unload()
        content_hash = save_model(adapted, self.loaded.tokenizer, folder.checkpoint)
        result = TrainResult(
            checkpoint_path=folder.checkpoint,
            content_hash=content_hash,
            steps=done.step,
            metrics_path=folder.metrics,
            best_metric=done.best_metric,
            truncated=sum(group.truncated for group in self.groups),
            warnings=tuple(_warnings(method, folder, done, note)),
            seconds=done.seconds,
            tokens=done.tokens,
        )
        write_atomically(folder.result, result.to_json().encode())


def _own_random_numbers(loaded: LoadedModel) -> AbstractContextManager[None]:
    """Put the caller's random states back when the run is over.

    By default torch would keep those of all GPUs, and warn where there are several.
    """
    device = loaded.model.device
    return torch.random.fork_rng([device] if device.type == "cuda" else [])


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
        if isinstance(error, RuntimeError) and "inline_container" in str(error):
            return "a file could not be written whole"
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
    return build_groups(rows, loaded.tokenizer, method, max_length=method.max_length)


def _reference_key(method: Method, loaded: LoadedModel, precision: str, forward: Forward) -> str:
    kind = "full" if method.lora_rank is None else "qlora" if method.qlora else "lora"
    layout = "tree" if forward.shared else "rows"
    rounding = f"{precision} {kind} {layout} {device_name(forward.device)}"
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
