"""The instructions in a prompt that a program can check, in the manner of IFEval.

IFEval (arXiv:2311.07911) writes its instructions itself and so knows their parameters; here they
are read out of the prompt. What stands in quotation marks, in code, or after a line that announces
material ("Summarise the following text:") is not the user's own words and asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trueup.evals import _shape as shape
from trueup.evals._text import fold

__all__ = ["Instruction", "find_instructions"]

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One thing that a prompt asks of the form of its answer.

    Attributes:
        kind: what it is about, such as "words" or "language".
        asked: the words of the prompt that ask for it.
        follows: tells whether an answer does.
    """

    kind: str
    asked: str
    follows: Check


_LONGEST = 20_000  # characters of a prompt that are read
_SMALL = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve fifteen twenty".split(),
        (*range(1, 13), 15, 20),
        strict=True,
    )
)
_N = rf"(?:\d{{1,2}},\d{{3}}|\d{{1,5}}|{'|'.join(_SMALL)})"
_LEAST = r"at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of|minimum(?: of)?"
_MOST = (
    r"at most|no more than|not more than|not exceed(?:ing)?|up to|a maximum of|maximum(?: of)?|max"
    r"|within|limited to"
)
_LESS, _MORE = r"less than|fewer than|under|below", r"more than|over|longer than"
_ABOUT = r"about|around|approximately|roughly|some|circa|~"
_UNITS = {
    "words": r"words?",
    "sentences": r"sentences?",
    "paragraphs": r"paragraphs?",
    "bullets": r"bullet(?:ed)?(?:[ -]points?|[ -]list items?)?|bullets",
    "lines": r"lines?",
    "stanzas": r"stanzas?|verses",
    "characters": r"characters?",
    "placeholders": r"placeholders?",
    "hashtags": r"hashtags?",
    "highlights": r"(?<=highlight at least \d )sections?|highlighted sections?",
    "sections": r"sections?",
}
_UNIT = "|".join(f"(?P<{name}>{form})" for name, form in _UNITS.items())
_AMOUNT = re.compile(
    rf"(?<![\w-])(?:(?P<rel>(?P<least>{_LEAST})|(?P<most>{_MOST})|(?P<less>{_LESS})|(?P<more>{_MORE})"
    rf"|(?P<about>{_ABOUT})|exactly|only|just)\s+)?(?:between\s+)?(?:(?P<low>{_N})\s*(?:-|–|to|and|or)"
    rf"\s*)?(?P<n>{_N})[\s-]+(?:(?:short|long|brief|concise|full|complete|simple|different|single"
    rf"|separate|clear|or more|or less|or fewer)[\s-]+)*(?:{_UNIT})\b"
    r"(?P<after>\s+(?:or (?:less|fewer|under|more|longer)|max(?:imum)?\b|minimum|at (?:most|least)))?"
)
# An amount of the answer is asked for; these speak of something that is given, or of its parts.
_GIVEN = re.compile(
    r"\b(?:these|those|following|given|first|last|next|above|previous|below|every|each|your|are"
    r"|has|(?<!must )(?<!should )(?<!to )have|combin(?:e|ing)|merg(?:e|ing)|join(?:ing)?|from|the)\s+$"
)
_ANSWERS = re.compile(
    r"\b(?:answer|response|reply|essay|story|poem|summary|article|paragraph|letter|email|post|text"
    r"|output|review|description|it|that|list|into|in|of|to|and|with|is|be|containing|contains?"
    r"|write|using|use|keep|limit|must have|should have|to have|must be|there should be|highlight|provide|generate|create|give|compose|include|has|have"
    r"|summari[sz]e\w*|a|an|,|\()\s*(?:your answer |it |this )?$"
)
_PARTS = re.compile(r"^\s*(?:each|long each|per|of the|in (?:the|this|each)|apart|above|below|from)\b")
_EACH = re.compile(r"\b(?:each|every|per) (?:\w+ ){0,2}(?:should |must |has to |to )?(?:have|be|contain"
                   r"|using|with|in)?\s*$")
