"""How far evaluators and judges agree with people, which way they lean, and what a rate is then."""

from trueup.evals.calibration.agreement import HumanAgreement, calibrate
from trueup.evals.calibration.pairs import JudgeAgreement, calibrate_pairs, judge_pairs
from trueup.evals.calibration.rows import Labelled, Pair, has_pairs, read_labelled, read_pairs

__all__ = [
    "HumanAgreement",
    "JudgeAgreement",
    "Labelled",
    "Pair",
    "calibrate",
    "calibrate_pairs",
    "has_pairs",
    "judge_pairs",
    "read_labelled",
    "read_pairs",
]
