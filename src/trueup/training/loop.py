"""The one loop: batches of groups in, AdamW steps on an objective's loss, metrics out."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import increment_version

from trueup.errors import LossNotFinite
from trueup.training._signals import told_to_end
from trueup.training.batches import Batches
from trueup.training.checkpoint import Progress, RunFolder
from trueup.training.config import Method
from trueup.training.forward import Forward, Outputs, completion_targets
from trueup.training.groups import Group
from trueup.training.objectives import objective_of
from trueup.training.packs import packed
from trueup.training.reference import kl_from_reference, pad_reference
from trueup.training.sharded import local_part, local_value
from trueup.training.trackers import Log
from trueup.training.unpaired import mismatched
from trueup.training.workers import ALONE, Workers

__all__ = ["Loop", "learning_rate"]


def learning_rate(method: Method, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 0, of so many in all.

    It rises linearly over the first `warmup * steps` steps, reaching the peak with the last of
    them, and falls over the rest so that it would be 0 one step after the end.
    """
    rising = math.ceil(method.warmup * steps)
    if step < rising:
        return method.lr * (step + 1) / rising
    if method.schedule == "constant":
        return method.lr
    share = (step - rising) / max(1, steps - rising)
    if method.schedule == "linear":
        return method.lr * (1 - share)
    return method.lr * (1 + math.cos(math.pi * share)) / 2