_GENRES = (
    (r"\b(?:write|compose|create|make|give)\b[^.\n]{0,40}\bhaiku\b(?!s)", "lines", 3),
    (r"\b(?:write|compose|create|make|give)\b[^.\n]{0,40}\blimerick\b(?!s)", "lines", 5),
    (r"\b(?:write|compose|create|make|give)\b[^.\n]{0,40}\bsonnet\b(?!s)", "lines", 14),
    (r"\b(?:in|using|with|use) (?:exactly |only |just )?(?:a|one|a single|just one) word\b(?! \w+ed\b)"
     r"|\bone-word (?:answer|response|reply)", "words", 1),
    (r"\b(?:in|into|as|using|with) (?:just |only |exactly )?(?:a|one|a single|just one)"
     r"(?: (?:short|concise|brief|long|simple|complete|clear|coherent))* sentence\b"
     r"|\bone-sentence\b", "sentences", 1),
    (r"\b(?:in|into|as) (?:just |only |exactly )?(?:a|one|a single|just one)"
     r"(?: (?:short|concise|brief|long|simple|coherent))* paragraph\b", "paragraphs", 1),
)  # fmt: skip
_ITEMS = re.compile(
    r"\b(?:list|give|name|suggest|provide|generate|come up with|brainstorm|identify|find|propose"
    r"|recommend|state|think of|mention|tell me|write(?: down)?|create|pick|choose|offer)"
    rf"(?: me| us| out)? (?:(?P<most>up to|at most)|(?P<least>at least)|exactly|the top|top)?\s*"
    rf"(?P<n>{_N})(?: or (?P<more>more))? (?!(?:{'|'.join(_UNITS.values())})\b)(?P<what>(?:[\w'’-]+ )"
    r"{0,4}?[\w'’-]{2,}s|people|children|(?:[\w'’-]+ ){0,2}(?:people|men|women|criteria|phenomena))\b"
)
_NO_ITEMS = re.compile(
    r"^(?:\w+ )*(?:minutes?|hours?|days?|weeks?|months?|years?|dollars|euros|pounds|times|stars"
    r"|points|percent|responses|class|analysis|miles|degrees|integers|arguments|values|numbers|lists)\b"
)
_QUOTE = r"[\"“”'‘’`«»]"
_SAID = rf"{_QUOTE}(?P<said>[^\"“”`«»\n]{{1,200}}?){_QUOTE}(?!\w)"
_START = re.compile(
    rf"\b(?:start|begin|open)s?\b[^.\n\"“]{{0,60}}\b(?:with|by (?:saying|writing)|as follows:?)"
    rf"\s+(?:the (?:exact )?(?:words?|phrase|sentence|text|line)s?:?\s+)?{_SAID}"
)
_END = re.compile(
    rf"\b(?:end|finish|close|conclude)s?\b[^.\n\"“]{{0,60}}\b(?:with|by (?:saying|writing))"
    rf"\s+(?:the|this)?\s*(?:exact )?(?:words?|phrase|sentence|text|line)?s?:?\s*{_SAID}"
)
_USE = re.compile(
    r"\b(?P<no>(?:do not|don't|never|must not|should not|shouldn't|avoid|without|cannot|can't"
    r"|not allowed to)(?: ever| to)? )?(?P<verb>includ(?:e|ing)|us(?:e|ing)|contain(?:ing|s)?"
    r"|mention(?:ing)?|say(?:ing)?|writ(?:e|ing))"
    r" (?:all of |any of |either of )?(?:the )?(?:following )?"
    r"(?P<kind>keywords?|words?|phrases?|terms?|letters?|hashtags?|exact words?):?\s+"
    rf"(?P<list>{_QUOTE}[^\n.;]{{1,200}}?{_QUOTE}(?!\w)(?:(?:,| and| or|, and|, or)\s+{_QUOTE}"
    rf"[^\"“”`«»\n]{{1,80}}?{_QUOTE}(?!\w))*)(?:\s+(?P<rel>at least|exactly|at most|no more than)"
    rf"\s+(?P<n>{_N}|once|twice)(?: times?)?)?"
)
_APPEARS = re.compile(
    rf"\b(?:the )?(?P<kind>word|letter|phrase|keyword) (?:{_QUOTE}(?P<said>[^\"“”`«»\n]{{1,60}}?){_QUOTE}"
    r"|(?P<bare>[\w'-]{1,40})) (?:should|must) (?:appear|be used|occur|show up)"
    rf" (?P<rel>at least|less than|fewer than|at most|exactly|more than)? ?(?P<n>{_N}|once|twice)(?: times?)?"
)
_LISTED = re.compile(
    r"\b(?P<no>do not |don't |never |must not )?(?:include|use|mention) (?:the )?(?:following )?(?:key)?words?:?"
    r" \[(?P<list>[^\]\n]{1,300})\]"
)
_OPTIONS = re.compile(
    r"\b(?:answer|respond|reply) with (?:exactly )?one of (?:the following|these)(?: options| phrases)?:?"
    r"\s*(?P<list>[(\[]?[\"'][^\n]{1,300})"
)
_ONE_SAID = re.compile(rf"{_QUOTE}([^\"“”`«»\n]{{1,80}}?){_QUOTE}(?!\w)")
_CODE = re.compile(r"\b(?:function|script|program|python|javascript|java|sql|regex|api|code)\b")

