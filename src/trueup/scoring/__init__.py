"""Scoring many answers: what is known is kept, the rest is spread over workers and stored."""

from trueup.scoring._answered import Answered
from trueup.scoring._run import Progress, score_answers
from trueup.scoring._work import Evaluates
from trueup.scoring._workers import Workers

__all__ = ["Answered", "Evaluates", "Progress", "Workers", "score_answers"]
