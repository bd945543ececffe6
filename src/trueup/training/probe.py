"""What a model can take, tried on a small tree before it trains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from trueup.errors import TrainingError
from trueup.training.groups import Group
from trueup.training.layers.attention import NAME, register
from trueup.training.layers.flex import kernel_error, takes_kernel

if TYPE_CHECKING:
    from trueup.training.forward import Forward

__all__ = ["check_head", "why_no_kernel", "why_not_shared"]

_PROBE = (Group("", (3, 5, 7, 11), ((13, 17, 19), (23, 29, 31, 37))),)
"""A small tree of tokens that every vocabulary has."""


def _tolerance(model: Any) -> float:
    """Return how far apart two ways to compute the same may lie, relative to its size."""
    # rounded to bf16, 16 layers of 2,048 are 0.023 apart, and 3e-6 in float32
    return 0.1 if model.dtype in (torch.bfloat16, torch.float16) else 1e-4


def check_head(forward: Forward) -> None:
    """Refuse a model whose logits are not the product of its hidden states and its head."""
    model = forward.model
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
    with _probing(model):
        try:
            found = forward._plain(_PROBE) @ model.get_output_embeddings().weight.T
            paths = [path for group in _PROBE for path in group.paths]
            starts = [len(group.prompt) - 1 for group in _PROBE for _ in group.completions]
            logits = [
                model(input_ids=torch.tensor([path], device=model.device), use_cache=False).logits
                for path in paths
            ]
        except torch.OutOfMemoryError:
            raise  # it says nothing of the model
        # a model's own forward may fail in any way it likes
        except Exception as error:
            raise TrainingError(
                f"the decoder of this {config.model_type} model gives no hidden states "
                f"({' '.join(str(error).split())}); train another model"
            ) from error
    told = torch.cat([row[0, start:] for row, start in zip(logits, starts, strict=True)])
    if not (found - told).norm() <= _tolerance(model) * told.norm():
        raise TrainingError(
            f"{config.model_type} models do more to their logits than multiply by the output head, "
            "which the head here does not know; train another model"
        )


@contextmanager
def _probing(model: nn.Module) -> Iterator[None]:
    """Run the model as it is used, and leave it as it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def why_not_shared(forward: Forward) -> str:
    """Return why the model cannot run over a prefix tree; empty if it can.

    Where its configuration does not rule it out, a small tree is tried against plain rows.
    """
    model = forward.model
    config = model.config.get_text_config()
    kind = config.model_type
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    if layers != {"full_attention"} or getattr(config, "sliding_window", None):
        return f"{kind} layers do not all attend to everything before: prompts are not shared"
    try:
        with _probing(model):
            rows = forward._plain(_PROBE)
            register()
            forward._attend_by(NAME)
            if model.config.get_text_config()._attn_implementation != NAME:
                return f"{kind} has an attention of its own: prompts are not shared"
            tree = forward._shared(_PROBE)
    # A model's own forward may fail on what it does not know in any way it likes.
    except Exception as error:
        return f"{kind} attention takes no prefix tree ({error}): prompts are not shared"
    apart = (rows - tree).norm() / rows.norm()
    if not apart < _tolerance(model):
        return f"{kind} states differ by {apart:.1%} over a prefix tree: prompts are not shared"
    return ""


def why_no_kernel(forward: Forward, dtype: torch.dtype) -> str:
    """Return why the model's attention does not run in a kernel on its device; empty if it does.

    A pack is long, and under a dense mask its scores would take more than sharing saves.
    """
    if not takes_kernel(forward.device):
        return ""
    config = forward.model.config.get_text_config()
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    failed = kernel_error(heads, key_heads, width, dtype=dtype, device=forward.device)
    return failed and f"FlexAttention does not run here ({failed}): prompts are not shared"
