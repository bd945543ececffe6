"""Context relevancy: how much of what was retrieved bears on what was asked?"""

from __future__ import annotations

import re
from collections.abc import Sequence

from trueup.evals._support import passages_of
from trueup.evals._topic import asks_for, holds, terms, topic
from trueup.evals.backends.rubrics import RUBRICS
from trueup.evals.base import Evaluator, need_text
from trueup.text import sentences
from trueup.types import Score

__all__ = ["ContextRelevancy"]

_NEEDED = 1.0  # weight of shared words with which a sentence bears on the prompt by itself
_CONTINUES = re.compile(
    r"^(?:he|she|it|they|this|these|those|that|his|her|its|their|also|however|but|and|then|such)\b",
    re.IGNORECASE,
)
_SHOWN = 20  # sentences of evidence


class ContextRelevancy(Evaluator):
    """Share of the passages' sentences that bear on the prompt.

    `evaluate(prompt=, context=)`: a text, and a text or a list of them. Lexical: a sentence bears
    on the prompt where it shares a word that tells, or a lesser one beside what the question asks
    for (a date for "when"), or goes on ("She ...") from one that does. A word in most sentences of
    the context tells less than a rare one, unless the prompt has no other. `evidence` holds the
    sentences that do not bear on it. It measures what was retrieved, not whether enough was; a
    passage that puts the topic in other words is missed.
    """

    name = "context_relevancy"
    labels = ("relevant", "partly", "irrelevant")
    rubric = RUBRICS["context_relevancy"]

    def _score(self, *, prompt: str, context: str | Sequence[str]) -> Score:
        about, kind = topic(need_text("prompt", prompt)), asks_for(prompt)
        said = [sentences(passage) for passage in passages_of(context)]
        every = [sentence for passage in said for sentence in passage]
        if not every:
            return self._unscored("empty context")
        if not about:
            return self._unscored("the prompt has no words to hold it against")
        found = {sentence: terms(sentence) for sentence in every}
        weights = _by_rarity(about, list(found.values()))
        bearing: list[bool] = []
        for passage in said:
            before = False
            for sentence in passage:
                shared = sum(weights.get(term, 0.0) for term in found[sentence])
                asked = bool(shared) and kind not in ("", "thing") and holds(sentence, kind)
                goes_on = before and _CONTINUES.match(sentence) is not None
                before = shared >= _NEEDED or (asked and shared >= _NEEDED / 2) or goes_on
                bearing.append(before)
        off = [one for one, bears in zip(every, bearing, strict=True) if not bears]
        value = sum(bearing) / len(bearing)
        label = "relevant" if value >= self.pass_line else "partly" if value else "irrelevant"
        reason = f"{sum(bearing)} of {len(bearing)} sentences bear on the prompt"
        return Score(self.name, self.version, value, label, None, reason, tuple(off[:_SHOWN]))


def _by_rarity(about: dict[str, float], sets: list[set[str]]) -> dict[str, float]:
    """Halve the weight of words in most of the sentences, where rarer ones occur as well."""
    shares = {term: sum(term in one for one in sets) / len(sets) for term in about}
    rare = [term for term, share in shares.items() if 0 < share <= 0.5 and about[term] == 1]
    if not rare:
        return about
    return {term: weight / 2 if shares[term] > 0.5 else weight for term, weight in about.items()}
