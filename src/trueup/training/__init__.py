"""The training core: one batch type, one forward, one loop, a file per objective.

Importing this room costs nothing: torch loads when `train` is called.
"""

from __future__ import annotations

from trueup.training.api import train
from trueup.training.config import CPT, DPO, IPO, KTO, METHODS, ORPO, SFT, Method, Reward, SimPO
from trueup.training.data import read_examples, weigh_by_agreement
from trueup.training.result import TrainResult
from trueup.training.stages import Recipe, Stage, run_recipe

__all__ = [
    "CPT",
    "DPO",
    "IPO",
    "KTO",
    "METHODS",
    "ORPO",
    "SFT",
    "Method",
    "Recipe",
    "Reward",
    "SimPO",
    "Stage",
    "TrainResult",
    "read_examples",
    "run_recipe",
    "train",
    "weigh_by_agreement",
]
