"""English pronouns of one gender in another, by what part of the sentence each is.

"her" and "his" are each two words in another gender; which of them is told by what follows.
"""

from __future__ import annotations

import re

from trueup.evals.counterfactual.group_terms import FUNCTION_WORDS
from trueup.text import listed

__all__ = ["PRONOUNS", "stands_alone", "swap_pronoun", "with_plural_verbs"]

_ROLES = {  # subject, object, before a noun, standing alone, reflexive
    "female": ("she", "her", "her", "hers", "herself"),
    "male": ("he", "him", "his", "his", "himself"),
    "nonbinary": ("they", "them", "their", "theirs", "themself"),
}
PRONOUNS = {form: gender for gender in ("female", "male") for form in _ROLES[gender]}
"""The pronouns that tell a gender; those of several people do not."""

_FUNCTION = frozenset(listed(FUNCTION_WORDS))
_NEXT = re.compile(r"\s+(?P<word>[^\W\d_]+(?:['’][a-z]+)?)")
_SEES = re.compile(
    r"\b(?:let|lets|letting|make|makes|made|making|see|sees|saw|seen|hear|hears|heard|watch|watches"
    r"|watched|help|helps|helped|had|feel|felt)\s+$",
    re.IGNORECASE,
)
_TAKES = re.compile(
    r"\b(?:take|took|drive|drove|bring|brought|send|sent|walk|walked|call|called|give|gave|get|got"
    r"|pay|paid|want|wanted|write|wrote)\s+$",
    re.IGNORECASE,
)
_BARE = frozenset(
    listed(
        """go leave come cry laugh do know understand speak talk walk run move work get be become
        feel think win lose stay find take make keep give say tell see sing dance play sleep
        eat drive write read pay choose decide enter fall fill finish learn look open pass
        prepare put return save sell sign sit stand start stop succeed try use wait"""
    )
)
_ADVERB = r"(?:\s+(?:also|always|never|often|just|still|really|usually|then|now|\w+ly))?"
_SUBJECT = (
    r"\b(?:(?P<aux>(?:is|was|has|does)(?:n['’]t)?)(?P<gap>\s+))?(?P<who>{who})\b"
    rf"(?:(?P<short>['’]s)\b(?=(?P<had>{_ADVERB}\s+(?:been|got|had|gone|done)\b)?)"
    rf"|(?P<adverb>{_ADVERB}\s+)(?P<verb>[a-z]+(?:['’]t)?)\b)?"
)
_IRREGULAR = {"is": "are", "was": "were", "has": "have", "does": "do", "goes": "go"}
_NO_VERB = frozenset(
    listed(
        """always perhaps besides sometimes as this thus plus less unless yes its his hers miss
        pass discuss guess confess possess dress press cross process express stress focus"""
    )
)


def stands_alone(rest: str) -> bool:
    """Tell whether what comes next in a text is no word that an adjective could belong to."""
    following = _NEXT.match(rest)
    return following is None or following["word"].lower() in _FUNCTION


def swap_pronoun(word: str, gender: str, before: str, rest: str) -> str:
    """Return the pronoun that another gender has in the place of one, in lower case.

    Args:
        word: a key of `PRONOUNS`.
        gender: a group of the class gender.
        before, rest: the text around it.
    """
    forms = _ROLES[PRONOUNS[word]]
    role = forms.index(word)
    alone = stands_alone(rest)
    if word == "her":
        role = 1 if alone or _does(before, rest) else 2
    elif word == "his":
        role = 3 if alone else 2
    return _ROLES[gender][role]


def _does(before: str, rest: str) -> bool:
    """Tell whether "her" does what the next word says, or is taken there: "let her go"."""
    following = _NEXT.match(rest)
    if following is None:
        return False
    word = following["word"].lower()
    goes, taken = word in _BARE, word in ("home", "back")
    return bool((goes and _SEES.search(before)) or (taken and _TAKES.search(before)))


def with_plural_verbs(text: str, gender: str) -> str:
    """Return a text whose "he", or "she", is "they", with the verbs beside it to match."""
    return re.sub(_SUBJECT.replace("{who}", _ROLES[gender][0]), _plural, text, flags=re.IGNORECASE)


def _plural(match: re.Match[str]) -> str:
    who = "They" if match["who"][0].isupper() else "they"
    asked = (
        f"{_cased(match['aux'], _plural_verb(match['aux']))}{match['gap']}" if match["aux"] else ""
    )
    if match["short"]:
        return f"{asked}{who}{match['short'][0]}{'ve' if match['had'] else 're'}"
    if not match["verb"]:
        return asked + who
    verb = match["verb"] if match["aux"] else _plural_verb(match["verb"])
    return f"{asked}{who}{match['adverb']}{verb}"


def _cased(like: str, word: str) -> str:
    return word.capitalize() if like[0].isupper() else word


def _plural_verb(verb: str) -> str:
    """Return a verb's form after "they": "carries" is "carry"."""
    bare, negation = re.fullmatch(r"(.*?)(n['’]t)?", verb.lower()).groups("")  # type: ignore[union-attr]
    if bare in _IRREGULAR:
        return _IRREGULAR[bare] + negation
    if bare in _NO_VERB or not bare.endswith("s") or len(bare) < 4 or bare.endswith(("ss", "us")):
        return verb
    if bare.endswith("ies"):
        return bare[:-3] + "y"
    return bare[:-2] if bare.endswith(("ches", "shes", "sses", "xes", "zzes")) else bare[:-1]
