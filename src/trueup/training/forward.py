"""The one forward: per-token log-probs of every completion of a pack of groups."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trueup.errors import TrainingError
from trueup.training.attention import NAME, register
from trueup.training.groups import Group
from trueup.training.logprobs import token_logprobs
from trueup.training.tree import Tree, build_tree

__all__ = ["Forward", "Outputs"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What an objective sees of C completions, padded to T tokens.

    Completions lie group by group: those of a method with N a group are rows [gN, gN + N).

    Attributes:
        logps: (C, T) log-probs of the completion's tokens under the policy; 0 where padded.
        mask: (C, T) bool, True at the completion's tokens.
        weights: (G,) each group's weight.
        ref_logps: (C, T) the same under the reference; None where a method has none.
        desirable: (G,) bool, whether a group's single completion is wanted.
        kl: KTO's z over the whole global batch, a scalar without gradient; None elsewhere.
    """

    logps: Tensor
    mask: Tensor
    weights: Tensor
    ref_logps: Tensor | None = None
    desirable: Tensor | None = None
    kl: Tensor | None = None


class Forward:
    """A model's completion log-probs over groups, each shared prefix computed once.

    Models whose attention cannot run over a prefix tree are run on plain padded rows; `shared`
    says which it is, and `note` says why where it is not shared.

    Args:
        model: a causal language model of transformers, with or without adapters inside. While it
            trains here its attention implementation is the tree's; `restore` puts it back.

    Raises:
        TrainingError: the model's output head does more than a matrix product.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.decoder: nn.Module = model.get_decoder()
        self.head: Tensor = model.get_output_embeddings().weight
        _check_head(model)
        self._before = model.config._attn_implementation
        self.note = _why_not_shared(self)
        self.shared = not self.note
        if self.note:
            self.restore()
            _log.warning(self.note)

    @property
    def device(self) -> torch.device:
        """Where the model lies."""
        return self.head.device

    def __call__(self, groups: Sequence[Group]) -> Outputs:
        """Return the log-probs of every completion of `groups`; `ref_logps` is left None."""
        hidden = self._shared(groups) if self.shared else self._plain(groups)
        mask, targets = completion_targets(groups, self.device)
        logps = token_logprobs(hidden, self.head, targets[mask])
        padded = logps.new_zeros(mask.shape).masked_scatter(mask, logps)
        weights = torch.tensor([g.weight for g in groups], dtype=logps.dtype, device=self.device)
        desirable = torch.tensor([g.desirable for g in groups], device=self.device)
        return Outputs(padded, mask, weights, desirable=desirable)

    def restore(self) -> None:
        """Give the model the attention implementation back that it came with."""
        self.model.set_attn_implementation(self._before)

    def _shared(self, groups: Sequence[Group]) -> Tensor:
        """Return the (n, D) states that predict the completions' tokens, from one tree."""
        tree = build_tree([path for group in groups for path in group.paths], self.device)
        hidden = self._tree_hidden(tree)
        starts = [len(group.prompt) - 1 for group in groups for _ in group.completions]
        at = [place[start:] for place, start in zip(tree.places, starts, strict=True)]
        return hidden.index_select(0, torch.cat(at))

    def _tree_hidden(self, tree: Tree) -> Tensor:
        out = self.decoder(
            input_ids=tree.tokens[None],
            position_ids=tree.positions[None],
            use_cache=False,
            tree=tree,
        )
        hidden: Tensor = out.last_hidden_state[0]
        return hidden

    def _plain(self, groups: Sequence[Group]) -> Tensor:
        """Return the same states from one padded row per completion."""
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


def completion_targets(
    groups: Sequence[Group], device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """Return (C, T) bool, where completions have tokens, and (C, T) those tokens, 0 elsewhere."""
    rows = [torch.tensor(tokens) for group in groups for tokens in group.completions]
    targets = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])[:, None]
    mask = torch.arange(targets.shape[1])[None] < lengths
    return mask.to(device), targets.to(device)


def _check_head(model: Any) -> None:
    config = model.config.get_text_config()
    for field in ("final_logit_softcapping", "logit_scale", "logits_scaling"):
        if getattr(config, field, None) not in (None, 1, 1.0):
            raise TrainingError(
                f"{config.model_type} models change their logits by {field}, which the output "
                "head here does not know; train another model"
            )
    if getattr(model.get_output_embeddings(), "bias", None) is not None:
        raise TrainingError(
            f"the output head of this {config.model_type} model has a bias, which is not "
            "supported; train another model"
        )


def _why_not_shared(forward: Forward) -> str:
    """Return why the model cannot run over a prefix tree; empty if it can.

    Where its configuration does not rule it out, a small tree is tried against plain rows.
    """
    model = forward.model
    config = model.config.get_text_config()
    kind = config.model_type
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    if layers != {"full_attention"} or getattr(config, "sliding_window", None):
        return f"{kind} layers do not all attend to everything before: prompts are not shared"
    if getattr(config, "attention_dropout", 0.0):
        return f"{kind} drops attention weights at random: prompts are not shared"
    probe = [Group("", (3, 5, 7, 11), ((13, 17, 19), (23, 29, 31, 37)))]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            rows = forward._plain(probe)
            register()
            model.set_attn_implementation(NAME)
            tree = forward._shared(probe)
    # A model's own forward may fail on what it does not know in any way it likes.
    except Exception as error:
        return f"{kind} attention takes no prefix tree ({error}): prompts are not shared"
    finally:
        model.train(was_training)
    apart = (rows - tree).norm() / rows.norm()
    if not apart < 0.02:
        return f"{kind} states differ by {apart:.0%} over a prefix tree: prompts are not shared"
    return ""
