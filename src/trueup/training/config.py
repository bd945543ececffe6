"""What each training method can be told, as frozen dataclasses that need no torch.

The command line and `Recipe.from_dict` derive their flags and keys from these fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, ClassVar, Literal, TypeVar, get_origin, get_type_hints

from trueup.errors import InputError
from trueup.types import Example

__all__ = [
    "CPT",
    "DPO",
    "IPO",
    "KTO",
    "METHODS",
    "ORPO",
    "SFT",
    "Keep",
    "Method",
    "Precision",
    "PreferenceLoss",
    "Reward",
    "Schedule",
    "SimPO",
    "from_mapping",
]

Schedule = Literal["cosine", "linear", "constant"]
Precision = Literal["auto", "bf16", "fp32"]
Keep = Literal["last", "best"]
PreferenceLoss = Literal["sigmoid", "hinge", "robust"]

M = TypeVar("M", bound="Method")
T = TypeVar("T")


def from_mapping(kind: type[T], values: Mapping[str, Any], source: str) -> T:
    """Make a dataclass of values as TOML or JSON gives them; what is left out takes its default.

    Args:
        kind: the dataclass.
        values: by field.
        source: names them in errors.

    Raises:
        InputError: a key that is no field, or a value of the wrong type: a text is no number.
    """
    types = get_type_hints(kind)
    adapters: dict[str, Any] = _adapters(kind)  # type: ignore[arg-type]
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(known)):
        raise InputError(
            f"{source}: no key {', '.join(unknown)}; it takes {', '.join(sorted(known))}"
        )
    read = {}
    for name, value in values.items():
        try:
            given = tuple(value) if get_origin(types[name]) is tuple else value
            read[name] = adapters[name].validate_python(given, strict=True)
        except ValueError as error:
            raise InputError(f"{source}: {name} = {value!r}: {_told(error)}") from error
    return kind(**read)


@cache
def _adapters(kind: Any) -> dict[str, Any]:
    """Return what checks each field's type."""
    from pydantic import TypeAdapter

    types = get_type_hints(kind)
    return {field.name: TypeAdapter(types[field.name]) for field in fields(kind)}


def _told(error: Any) -> str:
    """Return the first thing that pydantic has to say."""
    return str(error.errors()[0]["msg"])


