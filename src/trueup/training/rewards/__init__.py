"""Rewards: what says how good an answer is, and how far that can be trusted."""

from __future__ import annotations

from trueup.training.rewards.measure import (
    Calibration,
    CohortReward,
    HeadReport,
    LengthProbe,
    measure_rewards,
)
from trueup.training.rewards.model import RewardModel, Rewards, weigh_heads

__all__ = [
    "Calibration",
    "CohortReward",
    "HeadReport",
    "LengthProbe",
    "RewardModel",
    "Rewards",
    "measure_rewards",
    "weigh_heads",
]
