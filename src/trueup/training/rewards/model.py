"""Trained reward models, one or an ensemble, and how several heads become one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trueup.errors import InputError, MissingExtra
from trueup.types import Example

if TYPE_CHECKING:
    from trueup.training.forward import RewardForward

__all__ = ["RewardModel", "Rewards", "weigh_heads"]

Floats = NDArray[np.float64]

PASS_TOKENS = 2048
"""Distinct tokens of a forward pass; bounds memory, not rewards."""


@dataclass(frozen=True, slots=True)
class Rewards:
    """What a reward model, or an ensemble of M, gives the K completions of a prompt.

    Attributes:
        members: (M, K, H) each member's reward of each completion by each head.
        lengths: tokens of each completion.
    """

    members: Floats
    lengths: tuple[int, ...]

    @property
    def mean(self) -> Floats:
        """(K, H) rewards, the mean over members."""
        mean: Floats = self.members.mean(0)
        return mean

    @property
    def spread(self) -> Floats:
        """(K, H) standard deviation over members; 0 where there is one.

        Members agree on a reward up to a constant of their own, which says nothing of an answer:
        each member's rewards of a prompt are centred first.
        """
        if len(self.members) == 1:
            return np.zeros_like(self.members[0])
        centred = self.members - self.members.mean(1, keepdims=True)
        spread: Floats = centred.std(0, ddof=1)
        return spread


@dataclass(frozen=True, slots=True)
class RewardModel:
    """A reward model in memory, or an ensemble whose members were trained from several seeds.

    Attributes:
        heads: names of its rewards.
        members: each member's forward with its tokenizer.
    """

    heads: tuple[str, ...]
    members: tuple[tuple[RewardForward, Any], ...]

    @classmethod
    def load(cls, *sources: str | Path, device: str = "auto") -> RewardModel:
        """Load one reward model, or several as an ensemble.

        Args:
            sources: folders that `trueup train reward` made, or any of transformers' sequence
                classifiers; at least one.
            device: as `trueup.models.load_model` takes it.

        Raises:
            MissingExtra: torch or transformers is not installed.
            ModelError: one cannot be loaded, or is no reward model.
            InputError: none is named, or their heads differ.
        """
        try:
            from trueup.models import load_reward_model
            from trueup.training.forward import RewardForward
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"reward models need {error.name}: pip install 'trueup[train]'"
            ) from error
        if not sources:
            raise InputError("no reward model is named; give one or more")
        members, found = [], []
        for source in sources:
            loaded, heads = load_reward_model(source, device=device)
            members.append((RewardForward(loaded.model), loaded.tokenizer))
            found.append(heads)
        differing = [(s, h) for s, h in zip(sources, found, strict=True) if h != found[0]]
        if differing:
            source, heads = differing[0]
            raise InputError(
                f"{source} has the heads {', '.join(heads)}, {sources[0]} {', '.join(found[0])}; "
                "an ensemble's members have the same"
            )
        return cls(found[0], tuple(members))

    def score(
        self,
        examples: Sequence[Example],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Rewards]:
        """Return the rewards of every completion of every example.

        Args:
            examples: each a prompt with one completion or more.
            progress: told how many of how many are done.

        Raises:
            InputError: an example without a prompt or completion, or too long; names it.
        """
        by_member = []
        for index, member in enumerate(self.members):
            shifted = progress and _shifted(progress, index, len(self.members))
            by_member.append(_score(*member, examples, shifted))
        lengths = by_member[0][1]
        return [
            Rewards(np.stack([rewards[i] for rewards, _ in by_member]), lengths[i])
            for i in range(len(examples))
        ]


def weigh_heads(rewards: Floats, heads: Sequence[str], weights: Mapping[str, float]) -> Floats:
    """Make one number of several heads by stated weights.

    Args:
        rewards: (..., H).
        heads: their names.
        weights: of each head, by name.

    Returns:
        (...) the weighted sum.

    Raises:
        InputError: a head without a weight, or a weight without a head.
    """
    if set(weights) != set(heads):
        raise InputError(
            f"weights are given for {', '.join(weights) or 'nothing'}; state one for each of "
            f"{', '.join(heads)}, 0 for what is not to count"
        )
    combined: Floats = rewards @ np.array([weights[head] for head in heads])
    return combined


def _score(
    forward: RewardForward,
    tokenizer: Any,
    examples: Sequence[Example],
    progress: Callable[[int, int], None] | None,
) -> tuple[list[Floats], list[tuple[int, ...]]]:
    import torch

    from trueup.training.groups import encode_group, reject
    from trueup.training.packs import packed

    reject(
        examples,
        "no prompt or no completion",
        lambda e: not (e.messages and e.completions),
        remedy="a reward is of an answer to a prompt",
    )
    encoded = [encode_group(example, tokenizer) for example in examples]
    limit = getattr(forward.model.config.get_text_config(), "max_position_embeddings", None)
    long = [g.id for g in encoded if limit and max(map(len, g.paths)) >= limit]
    if long:
        raise InputError(
            f"{len(long)} of {len(examples)} rows are longer than the {limit} tokens that the "
            f"reward model reads ({', '.join(long[:5])}); shorten or remove them"
        )
    # a name of its own for each row: ids need not be unique here
    groups = [replace(g, id=str(i), read_whole=True) for i, g in enumerate(encoded)]
    found: dict[int, Floats] = {}
    with torch.inference_mode():
        for pack in packed(groups, tokens=PASS_TOKENS):
            outputs = forward(pack)
            assert outputs.rewards is not None
            sizes = [len(group.completions) for group in pack]
            rows = np.split(outputs.rewards.double().cpu().numpy(), np.cumsum(sizes)[:-1])
            found |= {int(group.id): row for group, row in zip(pack, rows, strict=True)}
            if progress:
                progress(len(found), len(groups))
    lengths = [tuple(map(len, group.completions)) for group in groups]
    return [found[i] for i in range(len(groups))], lengths


def _shifted(
    progress: Callable[[int, int], None], member: int, members: int
) -> Callable[[int, int], None]:
    return lambda done, of: progress(member * of + done, members * of)