_SIMPLE: tuple[tuple[str, str, Check], ...] = (
    ("json", r"\b(?:in|as|into|valid|return(?: the \w+)?|output|format\w*(?: it)?(?: as)?)"
     r"(?: a| an)?(?: single| valid)? json\b(?! (?:schema|file|parser))|\bjson (?:format|object|string"
     r"|array|list|only)\b", shape.is_json),
    ("csv", r"\b(?:in|as|into)(?: a| an)? csv\b|\bcsv (?:format|string)\b", shape.is_csv),
    ("table", r"\b(?:in|as|into|using|create|make|draw|with|present\w*)(?: a| an| the)?"
     r"(?: markdown| comparison| html)? table\b(?! of contents)(?! \d)", shape.has_table),
    ("numbered list", r"\b(?:a|as|in|using) numbered list\b|\bnumbered (?:points|steps)\b",
     shape.has_numbered_list),
    ("bulleted list", r"\b(?:a|as|in|into|using|with|use)(?: a)?(?: \w+)? bullet(?:ed)?(?: |-)"
     r"(?:list|points?|form)\b|\b(?:in|use|using) bullets\b", shape.has_bullets),
    ("uppercase", r"\b(?:in|use|using|with)(?: only| entirely)? (?:all )?(?:(?:capital|uppercase"
     r"|upper-case|block) letters?|caps\b|uppercase|upper case)|\ball[- ]caps\b"
     r"|\bwrite (?:it |everything )?in capitals\b", str.isupper),
    ("lowercase", r"\b(?:in|use|using)(?: only| entirely)? (?:all )?(?:lowercase|lower-case"
     r"|lower case|small)(?: letters?)?\b|\bno capital letters\b", str.islower),
    ("title", r"\btitle\b[^.\n]{0,40}\bdouble angular brackets\b|\btitle[^.\n]{0,30}<<",
     shape.has_marked_title),
    ("title", r"\b(?:include|add|give (?:it|your \w+)|with|have)(?: a| an)(?: \w+){0,2} title\b",
     shape.has_title),
    ("postscript", r"\bpostscript\b|\bp\.?\s?s\.? (?:at the end|section)|\bend with a p\.s\.",
     shape.has_postscript),
    ("quotation", r"\bwrap (?:your|the)(?: entire| whole)? (?:response|answer|reply|output)\b[^.\n]{0,20}"
     r"\bquotation marks\b", shape.is_quoted),
    ("no commas", r"\b(?:no|without|avoid|refrain from|not use|don't use)\b[^.\n]{0,30}\bcommas?\b",
     lambda text: not re.search("[,،，、]", text)),
    ("yes or no", r"\b(?:only|just|simply)\b[^.\n]{0,30}\byes or no\b|\byes or no only\b"
     r"|\b(?:answer|respond|reply)(?: with)?(?: only| just| a simple)? yes or no\b(?: only)?\.?$",
     shape.is_choice("yes", "no")),
    ("yes or no", r"\b(?:answer|respond|reply|say)(?: \w+){0,3} yes or no\b|^yes or no\b",
     shape.opens_with("yes", "no")),
    ("true or false", r"\b(?:answer|respond|reply|output|only|say|write)\b[^.\n]{0,30}\btrue or false\b",
     shape.opens_with("true", "false")),
    ("number only", r"\b(?:only|just)\b[^.\n]{0,30}\b(?:the|a) number\b", shape.is_number),
    ("question", r"\b(?:as|into|in the form of)(?: a| an)(?: \w+)? question\b",
     lambda text: text.rstrip(" \n\"'”)*").endswith(("?", "？", "؟"))),
    ("tweet", r"\b(?:write|create|compose|draft|generate)\b[^.\n]{0,20}\btweet\b(?!s)",
     lambda text: len(text) <= 280),
    ("divider", r"\bseparated (?:by|with)[^.\n]{0,40}?(?:\*\*\*|asterisk|markdown divider)",
     lambda text: "***" in text),
    ("alphabetical order", r"\b(?:in|into) alphabetical order\b|\balphabeti[sz]e\b|\balphabetically\b",
     shape.is_sorted),
)  # fmt: skip
_PATTERNS = tuple((kind, re.compile(pattern, re.M), check) for kind, pattern, check in _SIMPLE)
_MATERIAL = re.compile(
    r"^[^\n]*\b(?:following|below|given|this|here is|here's|text|passage|article|paragraph|input"
    r"|context)\b[^\n]*[:.]\s*\n+(?=\S)|^(?:input|text|passage|context|article)\s*:",
    re.M,
)
_INSTRUCTS = re.compile(
    r"^(?:please |now |then |finally |also |and )?(?:output|answer|respond|reply|write|return|use"
    r"|do not|don't|limit|keep|your (?:answer|response|reply)|the (?:answer|response|output)|format"
    r"|provide|give|list|summari[sz]e|translate|include|make sure|only|start|begin|end)\b"
)
_QUOTED = re.compile(r"```.*?(?:```|\Z)|^\s*>.*$|“[^”]{120,}”|\"[^\"]{120,}\"", re.S | re.M)


