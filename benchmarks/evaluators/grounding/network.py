"""The head that holds an answer's tokens against a context's, and the encoder under it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

LAYERS = (0, 2, 4, 5)
"""Layers of MiniLM whose states are read; what comes after the last is cut off."""
WIDTH, HEADS, FLAGS = 128, 4, 5
STATES, DIRECTIONS = 384 * len(LAYERS), 256
"""Width of the states side by side, and of what is kept of them before anything is learned."""


@dataclass(frozen=True)
class Basis:
    """The directions in which states vary most: (DIRECTIONS, STATES), about a mean."""

    directions: np.ndarray
    mean: np.ndarray

    @staticmethod
    def of(states: np.ndarray) -> Basis:
        mean = states.mean(0)
        _, vectors = np.linalg.eigh(np.cov((states - mean).T))
        directions = vectors[:, ::-1][:, :DIRECTIONS].T
        return Basis(np.ascontiguousarray(directions, np.float32), mean.astype(np.float32))

    def along(self, states: np.ndarray) -> np.ndarray:
        return (states - self.mean) @ self.directions.T


class Attention(nn.Module):
    """Multi-head attention with a learned sharpness for each head."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.sharpness = nn.Parameter(torch.zeros(HEADS))

    def memory(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values of what is attended to, each (texts, heads, tokens, part)."""
        return self._split(self.k(x)), self._split(self.v(x))

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        keys, values = memory
        scale = self.sharpness.exp().view(1, -1, 1, 1) * (WIDTH // HEADS) ** -0.5
        odds = self._split(self.q(x)) @ keys.transpose(-1, -2) * scale
        weights = (odds + (mask - 1)[:, None, None, :] * 1e4).softmax(-1)
        return self.out((weights @ values).transpose(1, 2).flatten(2))

    @staticmethod
    def _split(x: Tensor) -> Tensor:
        return x.view(x.shape[0], x.shape[1], HEADS, WIDTH // HEADS).transpose(1, 2)


def _mlp(before: int, inside: int, after: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(before, inside), nn.GELU(), nn.Dropout(dropout), nn.Linear(inside, after)
    )


class Head(nn.Module):
    """Says of each token whether it is at fault, of each claim whether it stands, in log odds.

    A token is looked up in the context and compared with what is found there; then it looks at the
    rest of the answer.
    """

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.project, self.norm = nn.Linear(DIRECTIONS, WIDTH), nn.LayerNorm(WIDTH)
        self.flag, self.dropout = nn.Linear(FLAGS, WIDTH), nn.Dropout(dropout)
        self.context, self.answer = Attention(), Attention()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(4))
        self.compare = _mlp(4 * WIDTH, WIDTH, WIDTH, dropout)
        self.think = _mlp(WIDTH, 2 * WIDTH, WIDTH, dropout)
        self.fault = nn.Linear(WIDTH, 1)
        self.stands = _mlp(2 * WIDTH, WIDTH, 1, dropout)

    def narrow(self, states: Tensor) -> Tensor:
        """Return (..., WIDTH) of the encoder's states; in what ships the encoder does it."""
        return self.norm(self.project(states))

    def forward(
        self,
        answer: Tensor,
        flags: Tensor,
        answer_mask: Tensor,
        context: Tensor,
        context_mask: Tensor,
        member: Tensor,
        which: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Judge N answers of n tokens and S claims beside their contexts of m tokens.

        Args:
            answer: (N, n, WIDTH).
            flags: (N, n, FLAGS), how each token occurs in the context.
            answer_mask: (N, n).
            context: (N, m, WIDTH); with `which`, one row a context.
            context_mask: (N, m), likewise.
            member: (N, S, n), whether a token is the claim's.
            which: (N,), each answer's context.

        Returns:
            (N, n) that a token is at fault, (N, S) that a claim stands.
        """
        keys, values = self.context.memory(self.dropout(context))
        if which is not None:
            keys, values, context_mask = keys[which], values[which], context_mask[which]
        x = self.dropout(answer) + self.flag(flags)
        y = self.norms[0](x)
        found = self.context(y, (keys, values), context_mask)
        x = x + self.dropout(self.compare(torch.cat([y, found, y * found, y - found], -1)))
        y = self.norms[1](x)
        x = x + self.dropout(self.answer(y, self.answer.memory(y), answer_mask))
        x = self.norms[3](x + self.dropout(self.think(self.norms[2](x))))
        inside = member[..., None]
        most = (x[:, None] * inside + (inside - 1) * 1e4).amax(2)
        mean = (x[:, None] * inside).sum(2) / inside.sum(2).clamp(min=1)
        return self.fault(x).squeeze(-1), self.stands(torch.cat([most, mean], -1)).squeeze(-1)


class Layers(nn.Module):
    """MiniLM's states of some layers, side by side; or what the head makes of them first."""

    def __init__(self, folder: Path, head: Head | None = None, basis: Basis | None = None) -> None:
        from transformers import BertModel

        super().__init__()
        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False)
        self.bert.encoder.layer = self.bert.encoder.layer[: max(LAYERS)]
        self.last: nn.Module = nn.Identity()
        if head and basis:
            project = nn.Linear(STATES, WIDTH)
            with torch.no_grad():
                project.weight.copy_(head.project.weight @ torch.from_numpy(basis.directions))
                project.bias.copy_(
                    head.project.bias - project.weight @ torch.from_numpy(basis.mean)
                )
            self.last = nn.Sequential(project, head.norm)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.bert.embeddings(ids)
        hide = (mask.to(x.dtype) - 1)[:, None, None, :] * 1e4
        found = [x]
        for layer in self.bert.encoder.layer:
            own = layer.attention.self
            size = (x.shape[0], x.shape[1], own.num_attention_heads, own.attention_head_size)
            q, k, v = (f(x).view(size).transpose(1, 2) for f in (own.query, own.key, own.value))
            weights = (q @ k.transpose(-1, -2) * size[3] ** -0.5 + hide).softmax(-1)
            seen = layer.attention.output((weights @ v).transpose(1, 2).flatten(2), x)
            x = layer.output(layer.intermediate(seen), seen)
            found.append(x)
        return self.last(torch.cat([found[layer] for layer in LAYERS], -1))


def export(network: nn.Module, path: Path, given: dict[str, Tensor], outputs: list[str]) -> None:
    """Write a network as ONNX; every axis but the last of three is free, and names of both ends."""
    free = {
        name: {i: f"{name}_{i}" for i in range(2 if t.ndim < 3 or name != "member" else 3)}
        for name, t in given.items()
    }
    torch.onnx.export(
        network.eval(),
        tuple(given.values()),
        str(path),
        input_names=list(given),
        output_names=outputs,
        dynamic_axes=free,
        opset_version=17,
        dynamo=False,
    )


def quantised(path: Path, to: Path, weights: tuple[str, ...]) -> None:
    """Write an ONNX file with weights of eight bits, of a scale for each channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        path,
        to,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,  # eight bits overflow where the processor lacks VNNI
        op_types_to_quantize=list(weights),
    )
