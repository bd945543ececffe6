"""Evaluators: what is good and bad about an answer, as scores from 0 to 1 where 1 is good."""

from trueup.evals.answer_relevancy import AnswerRelevancy
from trueup.evals.backends import Backend
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Answered, Evaluator
from trueup.evals.bias import BiasDetection
from trueup.evals.calibration import (
    HumanAgreement,
    JudgeAgreement,
    Labelled,
    Pair,
    calibrate,
    calibrate_pairs,
    has_pairs,
    judge_pairs,
    read_labelled,
    read_pairs,
)
from trueup.evals.context_relevancy import ContextRelevancy
from trueup.evals.custom import CustomEvaluation
from trueup.evals.faithfulness import Faithfulness
from trueup.evals.format_validity import FormatValidity
from trueup.evals.groundedness import Groundedness
from trueup.evals.hedging import Hedging
from trueup.evals.instruction_following import InstructionFollowing
from trueup.evals.length_drift import LengthDrift
from trueup.evals.measured import NOT_MEASURED, Measured, measured
from trueup.evals.refusal import Refusal, find_refusal
from trueup.evals.registry import DEFAULT, EVALUATORS, evaluator
from trueup.evals.run import evaluate_traces, failed, failing, over_refused, score_answer
from trueup.evals.sycophancy import Sycophancy, find_stance
from trueup.evals.task_completion import TaskCompletion
from trueup.evals.tool_selection import ToolSelectionAccuracy
from trueup.evals.toxicity import Toxicity

__all__ = [
    "DEFAULT",
    "EVALUATORS",
    "NOT_MEASURED",
    "RUBRICS",
    "AnswerRelevancy",
    "Answered",
    "Backend",
    "BiasDetection",
    "ContextRelevancy",
    "CustomEvaluation",
    "Evaluator",
    "Faithfulness",
    "FormatValidity",
    "Groundedness",
    "Hedging",
    "HumanAgreement",
    "InstructionFollowing",
    "JudgeAgreement",
    "Labelled",
    "LengthDrift",
    "Measured",
    "Pair",
    "Refusal",
    "Sycophancy",
    "TaskCompletion",
    "ToolSelectionAccuracy",
    "Toxicity",
    "calibrate",
    "calibrate_pairs",
    "evaluate_traces",
    "evaluator",
    "failed",
    "failing",
    "find_refusal",
    "find_stance",
    "has_pairs",
    "judge_pairs",
    "measured",
    "over_refused",
    "read_labelled",
    "read_pairs",
    "score_answer",
]