def find_instructions(prompt: str) -> list[Instruction]:
    """Return the checkable instructions of a prompt, each kind and wording once."""
    own = _own_words(prompt[:_LONGEST])
    found: dict[tuple[str, str], Instruction] = {}
    for one in (*_simple(own), *_amounts(own), *_items(own), *_wordings(own), *_languages(own)):
        found.setdefault((one.kind, one.asked), one)
    return list(found.values())


def _own_words(prompt: str) -> str:
    """Return what the user asks, without the material that it is asked of."""
    text = _QUOTED.sub(" ", prompt.replace("’", "'"))
    material = _MATERIAL.search(text)
    if material is None:
        return text
    head, rest = text[: material.end()], text[material.end() :]
    # what follows the material may be instructions again: short paragraphs that begin like one
    tail = [
        line
        for line in rest.splitlines()
        if len(line) <= 200 and _INSTRUCTS.match(line.strip().casefold())
    ]
    return "\n".join((head, *tail))


def _simple(own: str) -> Iterator[Instruction]:
    low, of_code = own.casefold(), bool(_CODE.search(own.casefold()))
    kinds = set()
    for kind, pattern, check in _PATTERNS:
        match = pattern.search(low)
        if match is None or kind in kinds or (of_code and kind in ("json", "csv", "table")):
            continue
        kinds.add(kind)
        yield Instruction(kind, match[0], check)


def _amounts(own: str) -> Iterator[Instruction]:
    low, several = own.casefold(), set()
    for match in _AMOUNT.finditer(low):
        unit = next(name for name in _UNITS if match[name])
        before, after = low[: match.start()], low[match.end() :]
        asked = match["rel"] or match["after"] or match["low"]
        if _GIVEN.search(before) or _PARTS.match(after) or _EACH.search(before):
            continue
        if not asked and not _ANSWERS.search(before) and not _describes(match[0], after):
            continue
        low_n, high_n = _bounds(match, unit)
        several.add(unit)
        yield Instruction(unit, match[0].strip(), _between(unit, low_n, high_n))
    for pattern, unit, n in _GENRES:
        if unit not in several and (found := re.search(pattern, low)):
            several.add(unit)
            yield Instruction(unit, found[0], _between(unit, n, n))


