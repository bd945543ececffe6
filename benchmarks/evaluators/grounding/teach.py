"""Teach the head: batches by context, one pass after the other, AdamW."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from grounding.corpus import Example
from grounding.network import Head
from grounding.states import States
from torch import Tensor, nn

from trueup.evals.grounding.reader import flags, member, padded

RATE, PASSES, EACH = 1e-3, 4, 6
CONTEXTS, ANSWERS = 2600, 40  # tokens of contexts and answers in a batch
TRUST = {"made": 1.0, "summedits": 0.6, "begin": 0.3}
"""Weight of a token's label: people marked answers, and not the words in them."""


@dataclass
class Batch:
    """Answers beside their contexts, which are narrowed once each."""

    answer: Tensor
    flags: Tensor
    answer_mask: Tensor
    contexts: Tensor
    contexts_mask: Tensor
    which: Tensor
    member: Tensor

    def through(self, head: Head) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = head(
            head.narrow(self.answer),
            self.flags,
            self.answer_mask,
            head.narrow(self.contexts),
            self.contexts_mask,
            self.member,
            self.which,
        )
        return found


@dataclass
class Targets:
    """What is to be learned of a batch: faults of tokens, claims and answers, with weights."""

    fault: Tensor
    fault_weight: Tensor
    stands: Tensor
    known: Tensor
    there: Tensor
    borne_out: Tensor

    def loss(self, fault: Tensor, stands: Tensor) -> Tensor:
        tokens = _mean(_cross_entropy(fault, self.fault), self.fault_weight)
        claims = _mean(_cross_entropy(stands, self.stands), self.known)
        # an answer stands as its weakest claim does
        whole = -torch.logsumexp(-stands + (self.there - 1) * 1e4, 1)
        return tokens + 0.5 * claims + 0.5 * _cross_entropy(whole, self.borne_out).mean()


def _cross_entropy(odds: Tensor, target: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(odds, target, reduction="none")


def _mean(losses: Tensor, weights: Tensor) -> Tensor:
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def batches(some: Sequence[Example], rng: random.Random, states: States) -> list[list[Example]]:
    """Return answers in batches: few to a context at a time, contexts of like length together."""
    by_context: dict[str, list[Example]] = defaultdict(list)
    for example in some:
        by_context[example.context].append(example)
    units = []
    for answers in by_context.values():
        rng.shuffle(answers)
        units += [answers[i : i + EACH] for i in range(0, len(answers), EACH)]
    rng.shuffle(units)
    found: list[list[Example]] = []
    for start in range(0, len(units), 200):
        near = sorted(
            units[start : start + 200], key=lambda u: len(states.tokens[u[0].context].ids)
        )
        batch: list[list[Example]] = []
        for unit in near:
            longest = len(states.tokens[unit[0].context].ids)
            many = sum(map(len, batch)) + len(unit) > ANSWERS
            if batch and (many or (len(batch) + 1) * longest > CONTEXTS):
                found.append([one for answers in batch for one in answers])
                batch = []
            batch.append(unit)
        found.append([one for answers in batch for one in answers])
    rng.shuffle(found)
    return found


def collate(some: Sequence[Example], states: States) -> Batch:
    contexts = list(dict.fromkeys(one.context for one in some))
    tokens = [states.tokens[one.answer] for one in some]

    def ones(texts: Sequence[str]) -> Tensor:
        return _tensor([np.ones(len(states.tokens[text].ids), np.float32) for text in texts])

    return Batch(
        _tensor([states[one.answer] for one in some]),
        _tensor(
            [
                flags(read.ids, states.tokens[one.context].ids)
                for one, read in zip(some, tokens, strict=True)
            ]
        ),
        ones([one.answer for one in some]),
        _tensor([states[text] for text in contexts]),
        ones(contexts),
        torch.tensor([contexts.index(one.context) for one in some]),
        _tensor([member(read, one.claims) for one, read in zip(some, tokens, strict=True)]),
    )


def _tensor(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(padded(arrays))


def targets(some: Sequence[Example], states: States) -> Targets:
    fault, weight = zip(*(_token_targets(one, states) for one in some), strict=True)
    stands = [np.array(one.stands, np.float32) for one in some]
    return Targets(
        _tensor(fault),
        _tensor(weight),
        _tensor([s.clip(min=0) for s in stands]),
        _tensor([(s >= 0).astype(np.float32) for s in stands]),
        _tensor([np.ones(len(s), np.float32) for s in stands]),
        torch.tensor([float(one.borne_out) for one in some]),
    )


def _token_targets(one: Example, states: States) -> tuple[np.ndarray, np.ndarray]:
    spans = states.tokens[one.answer].spans
    fault, weight = np.zeros((2, len(spans)), np.float32)
    at = 0
    for text, stands, faults in zip(one.claims, one.stands, one.faults, strict=True):
        for i, (start, end) in enumerate(spans):
            if at <= start < at + len(text):
                weight[i] = TRUST[one.kind] * (1 if stands >= 0 else 0.5)
                fault[i] = any(start - at < b and end - at > a for a, b in faults)
        at += len(text) + 1
    return fault, weight


def teach(some: Sequence[Example], states: States, *, seed: int = 0, passes: int = PASSES) -> Head:
    """Return a head taught on examples."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    head = Head().train()
    optimiser = torch.optim.AdamW(head.parameters(), RATE, weight_decay=0.05)
    steps = passes * len(batches(some, random.Random(seed), states))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / 60) * max(0.02, 1 - step / steps)
    )
    begun, step, lately = perf_counter(), 0, 0.0
    for _ in range(passes):
        for batch in batches(some, rng, states):
            loss = targets(batch, states).loss(*collate(batch, states).through(head))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            lately += loss.item() / 50
            if step % 50 == 0:
                print(
                    f"  step {step} of {steps}: loss {lately:.3f}, {perf_counter() - begun:.0f} s",
                    flush=True,
                )
                lately = 0.0
    return head.eval()


@torch.no_grad()
def judge(
    head: Head, some: Sequence[Example], states: States
) -> dict[int, tuple[np.ndarray, list[np.ndarray]]]:
    """Return of each example, by its `id()`, the claims' log odds and each claim's tokens'."""
    found = {}
    for batch in batches(some, random.Random(0), states):
        fault, stands = collate(batch, states).through(head)
        for one, faults, claims in zip(batch, fault.numpy(), stands.numpy(), strict=True):
            inside = member(states.tokens[one.answer], one.claims) > 0
            tokens = [faults[: inside.shape[1]][mine] for mine in inside]
            found[id(one)] = (claims[: len(one.claims)], tokens)
    return found