@dataclass(slots=True)
class Loop:
    """A training run in memory.

    Attributes:
        method: the configuration, its `max_length` within the model's context.
        forward: of the model that learns.
        weights: what the optimiser changes, by name.
        groups: the training rows.
        held_out: rows that only evaluations see.
        reference: reference log-probs by digest, for methods that have them.
        folder: where state and metrics go.
        products: opens the context in which forward and backward run.
        on_metrics: given each row of metrics once it is written.
        workers: the processes that train together.
    """

    method: Method
    forward: Forward
    weights: Mapping[str, nn.Parameter]
    groups: Sequence[Group]
    held_out: Sequence[Group]
    reference: Mapping[str, Tensor] | None
    folder: RunFolder
    products: Callable[[], AbstractContextManager[None]]
    on_metrics: Log | None = None
    workers: Workers = ALONE

    def run(self, report: Callable[[int, int], None] | None = None) -> Progress:
        """Train from the last saved state to the end.

        Leaves the weights that `method.keep` asks for in the model.

        Args:
            report: told how many steps of how many are done.

        Raises:
            LossNotFinite: names the step and its rows; the last saved state stays.
            KeyboardInterrupt: SIGTERM or Ctrl-C came; the state after the step under way is saved.
        """
        steps = self.method.total_steps(len(self.groups))
        batches = Batches(self.groups, self.method)
        optimizer = self._optimizer()
        progress = self.folder.load_state(self.weights, optimizer)
        self.forward.model.train()
        with told_to_end() as ending, self.folder.saving():
            while progress.step < steps:
                rate = learning_rate(self.method, progress.step, steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate
                row = self._step(batches, progress, optimizer) | {"lr": rate}
                self._record(row)
                saved = self._after_step(progress, optimizer, steps)
                if report:
                    report(progress.step, steps)
                if self.workers.any(ending()) and progress.step < steps:
                    if not saved:  # again would take the only state there is away first
                        self._save(progress, optimizer)
                    raise KeyboardInterrupt
        if self.method.keep == "best" and progress.best_metric is not None:
            self.folder.load_best(self.weights)
        return progress

    def evaluate(self, groups: Sequence[Group]) -> dict[str, float]:
        """Return loss and metrics over groups, without gradients."""
        self.forward.model.eval()
        with torch.no_grad():
            values = self._pass(groups, learn=False)
        self.forward.model.train()
        return values

    def _step(
        self, batches: Batches, progress: Progress, optimizer: torch.optim.Optimizer
    ) -> dict[str, Any]:
        batch = batches.of_step(progress.step)
        start = time.perf_counter()
        draws = [self.method.seed, progress.step, self.workers.rank]
        torch.manual_seed(int(np.random.SeedSequence(draws).generate_state(1)[0]))
        optimizer.zero_grad(set_to_none=True)
        values = self._pass(batch, learn=True)
        limit = math.inf if self.method.clip is None else self.method.clip
        norm = local_value(nn.utils.clip_grad_norm_(self.weights.values(), limit, foreach=True))
        if not (math.isfinite(values["loss"]) and math.isfinite(norm)):
            raise LossNotFinite(self._not_finite(progress.step, values["loss"], norm, batch))
        optimizer.step()
        if self.workers.size == 1:
            # the fused step changes weights unseen, and layers keep copies of what has not changed
            increment_version(list(self.weights.values()))
        seconds = time.perf_counter() - start
        tokens = sum(group.tokens for group in batch)
        progress.step += 1
        progress.seconds += seconds
        progress.tokens += tokens
        completions = [len(completion) for group in batch for completion in group.completions]
        return {
            "step": progress.step,
            **values,
            "grad_norm": norm,
            "seconds": seconds,
            "tokens": tokens,
            "completion_tokens": sum(completions) / len(completions),
            "truncated": sum(group.truncated for group in batch),
            "memory": _peak_memory(self.forward.device),
        }

    def _record(self, row: Mapping[str, Any]) -> None:
        self.folder.append_metrics([row])
        if self.on_metrics and self.workers.first:
            self.on_metrics(row)

    def _after_step(self, progress: Progress, optimizer: torch.optim.Optimizer, steps: int) -> bool:
        """Evaluate and save where that is due; return whether the state was saved."""
        method, step = self.method, progress.step
        last = step == steps
        if self.held_out and (last or (method.eval_every and step % method.eval_every == 0)):
            start = time.perf_counter()
            values = self.evaluate(self.held_out)
            progress.seconds += time.perf_counter() - start
            self._record({"step": step, "eval": True, **values})
            least = math.inf if progress.best_metric is None else progress.best_metric
            if values["loss"] < least:  # NaN is below nothing
                progress.best_metric, progress.best_step = values["loss"], step
                if method.keep == "best":
                    self.folder.save_best(step, self.weights)
        due = last or step % method.save_every == 0
        if due:
            self._save(progress, optimizer)
        return due

    def _save(self, progress: Progress, optimizer: torch.optim.Optimizer) -> None:
        local = (local_part(weight.detach()) for weight in self.weights.values())
        if self.workers.any(not all(bool(part.isfinite().all()) for part in local)):
            raise LossNotFinite(
                f"step {progress.step} made weights that are not finite; {self._kept()}; lower lr"
            )
        behind = self.forward.device.type != "cpu"
        self.folder.save_state(progress, self.weights, optimizer, behind=behind)

    def _pass(self, groups: Sequence[Group], *, learn: bool) -> dict[str, float]:
        """Run groups forward, and backward if they are to `learn`; return what they gave.

        Every term is divided by its denominator over all of `groups`, however they are packed.
        """
        objective = objective_of(self.method)
        totals: dict[str, float] = {}
        told: dict[str, float] = {}
        counts: dict[str, float] = {}
        over = objective.denominators(*_masks(groups), self.method)
        kl = self._kl(groups) if self.method.unpaired else None
        for pack, own in self._packs(groups):
            with self.products():
                outputs = replace(self._outputs(pack), kl=kl)
                found = objective.sums(outputs, self.method)
                terms = {name: total / over[name] for name, total in found.terms.items()}
                loss = torch.stack(list(terms.values())).sum()
                if learn:
                    (loss if own else 0 * loss).backward()  # type: ignore[no-untyped-call]
            if not own:
                continue
            _add(totals, {"loss": loss, **({} if len(terms) == 1 else terms)})
            _add(told, found.metrics)
            _add(counts, found.counts)
            if outputs.ref_logps is not None:
                moved = kl_from_reference(outputs.logps.detach(), outputs.ref_logps)
                _add(told, {"kl/reference": moved.sum()})
                _add(counts, {"kl/reference": torch.tensor(len(moved))})
        totals, told, counts = self.workers.sum(totals, told, counts)
        means = {name: (value, counts.get(name, len(groups))) for name, value in told.items()}
        return totals | {name: value / n for name, (value, n) in means.items() if n}

    def _kl(self, groups: Sequence[Group]) -> Tensor:
        """Return KTO's z: the mean log-ratio of the groups' mismatched rows, not below 0."""
        rows = mismatched(groups, self.method.max_length)
        total = torch.zeros((), dtype=torch.float64)
        with torch.no_grad(), self.products():
            for pack, own in self._packs(rows):
                outputs = self._outputs(pack)
                assert outputs.ref_logps is not None
                total += own * (outputs.logps - outputs.ref_logps).sum().cpu()
        [summed] = self.workers.sum({"kl": float(total)})
        total = torch.tensor(summed["kl"], dtype=torch.float64)
        return (total / max(1, len(rows))).clamp(min=0).to(self.forward.device)

    def _packs(self, groups: Sequence[Group]) -> list[tuple[list[Group], bool]]:
        """Return this process's packs of the groups, and whether they are its own."""
        tokens = self.method.tokens_of_pass(self.forward.device.type)
        return self.workers.share(list(packed(groups, tokens=tokens)))

    def _outputs(self, pack: Sequence[Group]) -> Outputs:
        outputs = self.forward(pack)
        if self.reference is None:
            return outputs
        return replace(outputs, ref_logps=pad_reference(self.reference, pack, outputs.mask))

    def _optimizer(self) -> torch.optim.Optimizer:
        matrices = [p for p in self.weights.values() if p.dim() > 1]
        vectors = [p for p in self.weights.values() if p.dim() <= 1]
        sets = [
            {"params": matrices, "weight_decay": self.method.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(
            [one for one in sets if one["params"]], lr=self.method.lr, fused=True
        )

    def _not_finite(self, step: int, loss: float, norm: float, batch: Iterable[Group]) -> str:
        rows = ", ".join(group.id for group in batch)
        return (
            f"step {step + 1}: loss {loss}, gradient norm {norm}, on rows {rows}; {self._kept()}; "
            "lower lr or remove those rows"
        )

    def _kept(self) -> str:
        saved = self.folder.states.newest()
        return f"the last good state is kept in {saved}" if saved else "no state was saved"


def _masks(groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
    mask, _ = completion_targets(groups)
    return mask, torch.tensor([group.weight for group in groups], dtype=torch.float64)


def _peak_memory(device: torch.device) -> int:
    """Return the most bytes that the device, or on a CPU the process, has held so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _add(totals: dict[str, float], values: Mapping[str, Tensor]) -> None:
    for name, value in values.items():
        totals[name] = totals.get(name, 0.0) + float(value.detach())