@dataclass(frozen=True, kw_only=True)
class Method:
    """What every training method shares.

    Attributes:
        lora_rank: rank of the adapters on every linear layer of attention and MLP; None trains
            the full weights.
        lora_alpha: the adapters' scale is alpha / rank; None means twice the rank.
        dora: adapt the weights' sizes apart from their directions (DoRA, arXiv:2402.09353).
        qlora: hold the frozen weights in four bits (QLoRA, arXiv:2305.14314), by bitsandbytes.
        activation_checkpointing: keep only what each layer reads and run it again in the backward:
            a quarter slower, and less memory.
        lr: peak learning rate of AdamW.
        batch_size: groups (prompts with their completions) per optimiser step.
        epochs: passes over the data.
        max_steps: stop after so many steps, whatever `epochs` says.
        warmup: share of all steps over which the learning rate rises from 0.
        schedule: how it falls after that; cosine and linear would be 0 one step after the end.
        max_length: tokens of prompt and completion together; completions are cut to it, which is
            counted, and a prompt that fills it is an error.
        pass_tokens: distinct tokens packed into one forward pass; bounds memory, not results. None
            means 896 on a CPU (2,048 where prompts are none) and 8,192 on a GPU.
        seed: of the adapters' first values and of the order of the data.
        weight_decay: AdamW's, on matrices only.
        clip: largest norm of the gradient; None does not clip.
        precision: of matrix products; weights, gradients and sums stay in float32. "auto" is bf16
            where the processor or GPU has instructions for it.
        keep: "last" saves the final weights, "best" those with the lowest held-out loss.
        eval_every: steps between evaluations on the held-out rows; None evaluates at the end only.
        save_every: steps between saves of the state that a killed run resumes from.
        keep_adapter: also save the adapter by itself, in peft's format; with `qlora` it was
            trained on the rounded weights, and only the checkpoint holds those.
    """

    name: ClassVar[str] = ""
    completions: ClassVar[int] = 1
    has_reference: ClassVar[bool] = False
    unpaired: ClassVar[bool] = False
    has_rewards: ClassVar[bool] = False
    has_prompts: ClassVar[bool] = True

    lora_rank: int | None = 16
    lora_alpha: float | None = None
    dora: bool = False
    qlora: bool = False
    activation_checkpointing: bool = False
    lr: float = 1e-4
    batch_size: int = 8
    epochs: int = 1
    max_steps: int | None = None
    warmup: float = 0.1
    schedule: Schedule = "cosine"
    max_length: int = 1024
    pass_tokens: int | None = None
    seed: int = 0
    weight_decay: float = 0.0
    clip: float | None = 1.0
    precision: Precision = "auto"
    keep: Keep = "last"
    eval_every: int | None = None
    save_every: int = 25
    keep_adapter: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no run can use.

        Raises:
            InputError: names the field, its value and what it must be.
        """
        for name, adapter in _adapters(type(self)).items():  # type: ignore[arg-type]
            value = getattr(self, name)
            try:
                adapter.validate_python(value, strict=True)
            except ValueError as error:
                raise InputError(f"{self.name}: {name} is {value!r}; {_told(error)}") from error
            self._require(name, not isinstance(value, float) or math.isfinite(value), "finite")
        positive = "lora_rank lora_alpha batch_size epochs max_steps pass_tokens"
        for name in f"{positive} eval_every save_every clip".split():
            value = getattr(self, name)
            if value is not None:
                self._require(name, value > 0, "above 0")
        self._require("max_length", self.max_length > 1, "2 or more: a prompt and an answer")
        self._require(
            "dora", not self.dora or self.lora_rank is not None, "false with full weights"
        )
        self._require(
            "qlora",
            not self.qlora or (self.lora_rank is not None and not self.dora),
            "false with full weights or dora",
        )
        self._require("lr", self.lr >= 0, "0 or more")
        self._require("seed", 0 <= self.seed < 2**63, "from 0 to below 2**63")
        self._require("weight_decay", self.weight_decay >= 0, "0 or more")
        self._require("warmup", 0 <= self.warmup <= 1, "a share from 0 to 1")

    def total_steps(self, rows: int) -> int:
        """Return how many optimiser steps this method takes on so many rows."""
        steps = self.epochs * math.ceil(rows / self.batch_size)
        return steps if self.max_steps is None else min(steps, self.max_steps)

    def tokens_of_pass(self, device: str) -> int:
        """Return `pass_tokens`, or what None means on a device of this type, such as "cuda"."""
        if self.pass_tokens is not None:
            return self.pass_tokens
        return 8192 if device != "cpu" else 896 if self.has_prompts else 2048

    def rows(self, examples: Sequence[Example]) -> int:
        """Return how many rows the method makes of the examples."""
        return len(examples)

    def to_dict(self) -> dict[str, Any]:
        """Return the method's name and every field, as JSON and TOML can hold them."""
        return {"method": self.name, **asdict(self)}

    @classmethod
    def from_dict(cls: type[M], values: Mapping[str, Any]) -> M:
        """Read a method from a mapping, as TOML or JSON gives it.

        Raises:
            InputError: a key that is no field, or a value of the wrong type.
        """
        return from_mapping(cls, values, cls.name)

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise InputError(f"{self.name}: {name} is {getattr(self, name)}; it must be {rule}")


@dataclass(frozen=True, kw_only=True)
class CPT(Method):
    """Continued pretraining on raw texts, packed to `max_length`; none sees another.

    A row is such a pack, and `batch_size` counts packs.
    """

    name: ClassVar[str] = "cpt"
    has_prompts: ClassVar[bool] = False

    max_length: int = 2048


@dataclass(frozen=True, kw_only=True)
class SFT(Method):
    """Supervised fine-tuning on the completion's tokens, averaged over the global batch."""

    name: ClassVar[str] = "sft"
    completions: ClassVar[int] = 1

    lr: float = 3e-4


