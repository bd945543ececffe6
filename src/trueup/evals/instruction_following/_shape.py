"""What can be told of a text's form: how much there is of what, and whether it is of one kind."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable

from trueup.text import fold, listed, sentences, word_count

__all__ = [
    "COUNTS",
    "IN_LANGUAGE",
    "edge",
    "has_bullets",
    "has_marked_title",
    "has_numbered_list",
    "has_postscript",
    "has_table",
    "has_title",
    "is_choice",
    "is_csv",
    "is_in",
    "is_json",
    "is_number",
    "is_quoted",
    "is_sorted",
    "item_counts",
    "opens_with",
    "uses",
]

_FENCED = re.compile(r"\s*```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_BULLET = re.compile(r"^[ \t]*(?:[-*+•‣◦–—▪]|\\item)[ \t]+\S", re.MULTILINE)
_NUMBERED = re.compile(r"^[ \t]*(?:\*\*)?(?:\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])\s*\S", re.MULTILINE)
_MARKER = re.compile(r"^[ \t]*(?:[-*+•‣◦–—▪]|\(?\d{1,3}[.):]|\(?[a-zA-Z][.)])[ \t]+")
_HEADING = re.compile(
    r"^[ \t]*(?:#{1,6} \S|\*\*[^*\n]+\*\*:?\s*$|section \w+|part \w+|[ivx]+\. )", re.M | re.I
)
_ABBREVIATED = re.compile(
    r"\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|no(?=\. \d)|u\.s|a\.m|p\.m)\.", re.I
)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _sentences(text: str) -> int:
    whole = _ABBREVIATED.sub(lambda found: found[0].replace(".", ""), text)
    parts = [part for line in _lines(whole) for part in sentences(line.replace(";", ","))]
    return sum(any(c.isalnum() for c in part) for part in parts)


def _paragraphs(text: str) -> int:
    parts = [part for part in re.split(r"\n[ \t]*\n", text) if part.strip(" \t\n*-_#")]
    return len(parts)


def _sections(text: str) -> int:
    return len(_HEADING.findall(text)) or _paragraphs(text)


COUNTS: dict[str, Callable[[str], int]] = {
    "words": word_count,
    "sentences": _sentences,
    "paragraphs": _paragraphs,
    "bullets": lambda text: len(_BULLET.findall(text)) or len(_NUMBERED.findall(text)),
    "lines": lambda text: len(_lines(text)),
    "stanzas": _paragraphs,
    "characters": lambda text: len(text.strip()),
    "sections": _sections,
    "placeholders": lambda text: len(re.findall(r"\[[^\[\]\n]{1,60}\]", text)),
    "highlights": lambda text: len(re.findall(r"\*[^\s*][^*\n]*\*", text)),
    "hashtags": lambda text: len(re.findall(r"(?<!\w)#\w", text)),
}
"""How many there are of each unit."""


def item_counts(text: str) -> set[int]:
    """Return how many items a text may be said to list: marked lines, else lines or commas."""
    marked = {len(_NUMBERED.findall(text)), len(_BULLET.findall(text))} - {0, 1}
    if marked:
        return marked
    lines = _lines(text)
    found = {len(lines), _paragraphs(text), _sentences(text)}
    # "a, b, and c" in one line, or after an opening such as "Three are:"
    longest = max(lines, key=lambda line: line.count(","), default="")
    parts = re.split(
        r",\s*(?:and|or|&)\s+|,\s*|\s+(?:and|&)\s+", longest.partition(":")[2] or longest
    )
    found.add(sum(bool(part.strip(" .")) for part in parts))
    if len(lines) > 2 and lines[0].rstrip().endswith(":"):
        found.add(len(lines) - 1)
    return found


def is_json(text: str) -> bool:
    fenced = _FENCED.fullmatch(text)
    try:
        return isinstance(json.loads(fenced[1] if fenced else text), dict | list)
    except (ValueError, RecursionError):
        return False


def is_csv(text: str) -> bool:
    fenced = _FENCED.fullmatch(text)
    lines = _lines(fenced[1] if fenced else text)
    try:
        widths = {len(row) for row in csv.reader(lines)}
    except csv.Error:
        return False
    return len(widths) == 1 and widths != {1}


def has_table(text: str) -> bool:
    rows = sum("|" in line or "\t" in line.strip() for line in _lines(text))
    return rows >= 2 or "<table" in text.casefold()


def has_numbered_list(text: str) -> bool:
    return len(_NUMBERED.findall(text)) >= 2


def has_bullets(text: str) -> bool:
    return len(_BULLET.findall(text)) >= 2 or len(_NUMBERED.findall(text)) >= 2


def has_marked_title(text: str) -> bool:
    return re.search(r"<<[^\n>]+>>", text) is not None


def has_title(text: str) -> bool:
    """Tell whether the first line is a title: short, no sentence, and more comes after it."""
    lines = _lines(text)
    if has_marked_title(text) or re.match(r"\s*(?:\*\*)?title\b", text, re.I):
        return True
    first = lines[0].strip() if lines else ""
    return len(lines) > 1 and word_count(first) <= 15 and not first.endswith((".", ",", ";"))


def has_postscript(text: str) -> bool:
    return re.search(r"^\W*p\.\s?(?:p\.\s?)?s\b", text, re.I | re.M) is not None


def is_quoted(text: str) -> bool:
    bare = text.strip()
    return len(bare) > 1 and bare[0] in '"“«' and bare[-1] in '"”»'


def is_number(text: str) -> bool:
    return re.fullmatch(r"\W*-?\d[\d,.\s]*\W*", text.strip()) is not None


def is_sorted(text: str) -> bool:
    lines = [_MARKER.sub("", line) for line in _lines(text)]
    parts = [fold(part) for part in (lines if len(lines) > 2 else re.split(r",\s*", text))]
    return len(parts) > 1 and parts == sorted(parts)


def is_choice(*choices: str) -> Callable[[str], bool]:
    return lambda text: fold(text).strip(" .!\"'*") in choices


def opens_with(*choices: str) -> Callable[[str], bool]:
    opening = re.compile(rf"\W*(?:{'|'.join(choices)})\b")
    return lambda text: opening.match(fold(text)) is not None


def edge(which: str, said: str) -> Callable[[str], bool]:
    """Return the check that a text starts or ends with some words, in any case."""
    wanted = _bare(fold(said))
    if which == "start":
        return lambda text: _bare(fold(text[: 4 * len(said) + 40])).startswith(wanted)
    return lambda text: _bare(fold(text[-4 * len(said) - 40 :])).endswith(wanted)


def _bare(text: str) -> str:
    return text.strip(" \"'“”‘’*_.!?,:;")


def uses(
    said: tuple[str, ...], least: float, most: float, *, inside_words: bool = False
) -> Callable[[str], bool]:
    """Return the check that a text has each of some words so many times."""
    edge_ = "" if inside_words else r"(?<!\w)"
    last = "" if inside_words else r"(?!\w)"
    patterns = [re.compile(edge_ + re.escape(_bare(fold(one))) + last) for one in said]

    def check(text: str) -> bool:
        folded = fold(text)
        return all(least <= sum(1 for _ in p.finditer(folded)) <= most for p in patterns)

    return check


# The most frequent words of languages in the Latin script; of the others the script decides.
_FREQUENT = {
    "english": "the and of to in is that it for was with are this you not be on as have",
    "french": "le la les et des est un une dans que qui pour pas sur avec vous je il elle du au ce",
    "spanish": "el la los las y de que en un una es por con para no se su lo como más del al está",
    "german": "der die das und ist nicht ein eine zu den von mit sich auf für im es dem auch wie",
    "italian": "il la di che e un una per non con sono del della è gli le si anche come più nel",
    "portuguese": "o a os as e de que um uma em para não com por se do da no na é mais como dos",
    "dutch": "de het een en van is dat niet op te zijn voor met die er aan ook als maar om",
    "swedish": "och att det som en är på för av med den till inte har jag om ett men så",
    "polish": "nie się i w na jest że do to z jak po co ale dla jego przez od są tak",
    "turkish": "bir ve bu için ile da de çok ne gibi olan olarak daha var değil ama en kadar",
    "latin": "et in est non ad ut cum sed qui quod si ex ab sunt esse aut nec per",
    "indonesian": "yang dan di ini itu untuk dengan tidak dari dalam akan pada ke adalah juga",
    "vietnamese": "và của là có không được cho một trong với các những người này đã để",
}
_SCRIPTS = {
    "chinese": ("CJK",), "mandarin": ("CJK",), "japanese": ("HIRAGANA", "KATAKANA", "CJK"),
    "korean": ("HANGUL",), "russian": ("CYRILLIC",), "ukrainian": ("CYRILLIC",),
    "bulgarian": ("CYRILLIC",), "arabic": ("ARABIC",), "persian": ("ARABIC",), "farsi": ("ARABIC",),
    "urdu": ("ARABIC",), "hebrew": ("HEBREW",), "hindi": ("DEVANAGARI",),
    "marathi": ("DEVANAGARI",), "nepali": ("DEVANAGARI",), "bengali": ("BENGALI",),
    "tamil": ("TAMIL",), "telugu": ("TELUGU",), "gujarati": ("GUJARATI",), "punjabi": ("GURMUKHI",),
    "kannada": ("KANNADA",), "malayalam": ("MALAYALAM",), "thai": ("THAI",), "greek": ("GREEK",),
    "georgian": ("GEORGIAN",), "armenian": ("ARMENIAN",), "khmer": ("KHMER",),
}  # fmt: skip
_LANGUAGE = "|".join((*_FREQUENT, *_SCRIPTS))
IN_LANGUAGE = re.compile(
    r"\b(?:(?:respond|reply|answer|write|written|response|answers?|summary|output|speak|only)\b"
    rf"[^.\n]{{0,40}}?\bin|translat\w+\b[^.\n]{{0,80}}?\b(?:to|into))(?: the)?(?: simplified"
    rf"| traditional| modern| brazilian)? (?P<language>{_LANGUAGE})\b(?! (?:history|culture"
    r"|literature|society|style))"
)
"""A prompt that asks for a language."""
_LETTERS_READ = 5000


def is_in(text: str, language: str) -> bool:
    """Tell whether most of a text is in a language: by its script, and by its frequent words."""
    letters = [c for c in text[:_LETTERS_READ] if c.isalpha()]
    if not letters:
        return False
    scripts = Counter(unicodedata.name(c, "?").partition(" ")[0] for c in letters)
    wanted = _SCRIPTS.get(language, ("LATIN",))
    if sum(scripts[name] for name in wanted) < 0.6 * len(letters):
        return False
    if language in ("japanese", "chinese", "mandarin"):
        kana = scripts["HIRAGANA"] + scripts["KATAKANA"] > 0.05 * len(letters)
        return kana == (language == "japanese")
    if language not in _FREQUENT:
        return True
    words = fold(text[:_LETTERS_READ]).split()
    seen = {name: sum(w.strip(".,;:!?¿¡\"'()") in set(listed(common)) for w in words)
            for name, common in _FREQUENT.items()}  # fmt: skip
    return seen[language] == max(seen.values()) and (seen[language] > 0 or len(words) < 6)