def _describes(amount: str, after: str) -> bool:
    """Tell whether an amount describes what is to be written: "a 5-sentence story"."""
    return "-" in amount and re.match(r"\s+[a-z]", after) is not None


def _bounds(match: re.Match[str], unit: str) -> tuple[float, float]:
    n, many = _number(match["n"]), float("inf")
    after = match["after"] or ""
    if match["low"]:
        return _number(match["low"]), n
    if match["least"] or "more" in after or "longer" in after or after.endswith(("minimum", "least")):
        return n, many
    if match["most"] or after:
        return 0, n
    if match["less"] or match["more"]:
        return (0, n - 1) if match["less"] else (n + 1, many)
    # nobody counts the words of an essay to the last one
    slack = 0.25 if match["about"] else 0.1 if unit in ("words", "characters") and n >= 20 else 0
    return n * (1 - slack), n * (1 + slack)


def _between(unit: str, low: float, high: float) -> Check:
    return lambda text: low <= shape.COUNTS[unit](text) <= high


def _items(own: str) -> Iterator[Instruction]:
    for match in _ITEMS.finditer(own.casefold()):
        if _NO_ITEMS.match(match["what"]):
            continue
        n, many = _number(match["n"]), float("inf")
        low = 0 if match["most"] else n
        high = many if match["least"] or match["more"] else n
        if n > 1:
            yield Instruction("items", match[0], lambda text, low=low, high=high: any(
                low <= count <= high for count in shape.item_counts(text)
            ))  # fmt: skip


def _wordings(own: str) -> Iterator[Instruction]:
    low = fold(own)
    for kind, pattern in (("start", _START), ("end", _END)):
        if match := pattern.search(low):
            yield Instruction(kind, match[0], shape.edge(kind, match["said"]))
    if match := _OPTIONS.search(low):
        options = tuple(fold(one) for one in re.findall(r"[\"']([^\"']{1,80})[\"']", match["list"]))
        yield Instruction("options", match[0], lambda text: any(one in fold(text) for one in options))
    for match in _LISTED.finditer(low):
        said = tuple(re.findall(r"[^\s,'\"][^,'\"]*", match["list"]))
        bounds = (0, 0) if match["no"] else (1, float("inf"))
        kind = "do not use" if match["no"] else "use"
        yield Instruction(kind, match[0], shape.uses(said, *bounds))
    for match in _APPEARS.finditer(low):
        n, rel = _times(match["n"]), match["rel"] or "at least"
        least = n + 1 if rel == "more than" else n if rel in ("at least", "exactly") else 0
        most = n if rel in ("exactly", "at most") else n - 1 if rel.endswith("er than") else float("inf")
        most = n - 1 if rel == "less than" else most
        letter = match["kind"] == "letter"
        said = (match["said"] or match["bare"],)
        yield Instruction("use", match[0], shape.uses(said, least, most, inside_words=letter))
    for match in _USE.finditer(low):
        said = _ONE_SAID.findall(match["list"])
        if match["kind"].startswith("letter") and not match["no"]:
            continue
        n = _times(match["n"] or "once")
        ceiling = match["rel"] in ("exactly", "at most", "no more than")
        least = n if match["rel"] not in ("at most", "no more than") else 0
        bounds = (0, 0) if match["no"] else (least, n if ceiling else float("inf"))
        parts = match["kind"].startswith(("letter", "hashtag"))
        yield Instruction(
            "do not use" if match["no"] else "use",
            match[0],
            shape.uses(tuple(said), *bounds, inside_words=parts),
        )


def _languages(own: str) -> Iterator[Instruction]:
    for match in shape.IN_LANGUAGE.finditer(own.casefold()):
        language = match["language"]
        yield Instruction("language", match[0], lambda text, wanted=language: shape.is_in(text, wanted))


def _times(word: str) -> int:
    return {"once": 1, "twice": 2}.get(word) or _number(word)


def _number(word: str) -> int:
    return _SMALL.get(word) or int(word.replace(",", ""))
