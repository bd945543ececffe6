"""The patterns by which a prompt's checkable instructions are told, on text in lower case."""

from __future__ import annotations

import re
from collections.abc import Callable

from trueup.evals._quoted import FENCED, LINE
from trueup.evals.instruction_following import _shape as shape

__all__ = [
    "AMOUNT",
    "ANSWERS",
    "APPEARS",
    "CODE",
    "EACH",
    "END",
    "GENRES",
    "GIVEN",
    "INSTRUCTS",
    "ITEMS",
    "LISTED",
    "MATERIAL",
    "NO_ITEMS",
    "ONE_SAID",
    "OPTIONS",
    "PARTS",
    "PATTERNS",
    "QUOTED",
    "SMALL",
    "START",
    "TOLD",
    "UNITS",
    "USE",
]

SMALL = dict(
    zip(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "fifteen",
            "twenty",
        ],
        (*range(1, 13), 15, 20),
        strict=True,
    )
)
_N = rf"(?:\d{{1,2}},\d{{3}}|\d{{1,5}}|{'|'.join(SMALL)})"
_LEAST = r"at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of|minimum(?: of)?"
_MOST = (
    r"at most|no more than|not more than|not exceed(?:ing)?|up to|a maximum of|maximum(?: of)?|max"
    r"|within|limited to"
)
_LESS, _MORE = r"less than|fewer than|under|below", r"more than|over|longer than"
_ABOUT = r"about|around|approximately|roughly|some|circa|~"
UNITS = {
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
_UNIT = "|".join(f"(?P<{name}>{form})" for name, form in UNITS.items())
AMOUNT = re.compile(
    rf"(?<![\w-])(?:(?P<rel>(?P<least>{_LEAST})|(?P<most>{_MOST})|(?P<less>{_LESS})"
    rf"|(?P<more>{_MORE})"
    rf"|(?P<about>{_ABOUT})|exactly|only|just)\s+)?(?:between\s+)?(?:(?P<low>{_N})\s*(?:-|–|to|and"
    rf"|or)"
    rf"\s*)?(?P<n>{_N})[\s-]+(?:(?:short|long|brief|concise|full|complete|simple|different|single"
    rf"|separate|clear|or more|or less|or fewer)[\s-]+)*(?:{_UNIT})\b"
    r"(?P<after>\s+(?:or (?:less|fewer|under|more|longer)|max(?:imum)?\b|minimum|at (?:most"
    r"|least)))?"
)
# An amount of the answer is asked for; these speak of something that is given, or of its parts.
GIVEN = re.compile(
    r"\b(?:these|those|following|given|first|last|next|above|previous|below|every|each|your|are"
    r"|has|(?<!must )(?<!should )(?<!to )have|combin(?:e|ing)|merg(?:e|ing)|join(?:ing)?|from"
    r"|the)\s+$"
)
ANSWERS = re.compile(
    r"\b(?:answer|response|reply|essay|story|poem|summary|article|paragraph|letter|email|post|text"
    r"|output|review|description|it|that|list|into|in|of|to|and|with|is|be|containing|contains?"
    r"|write|using|use|keep|limit|must have|should have|to have|must be|there should be|highlight"
    r"|provide|generate|create|give|compose|include|has|have"
    r"|summari[sz]e\w*|a|an|,|\()\s*(?:your answer |it |this )?$"
)
PARTS = re.compile(
    r"^\s*(?:changed|added|missing|removed|each|long each|per|of the|in (?:the|this|each)"
    r"|apart|above|below|from)\b"
)
EACH = re.compile(
    r"\b(?:each|every|per) (?:\w+ ){0,2}(?:should |must |has to |to )?(?:have|be|contain"
    r"|using|with|in)?\s*$"
)
GENRES = (
    (r"\b(?:write|compose|create|make|give)\b[^.\n]{0,40}\bhaiku\b(?!s)", "lines", 3),
    (r"\b(?:write|compose|create|make|give)\b[^.\n]{0,40}\blimerick\b(?!s)", "lines", 5),
    (r"\b(?:write|compose|create|make|give)\b[^.\n]{0,40}\bsonnet\b(?!s)", "lines", 14),
    (r"\b(?:in|using|with|use) (?:exactly |only |just )?(?:a|one|a single|just one) word\b(?! "
     r"\w+ed\b)"
     r"|\bone-word (?:answer|response|reply)", "words", 1),
    (r"\b(?:in|into|as|using|with) (?:just |only |exactly )?(?:a|one|a single|just one)"
     r"(?: (?:short|concise|brief|long|simple|complete|clear|coherent))* sentence\b"
     r"|\bone-sentence\b", "sentences", 1),
    (r"\b(?:in|into|as) (?:just |only |exactly )?(?:a|one|a single|just one)"
     r"(?: (?:short|concise|brief|long|simple|coherent))* paragraph\b", "paragraphs", 1),
)  # fmt: skip
ITEMS = re.compile(
    r"\b(?:(?:list|give|name|suggest|provide|generate|come up with|brainstorm|identify|find"
    r"|propose"
    r"|recommend|state|think of|mention|tell me|write(?: down)?|create|make|compile|pick|choose"
    r"|offer)(?: me| us| out)?(?: an?(?: \w+)? list of| the names of)?|what are(?: the| some)?)"
    r" (?:(?P<most>up to|at most)|(?P<least>at least)|exactly|the top|top)?\s*"
    rf"(?P<n>{_N})(?: or (?P<more>more))? (?!(?:{'|'.join(UNITS.values())})\b)"
    r"(?P<what>(?:[\w'’-]+ ){0,4}?[\w'’-]{2,}s|people|children"
    r"|(?:[\w'’-]+ ){0,2}(?:people|men|women|criteria|phenomena))\b"
)
NO_ITEMS = re.compile(
    r"^(?:\w+ )*(?:minutes?|hours?|days?|weeks?|months?|years?|dollars|euros|pounds|times|stars"
    r"|points|percent|responses|class|analysis|miles|degrees|integers|arguments|values|numbers"
    r"|lists)\b"
)
_QUOTE = r"[\"“”'‘’`«»]"
_SAID = rf"{_QUOTE}(?P<said>[^\"“”`«»\n]{{1,200}}?){_QUOTE}(?!\w)"
START = re.compile(
    rf"\b(?:start|begin|open)s?\b[^.\n\"“]{{0,60}}\b(?:with|by (?:saying|writing)|as follows:?)"
    rf"\s+(?:the (?:exact )?(?:words?|phrase|sentence|text|line)s?:?\s+)?{_SAID}"
)
END = re.compile(
    rf"\b(?:end|finish|close|conclude)s?\b[^.\n\"“]{{0,60}}\b(?:with|by (?:saying|writing))"
    rf"\s+(?:the|this)?\s*(?:exact )?(?:words?|phrase|sentence|text|line)?s?:?\s*{_SAID}"
)
USE = re.compile(
    r"\b(?P<no>(?:do not|don't|never|must not|should not|shouldn't|avoid|without|cannot|can't"
    r"|not allowed to)(?: ever| to)? )?(?P<verb>includ(?:e|ing)|us(?:e|ing)|contain(?:ing|s)?"
    r"|mention(?:ing)?|say(?:ing)?|writ(?:e|ing))"
    r" (?:all of |any of |either of )?(?:the )?(?:following )?"
    r"(?P<kind>keywords?|words?|phrases?|terms?|letters?|hashtags?|exact words?):?\s+"
    rf"(?P<list>{_QUOTE}[^\n.;]{{1,200}}?{_QUOTE}(?!\w)(?:(?:,| and| or|, and|, or)\s+{_QUOTE}"
    rf"[^\"“”`«»\n]{{1,80}}?{_QUOTE}(?!\w))*)(?:\s+(?P<rel>at least|exactly|at most|no more than)"
    rf"\s+(?P<n>{_N}|once|twice)(?: times?)?)?"
)
APPEARS = re.compile(
    rf"\b(?:the )?(?P<kind>word|letter|phrase|keyword) "
    rf"(?:{_QUOTE}(?P<said>[^\"“”`«»\n]{{1,60}}?){_QUOTE}"
    r"|(?P<bare>[\w'-]{1,40})) (?:should|must) (?:appear|be used|occur|show up)"
    rf" (?P<rel>at least|less than|fewer than|at most|exactly|more than)? ?(?P<n>{_N}|once"
    rf"|twice)(?: times?)?"
)
LISTED = re.compile(
    r"\b(?P<no>do not |don't |never |must not )?(?:include|use|mention) (?:the )?(?:following "
    r")?(?:key)?words?:?"
    r" \[(?P<list>[^\]\n]{1,300})\]"
)
OPTIONS = re.compile(
    r"\b(?:answer|respond|reply) with (?:exactly )?one of (?:the following|these)(?: options| "
    r"phrases)?:?"
    r"\s*(?P<list>[(\[]?[\"'][^\n]{1,300})"
)
ONE_SAID = re.compile(rf"{_QUOTE}([^\"“”`«»\n]{{1,80}}?){_QUOTE}(?!\w)")
CODE = re.compile(r"\b(?:function|script|program|python|javascript|java|sql|regex|api|code)\b")

_SIMPLE: tuple[tuple[str, str, Callable[[str], bool]], ...] = (
    ("json", r"\b(?:in|as|into|valid|return(?: the \w+)?|output|format\w*(?: it)?(?: as)?)"
     r"(?: a| an)?(?: single| valid)? json\b(?! (?:schema|file|parser))|\bjson (?:format|object"
     r"|string"
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
    ("quotation", r"\bwrap (?:your|the)(?: entire| whole)? (?:response|answer|reply|output)\b"
     r"[^.\n]{0,20}"
     r"\bquotation marks\b", shape.is_quoted),
    ("no commas", r"\b(?:no|without|avoid|refrain from|not use|don't use)\b[^.\n]{0,30}\bcommas?\b",
     lambda text: not re.search("[,،，、]", text)),
    ("yes or no", r"\b(?:only|just|simply)\b[^.\n]{0,30}\byes or no\b|\byes or no only\b"
     r"|\b(?:answer|respond|reply)(?: with)?(?: only| just| a simple)? yes or no\b(?: only)?\.?$",
     shape.is_choice("yes", "no")),
    ("yes or no", r"\b(?:answer|respond|reply|say)(?: \w+){0,3} yes or no\b|^yes or no\b",
     shape.opens_with("yes", "no")),
    ("true or false", r"\b(?:answer|respond|reply|output|only|say|write)\b[^.\n]{0,30}"
     r"\btrue or false\b",
     shape.opens_with("true", "false")),
    ("number only", r"\b(?:only|just)\b[^.\n]{0,30}\b(?:the|a) number\b", shape.is_number),
    ("question", r"\b(?:as|into|in the form of)(?: a| an)(?: \w+)? question\b",
     lambda text: text.rstrip(" \n\"'”)*").endswith(("?", "？", "؟"))),
    ("tweet", r"\b(?:write|create|compose|draft|generate)\b[^.\n]{0,20}\btweet\b(?!s)",
     lambda text: len(text) <= 280),
    ("divider", r"\bseparated (?:by|with)[^.\n]{0,40}?(?:\*\*\*|asterisk|markdown divider)",
     lambda text: "***" in text),
    ("alphabetical order", r"\b(?:in|into) alphabetical order\b|\balphabeti[sz]e\b"
     r"|\balphabetically\b",
     shape.is_sorted),
)  # fmt: skip
PATTERNS = tuple((kind, re.compile(pattern, re.M), check) for kind, pattern, check in _SIMPLE)
MATERIAL = re.compile(
    r"^[^\n]*\b(?:following|below|given|this|here is|here's|text|passage|article|paragraph|input"
    r"|context)\b[^\n]*[:.]\s*\n+(?=\S)|^(?:input|text|passage|context|article)\s*:",
    re.M,
)
INSTRUCTS = re.compile(
    r"^(?:please |now |then |finally |also |and )?(?:output|answer|respond|reply|write|return|use"
    r"|do not|don't|limit|keep|your (?:answer|response|reply)|the (?:answer|response|output)"
    r"|format"
    r"|provide|give|list|summari[sz]e|translate|include|make sure|only|start|begin|end)\b"
)
QUOTED = re.compile(f"{FENCED}|{LINE}" + r"|“[^”]{120,}”|\"[^\"]{120,}\"", re.S | re.M)
_SPEAKS = (
    r"\b(?:said|says|told|tells|wrote|writes|asked|asks|wants|insist(?:s|ed)|demand(?:s|ed)"
    r"|requires|required|according to)\b"
)
TOLD = re.compile(
    # word for word: My boss said "use no commas"
    rf"{_SPEAKS}[^.?!\n\"“'‘]{{0,40}}[\"“'‘][^\"”\n]{{3,200}}?[\"”'’](?!\w)"
    # what does "use no commas" mean?
    r"|\bwhat (?:does|do|did|would)\b[^.?!\n]{1,200}\bmean\b"
    # told, and then asked about: The guide says to use no commas. Is that right?
    rf"|{_SPEAKS}[^.?!\n]{{0,300}}[.!]\s+(?=(?:is|was|are|were|am|do|does|did"
    rf"|should|why"
    r"|what|how)\b[^.?!\n]{0,100}\b(?:that|this|it|he|she|they|so)\b[^.?!\n]{0,100}\?)"
    # whether somebody is to: Should I use no commas? Why do people use no commas?
    r"|(?:^|(?<=[.?!]\s))(?:(?:why )?(?:should|must|may|do|does|did) (?!you\b)\w+"
    r"|is it (?:\w+ ){1,3}to)"
    r"\b[^.?!\n]{1,300}\?",
    re.I | re.M,
)
"""Instructions that somebody else gave, or that are asked about."""
