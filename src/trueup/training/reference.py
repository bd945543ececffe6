"""Log-probs under the frozen reference: computed once, kept on disk by what they depend on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from trueup.training.checkpoint import write_atomically
from trueup.training.forward import Forward
from trueup.training.groups import Group
from trueup.training.packs import packed
from trueup.training.workers import ALONE, Workers

__all__ = ["kl_from_reference", "pad_reference", "reference_key", "reference_logprobs"]

_log = logging.getLogger(__name__)


def reference_key(model_hash: str, precision: str, adapter_hash: str = "") -> str:
    """Name of the cache that holds one reference's log-probs.

    Rows are found in it by the hash of their token ids, which says what tokenizer and template
    made of them.

    Args:
        model_hash: content hash of the reference's weights.
        precision: how its products and sums round, and where, which changes the last digits.
        adapter_hash: content hash of an adapter that was on; empty without.
    """
    return sha256(f"{model_hash} {adapter_hash} {precision}".encode()).hexdigest()[:32]


def reference_logprobs(
    forward: Forward,
    batches: Iterable[Sequence[Group]],
    *,
    folder: Path,
    key: str,
    pass_tokens: int,
    progress: Callable[[int, int], None] | None = None,
    workers: Workers = ALONE,
) -> dict[str, Tensor]:
    """Return the reference's log-probs of every group, from disk where they are known.

    Groups are packed by batches, as training packs them: what a pack holds decides how its products
    round, and a policy that has not moved yet is then at no distance from its reference.

    Args:
        forward: of the reference model: the weights that training starts from.
        batches: of groups whose completions to score.
        folder: where caches lie; it is made if it is not there.
        key: `reference_key` of the model.
        pass_tokens: distinct tokens in one forward pass.
        progress: told how many groups of how many are done.
        workers: the processes that part the groups among them.

    Returns:
        From each group's digest to its completions' per-token log-probs, one after another.
    """
    path = folder / f"{key}.safetensors"
    known = _read(path, warn=workers.first)
    packs = [pack for rows in _unknown(batches, known) for pack in packed(rows, tokens=pass_tokens)]
    if not packs:
        return known
    was_training = forward.model.training
    forward.model.eval()
    shared = workers.share(packs)
    found: dict[str, Tensor] = {}
    with torch.no_grad():
        for pack, own in shared:
            outputs = forward(pack)
            if not own:
                continue
            sizes = [sum(map(len, group.completions)) for group in pack]
            rows = outputs.logps[outputs.mask].cpu().split(sizes)  # type: ignore[no-untyped-call]
            found |= {group.digest: row.clone() for group, row in zip(pack, rows, strict=True)}
            if progress:
                progress(len(found), sum(len(pack) for pack, own in shared if own))
    forward.model.train(was_training)
    known |= workers.merge(found)
    if workers.first:
        write_atomically(path, save(known))
    workers.wait()
    return known


def _unknown(
    batches: Iterable[Sequence[Group]], known: Mapping[str, Tensor]
) -> Iterator[list[Group]]:
    """Yield the batches without the rows that are known or that came before."""
    seen = set(known)
    for batch in batches:
        rows = {g.digest: g for g in batch}
        yield [group for digest, group in rows.items() if digest not in seen]
        seen |= rows.keys()


def _read(path: Path, *, warn: bool) -> dict[str, Tensor]:
    try:
        return load_file(path) if path.exists() else {}
    except (OSError, SafetensorError) as error:
        if warn:
            _log.warning("%s cannot be read (%s): its log-probs are computed again", path, error)
        return {}


def kl_from_reference(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """KL(ref || pi) over each completion, as its tokens tell it: (C, T) log-probs -> (C,) nats.

    With r = pi(y)/ref(y), the mean of r - 1 - log r over y drawn from ref is that divergence, and
    no y's part of it is negative: the estimator k3 of Schulman, "Approximating KL divergence"
    (2020). Here each y is a token of the data, drawn by whatever made it: exact where that was the
    reference, and elsewhere how far its tokens have moved.
    """
    moved = logps - ref_logps
    return (moved.expm1() - moved).sum(-1)


def pad_reference(known: Mapping[str, Tensor], groups: Sequence[Group], mask: Tensor) -> Tensor:
    """Return the groups' reference log-probs as (C, T), 0 where `mask` (C, T) is False."""
    flat = torch.cat([known[group.digest] for group in groups]).to(mask.device)
    return flat.new_zeros(mask.shape).masked_scatter(mask, flat)
