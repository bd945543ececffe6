"""Answer relevancy: is the response about what was asked?"""

from __future__ import annotations

import re

from trueup.evals._topic import asks_for, holds, terms, topic, touching
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator, need_text
from trueup.evals.instruction_following._shape import IN_LANGUAGE
from trueup.evals.refusal import find_refusal
from trueup.text import plain_text, sentences, word_count
from trueup.types import Score

__all__ = ["AnswerRelevancy"]

_SHORT = 12  # words; a shorter answer need not repeat what was asked
_KNOWS_NOT = re.compile(
    r"^\W*(?:(?:i'm |i am )?(?:sorry|afraid)[,.]? )?(?:but )?i (?:really )?(?:do not|don't|can't"
    r"|cannot)"
    r" (?:know|say|tell)\b|^\W*(?:no idea|unknown|n/?a|i have no idea|not sure|i'm not sure)\W*$",
    re.IGNORECASE,
)


class AnswerRelevancy(Evaluator):
    """Whether the response addresses what the prompt asks; not whether it is right.

    `evaluate(prompt=, response=)`. Lexical: the mean of how much of the prompt's topic the response
    touches and the share of its sentences that touch it; words for the task ("write", "example")
    count little. `evidence` holds the sentences that do not touch it. A short answer is held
    against the kind of question instead: a name for "who", a number for "how many". A refusal, and
    "I don't know", address nothing: 0. It cannot see a topic put in other words, and not that
    another question about the same topic was answered. What gives it nothing to go by is unscored:
    a short answer of no known kind, a prompt without words of its own, an answer asked for in
    another language.
    """

    name = "answer_relevancy"
    labels = ("relevant", "partly", "irrelevant", "noncommittal")
    rubric = RUBRICS["answer_relevancy"]

    def _score(self, *, prompt: str, response: str) -> Score:
        text = plain_text(need_text("response", response))
        about, kind = topic(need_text("prompt", prompt)), asks_for(prompt)
        if not text:
            return self._unscored("empty response")
        if _KNOWS_NOT.search(text.replace("’", "'")) or find_refusal(text)[0] == "full":
            return self._found(
                0.0, "noncommittal", "it says that it does not answer", (text[:300],)
            )
        split = sentences(text)
        touched = [touching(terms(sentence), about) for sentence in split]
        if word_count(text) <= _SHORT and not any(touched):
            if holds(text, kind):
                return self._found(1.0, "relevant", f"a short answer that gives a {kind}")
            if kind in ("number", "time", "person", "place"):
                return self._found(0.0, "irrelevant", f"no {kind}, which is asked for", (text,))
            return self._unscored("too short to tell what it is about")
        if not about:
            return self._unscored("the prompt has no words to hold it against")
        if not any(touched) and IN_LANGUAGE.search(prompt.casefold()):
            return self._unscored("asked for in another language")
        share = sum(one > 0 for one in touched) / len(split)
        value = (touching(terms(text), about) + share) / 2
        off = tuple(one for one, at in zip(split, touched, strict=True) if not at)
        label = "relevant" if value >= self.pass_line else "partly" if value else "irrelevant"
        return self._found(value, label, f"{len(split) - len(off)} of {len(split)} sentences", off)

    def _found(
        self, value: float, label: str, reason: str, evidence: tuple[str, ...] = ()
    ) -> Score:
        return Score(self.name, self.version, value, label, None, reason, evidence[:_SHOWN])


_SHOWN = 20  # sentences of evidence
