"""Evaluators: what is good and bad about an answer, as scores from 0 to 1 where 1 is good."""

from trueup.evals.backends import Backend
from trueup.evals.base import Answered, Evaluator
from trueup.evals.bias import BiasDetection
from trueup.evals.calibration import HumanAgreement, Labelled, calibrate, read_labelled
from trueup.evals.custom import CustomEvaluation
from trueup.evals.format_validity import FormatValidity
from trueup.evals.groundedness import Groundedness
from trueup.evals.length_drift import LengthDrift
from trueup.evals.measured import NOT_MEASURED, Measured, measured
from trueup.evals.refusal import Refusal, find_refusal
from trueup.evals.registry import EVALUATORS, evaluator
from trueup.evals.rubrics import RUBRICS
from trueup.evals.run import evaluate_traces, failed, failing, over_refused, score_answer
from trueup.evals.task_completion import TaskCompletion
from trueup.evals.tool_selection import ToolSelectionAccuracy

__all__ = [
    "EVALUATORS",
    "NOT_MEASURED",
    "RUBRICS",
    "Answered",
    "Backend",
    "BiasDetection",
    "CustomEvaluation",
    "Evaluator",
    "FormatValidity",
    "Groundedness",
    "HumanAgreement",
    "Labelled",
    "LengthDrift",
    "Measured",
    "Refusal",
    "TaskCompletion",
    "ToolSelectionAccuracy",
    "calibrate",
    "evaluate_traces",
    "evaluator",
    "failed",
    "failing",
    "find_refusal",
    "measured",
    "over_refused",
    "read_labelled",
    "score_answer",
]
