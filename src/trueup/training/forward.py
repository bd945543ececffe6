"""The one forward: per-token log-probs of every completion of a pack of groups."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trueup.training.groups import Group
from trueup.training.layers.flex import BLOCK, block_mask, takes_kernel
from trueup.training.layers.logprobs import token_logprobs
from trueup.training.layers.remade import remaking
from trueup.training.layers.tied import TiedHead
from trueup.training.layers.tree import Tree, build_tree
from trueup.training.probe import check_head, why_no_kernel, why_not_shared

__all__ = ["Forward", "Outputs", "RewardForward", "completion_targets"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """What an objective sees of C completions, padded to T tokens.

    Completions lie group by group: those of a method with N a group are rows [gN, gN + N).

    Attributes:
        logps: (C, T) log-probs of the completion's tokens under the policy; 0 where padded. (C, 0)
            of a reward model, which has none.
        mask: (C, T) bool, True at the completion's tokens.
        weights: (G,) each group's weight.
        ref_logps: (C, T) the same under the reference; None where a method has none.
        desirable: (G,) bool, whether a group's single completion is wanted.
        kl: KTO's z over the whole global batch, a scalar without gradient; None elsewhere.
        rewards: (C, H) each head's reward of the whole completion; None but of a reward model.
        sizes: (G,) how many completions a group has.
        heads: (G,) index of the head that a group is about.
        margins: (G,) by how much its first reward is to exceed the second.
        ranks: (C,) each completion's place in its group, never falling; equal ones are tied.
    """

    logps: Tensor
    mask: Tensor
    weights: Tensor
    ref_logps: Tensor | None = None
    desirable: Tensor | None = None
    kl: Tensor | None = None
    rewards: Tensor | None = None
    sizes: Tensor | None = None
    heads: Tensor | None = None
    margins: Tensor | None = None
    ranks: Tensor | None = None


class Forward(nn.Module):
    """A model's completion log-probs over groups, each shared prefix computed once.

    Models whose attention cannot run over a prefix tree are run on plain padded rows; `shared`
    says which it is, and `note` says why where it is not shared.

    Dropout is off: what is learnt is the difference from a reference that has none.

    Args:
        model: a causal language model of transformers, with or without adapters inside. While it
            trains here its attention implementation is the tree's; `restore` puts it back.
        dtype: what attention will run in on a GPU, whose kernel is tried in it.

    Raises:
        TrainingError: the model's decoder gives no hidden states, or its output head does more
            than multiply them by a matrix.
    """

    def __init__(self, model: Any, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.model = model
        _turn_dropout_off(model)
        self.decoder: nn.Module = model.get_decoder()
        self._prepare_head()
        self._before = model.config._attn_implementation
        self.note = why_not_shared(self) or why_no_kernel(self, dtype)
        self.shared = not self.note
        if self.note:
            self.restore()

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        device: torch.device = self.model.device
        return device

    def __call__(self, groups: Sequence[Group]) -> Outputs:
        """Return what `forward` returns, with the hooks that modules may carry."""
        outputs: Outputs = super().__call__(groups)
        return outputs

    def forward(self, groups: Sequence[Group]) -> Outputs:
        """Return the log-probs of every completion of `groups`; `ref_logps` is left None."""
        mask, targets = completion_targets(groups)
        read = targets[mask].to(self.device)  # picked on the CPU: a GPU would be waited for
        mask = mask.to(self.device)
        states, leaf = self.states(groups), self.model.get_output_embeddings().weight
        logps = token_logprobs(states, self._tied.take() if self._tied else leaf, read, leaf=leaf)
        padded = logps.new_zeros(mask.shape).masked_scatter(mask, logps)
        weights = torch.tensor([g.weight for g in groups], dtype=logps.dtype, device=self.device)
        desirable = torch.tensor([g.desirable for g in groups], device=self.device)
        return Outputs(padded, mask, weights, desirable=desirable)

    def states(self, groups: Sequence[Group]) -> Tensor:
        """Return the (n, D) last hidden states of all completions, one after another.

        Of a completion they are those from the prompt's last token to the last that is read.
        """
        # a GPU has the memory, and what Python does for each kept tensor would hold it up
        with nullcontext() if takes_kernel(self.device) else remaking():
            return self._shared(groups) if self.shared else self._plain(groups)

    def _prepare_head(self) -> None:
        check_head(self)
        inputs, head = self.model.get_input_embeddings(), self.model.get_output_embeddings()
        self._tied = TiedHead(inputs) if inputs.weight is head.weight else None

    def restore(self) -> None:
        """Give the model the attention implementation back that it came with."""
        self._attend_by(self._before)

    def _attend_by(self, name: str) -> None:
        # a reward model's decoder may have a config of its own, which not every release of
        # transformers 5 comes to from the model
        for told in (self.model, self.decoder):
            told.set_attn_implementation(name)  # type: ignore[operator]

    def _shared(self, groups: Sequence[Group]) -> Tensor:
        """Return `states` from one tree."""
        tree = build_tree([path for group in groups for path in group.paths], self.device)
        hidden = self._tree_hidden(tree)
        starts = [len(group.prompt) - 1 for group in groups for _ in group.completions]
        at = [place[start:] for place, start in zip(tree.places, starts, strict=True)]
        return hidden.index_select(0, torch.cat(at).to(self.device))

    def _tree_hidden(self, tree: Tree) -> Tensor:
        # of one block there is none to skip, and a kernel is not worth compiling
        blocks = takes_kernel(self.device) and tree.size > BLOCK
        out = self.decoder(
            input_ids=tree.tokens[None],
            position_ids=tree.positions[None],
            use_cache=False,
            tree=tree,
            block_mask=block_mask(tree) if blocks else None,
        )
        hidden: Tensor = out.last_hidden_state[0]
        return hidden

    def _plain(self, groups: Sequence[Group]) -> Tensor:
        """Return `states` from one padded row per completion."""
        paths = [path for group in groups for path in group.paths]
        rows = nn.utils.rnn.pad_sequence([torch.tensor(p) for p in paths], batch_first=True)
        lengths = torch.tensor([len(path) for path in paths])[:, None]
        real = torch.arange(rows.shape[1])[None] < lengths
        out = self.decoder(
            input_ids=rows.to(self.device),
            attention_mask=real.to(self.device, torch.long),
            use_cache=False,
        )
        starts = torch.tensor([len(g.prompt) - 1 for g in groups for _ in g.completions])[:, None]
        wanted = real & (torch.arange(rows.shape[1])[None] >= starts)
        hidden: Tensor = out.last_hidden_state[wanted.to(self.device)]
        return hidden


class RewardForward(Forward):
    """A reward model's rewards of completions, read after their last tokens.

    Args:
        model: a sequence classifier of transformers whose `score` has a row for each head.
    """

    def forward(self, groups: Sequence[Group]) -> Outputs:
        """Return the rewards of every completion of `groups`, which are read whole."""
        mask = completion_targets(groups)[0].to(self.device)
        ends = torch.tensor([len(tokens) + 1 for g in groups for tokens in g.completions]).cumsum(0)
        last = self.states(groups).index_select(0, ends.to(self.device) - 1)
        # not as a matrix product, which may round its operands to bf16
        wide = torch.promote_types(last.dtype, torch.float32)
        rewards = (last.to(wide)[:, None] * self._score().to(wide)).sum(-1)
        return Outputs(
            logps=rewards.new_empty((len(mask), 0)),
            mask=mask,
            weights=torch.tensor([g.weight for g in groups], dtype=rewards.dtype).to(self.device),
            rewards=rewards,
            sizes=torch.tensor([len(g.completions) for g in groups], device=self.device),
            heads=torch.tensor([g.head for g in groups], device=self.device),
            margins=torch.tensor([g.margin for g in groups], dtype=rewards.dtype).to(self.device),
            ranks=torch.tensor([rank for g in groups for rank in g.places], device=self.device),
        )

    def _score(self) -> Tensor:
        """Return the heads' (H, D) weights; beside adapters peft trains a copy of them."""
        score = self.model.score
        if hasattr(score, "modules_to_save"):
            score = score.modules_to_save[score.active_adapter]
        weight: Tensor = score.weight
        return weight

    def _prepare_head(self) -> None:
        """Rewards are a matrix product here, whatever the language model's head does."""


def completion_targets(groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
    """Return (C, T) bool, where completions have tokens, and (C, T) those tokens, 0 elsewhere."""
    rows = [torch.tensor(tokens) for group in groups for tokens in group.completions]
    targets = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    mask = torch.arange(targets.shape[1])[None] < lengths
    return mask, targets


def _turn_dropout_off(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        for name in vars(module):  # attention takes its share as a number
            if "dropout" in name and isinstance(getattr(module, name), float):
                setattr(module, name, 0.0)
