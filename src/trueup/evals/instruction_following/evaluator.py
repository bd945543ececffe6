"""Instruction following: of what the prompt asks of the answer's form, how much is there?"""

from __future__ import annotations

from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator, need_text
from trueup.evals.instruction_following.instructions import find_instructions
from trueup.text import plain_text
from trueup.types import Score

__all__ = ["InstructionFollowing"]


class InstructionFollowing(Evaluator):
    """Share of the prompt's checkable instructions that the response follows.

    `evaluate(prompt=, response=)`. In the manner of IFEval (arXiv:2311.07911), but the instructions
    are found in the prompt: numbers of words, sentences, paragraphs, bullets, lines, items; JSON,
    CSV, tables and lists; words to start with, to end with, to use or not to use; a language; case;
    a title, a postscript, quotation marks; yes or no. It cannot tell whether the content is what
    was asked for: a prompt that asks nothing checkable is unscored. `measure` is how many
    instructions were found; `evidence` holds those that are not followed, in the prompt's words.
    An empty response follows none.
    """

    name = "instruction_following"
    labels = ("followed", "partly", "not_followed")
    rubric = RUBRICS["instruction_following"]
    pass_line = 1.0

    def _score(self, *, prompt: str, response: str) -> Score:
        asked = find_instructions(need_text("prompt", prompt))
        text = plain_text(need_text("response", response))
        if not asked:
            return self._unscored("no checkable instruction in the prompt")
        missed = [one for one in asked if not text or not one.follows(text)]
        met = len(asked) - len(missed)
        return Score(
            self.name,
            self.version,
            value=met / len(asked),
            label="followed" if not missed else "partly" if met else "not_followed",
            measure=float(len(asked)),
            reason=f"{met} of {len(asked)} instructions followed"
            + ("" if text else ", since the response is empty"),
            evidence=tuple(f"{one.kind}: {one.asked}" for one in missed),
        )