@dataclass(frozen=True, kw_only=True)
class Reward(Method):
    """A reward model from pairs (Bradley-Terry) and rankings (Plackett-Luce), of several heads.

    Attributes:
        heads: names of the rewards that are learnt apart, each from the rows that name it; none
            makes a single one, "reward", of all rows.
        centering: weight of the squared sum of a row's rewards, which keeps them around 0
            (arXiv:2312.09244).
    """

    name: ClassVar[str] = "reward"
    completions: ClassVar[int] = 2
    has_rewards: ClassVar[bool] = True

    heads: tuple[str, ...] = ()
    centering: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that no run can use; raises InputError as every method does."""
        super().__post_init__()
        self._require("centering", self.centering >= 0, "0 or more")
        apart = len(set(self.heads)) == len(self.heads) and all(self.heads)
        self._require("heads", apart, "names, each once")


@dataclass(frozen=True, kw_only=True)
class DPO(Method):
    """Direct preference optimisation, arXiv:2305.18290, on (chosen, rejected) pairs.

    Attributes:
        beta: how strongly the policy is held to the reference; larger holds it closer.
        loss: "sigmoid" (the paper's; with label smoothing cDPO), "hinge" (SLiC, arXiv:2305.10425)
            or "robust" (arXiv:2403.00409).
        label_smoothing: assumed share of pairs labelled the wrong way round, below 0.5.
        nll_weight: weight of the chosen completions' negative log-likelihood per token.
        length_normalized: take log-ratios per token (arXiv:2411.15124); beta is then some ten
            times what it is for sums.
    """

    name: ClassVar[str] = "dpo"
    completions: ClassVar[int] = 2
    has_reference: ClassVar[bool] = True

    lr: float = 5e-5
    beta: float = 0.1
    loss: PreferenceLoss = "sigmoid"
    label_smoothing: float = 0.0
    nll_weight: float = 0.0
    length_normalized: bool = False

    def __post_init__(self) -> None:
        """Refuse values that no run can use; raises InputError as every method does."""
        super().__post_init__()
        self._require("beta", self.beta > 0, "above 0")
        self._require("nll_weight", self.nll_weight >= 0, "0 or more")
        self._require("label_smoothing", 0 <= self.label_smoothing < 0.5, "from 0 to below 0.5")
        if self.loss == "hinge":
            self._require("label_smoothing", self.label_smoothing == 0, "0 with the hinge loss")


@dataclass(frozen=True, kw_only=True)
class IPO(Method):
    """Identity preference optimisation, arXiv:2310.12036, on (chosen, rejected) pairs.

    Attributes:
        beta: how strongly the policy is held to the reference; the paper's tau.
    """

    name: ClassVar[str] = "ipo"
    completions: ClassVar[int] = 2
    has_reference: ClassVar[bool] = True

    lr: float = 5e-5
    beta: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that no run can use; raises InputError as every method does."""
        super().__post_init__()
        self._require("beta", self.beta > 0, "above 0")


@dataclass(frozen=True, kw_only=True)
class KTO(Method):
    """Kahneman-Tversky optimisation, arXiv:2402.01306, on completions that are wanted or not.

    Attributes:
        beta: how strongly the policy is held to the reference; larger holds it closer.
        desirable_weight: of completions that are wanted.
        undesirable_weight: of those that are not; the paper keeps the ratio of the two, each times
            how many rows it has, between 1 and 4/3.
    """

    name: ClassVar[str] = "kto"
    has_reference: ClassVar[bool] = True
    unpaired: ClassVar[bool] = True

    lr: float = 5e-5
    beta: float = 0.1
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that no run can use; raises InputError as every method does."""
        super().__post_init__()
        self._require("beta", self.beta > 0, "above 0")
        self._require("desirable_weight", self.desirable_weight >= 0, "0 or more")
        self._require("undesirable_weight", self.undesirable_weight >= 0, "0 or more")
        self._require("batch_size", self.batch_size > 1, "2 or more: rows lend one another answers")

    def rows(self, examples: Sequence[Example]) -> int:
        """Return how many rows the method makes of the examples: two of a pair."""
        return sum(min(2, len(example.completions)) for example in examples)


@dataclass(frozen=True, kw_only=True)
class ORPO(Method):
    """Odds ratio preference optimisation, arXiv:2403.07691: one stage, no reference.

    Attributes:
        beta: weight of the odds ratio beside the chosen completions' likelihood; the paper's
            lambda.
    """

    name: ClassVar[str] = "orpo"
    completions: ClassVar[int] = 2

    lr: float = 5e-5
    beta: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that no run can use; raises InputError as every method does."""
        super().__post_init__()
        self._require("beta", self.beta > 0, "above 0")


@dataclass(frozen=True, kw_only=True)
class SimPO(Method):
    """Simple preference optimisation, arXiv:2405.14734, on pairs without a reference.

    Attributes:
        beta: scale of the rewards, which are mean log-probs per token.
        gamma: by how much the chosen reward is to exceed the rejected one.
    """

    name: ClassVar[str] = "simpo"
    completions: ClassVar[int] = 2

    lr: float = 5e-5
    beta: float = 2.0
    gamma: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that no run can use; raises InputError as every method does."""
        super().__post_init__()
        self._require("beta", self.beta > 0, "above 0")
        self._require("gamma", self.gamma >= 0, "0 or more")


METHODS: Mapping[str, type[Method]] = {
    m.name: m for m in (CPT, SFT, Reward, DPO, IPO, KTO, ORPO, SimPO)
}
"""Every method by its name."""
