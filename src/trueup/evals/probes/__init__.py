"""Probes: sets of prompts that show what preference training is known to break.

A probe is run on a model, which is any function from conversations to answers, and gives a rate per
cohort with its interval:

    OverRefusal().run(model).rate("over_refusal").estimate
"""

from trueup.evals.probes.base import Change, Judged, Model, ProbeResult, Progress, Rate
from trueup.evals.probes.bias import Bias, Group, Template
from trueup.evals.probes.keeping import KeptAnswers
from trueup.evals.probes.over_refusal import OverRefusal, SafetyPrompt
from trueup.evals.probes.reward_hacking import AnswerPair, PaddingPrompt, RewardHacking
from trueup.evals.probes.sycophancy import Assertion, Sycophancy
from trueup.evals.probes.xstest import read_xstest

__all__ = [
    "PROBES",
    "AnswerPair",
    "Assertion",
    "Bias",
    "Change",
    "Group",
    "Judged",
    "KeptAnswers",
    "Model",
    "OverRefusal",
    "PaddingPrompt",
    "ProbeResult",
    "Progress",
    "Rate",
    "RewardHacking",
    "SafetyPrompt",
    "Sycophancy",
    "Template",
    "read_xstest",
]

PROBES = {probe.name: probe for probe in (OverRefusal, Sycophancy, RewardHacking, Bias)}
"""Every probe that ships, by name."""
