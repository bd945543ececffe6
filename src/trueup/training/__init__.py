"""The training core: one batch type, one forward, one loop, a file per objective.

Importing this room costs nothing: torch loads when `train` is called.
"""

from __future__ import annotations

from trueup.training.api import train
from trueup.training.config import DPO, SFT, Method
from trueup.training.data import read_examples
from trueup.training.result import TrainResult

__all__ = ["DPO", "SFT", "Method", "TrainResult", "read_examples", "train"]
