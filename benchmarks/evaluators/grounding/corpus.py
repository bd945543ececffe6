"""What the network is taught on: people's labels, and claims made up about texts of many kinds."""

from __future__ import annotations

import difflib
import gzip
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grounding import rules
from grounding.edits import STOP, WORD, Maker, Words, names
from grounding.wordnet import WordNet, by_part

from trueup.evals.grounding.claims import find_claims
from trueup.text import listed, sentences

Span = tuple[int, int]
DOMAINS = ("sales_call", "sales_email", "qmsumm", "scitldr")
FIRST = listed(
    "Amanda Jerry Olivia Tom Hannah Eric Lenny Megan Joseph Sarah Mike Anna Peter Julia Kate "
    "David Emma Rob Linda Mark Sophie Carl Nina Paul Laura James Ella Victor Maria Frank"
)
THIRD = {
    "i": "they", "my": "their", "me": "them", "mine": "theirs", "am": "are", "i'm": "they are",
    "i've": "they have", "i'll": "they will", "we": "they", "our": "their", "us": "them",
    "we're": "they are", "myself": "themselves", "we'll": "they will", "we've": "they have",
}  # fmt: skip
OPENINGS = (
    "According to the text, ",
    "The text says that ",
    "The document states that ",
    "The article discusses that ",
    "It's true that ",
    "Yes, ",
    "I think ",
)


@dataclass
class Example:
    """An answer's claims beside a context.

    Attributes:
        context: the text.
        claims: texts, in order.
        stands: of each claim 1 if it is borne out, 0 if not, -1 if that is not known.
        faults: of each claim the spans of what is wrong.
        kind: "made", "summedits" or "begin".
        group: domain, or the model that answered.
        borne_out: whether all claims are.
        id: of the labelled row.
        said: the labelled answer as a whole, with what claims nothing.
    """

    context: str
    claims: list[str]
    stands: list[int]
    faults: list[list[Span]]
    kind: str
    group: str
    borne_out: bool
    id: str = field(default="")
    said: str = field(default="")

    @property
    def answer(self) -> str:
        return " ".join(self.claims)


def rows_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        return [json.loads(line) for line in lines]


def examples(data: Path, wordnet: Path, near: Callable[[str, str], bool]) -> list[Example]:
    """Return all examples; the same ones each time.

    Args:
        data: the folder of labelled data.
        wordnet: the folder of WordNet's dictionary.
        near: whether two words are met in like texts.
    """
    rng = random.Random(5)
    texts = list(passages(data, rng))
    maker = _maker(WordNet(wordnet), [text for _, text in texts], rng, near)
    made = list(made_up(texts, maker, rng, each=5))
    return [*made, *summedits(data, maker, rng), *begin(data, maker, rng), *terms()]


def elsewhere(some: Sequence[Example]) -> list[Example]:
    """Return answers that people found right, beside a context that they are not about."""
    rng = random.Random(11)
    right = [one for one in some if one.kind != "made" and one.borne_out]
    found = []
    for group in sorted({one.group for one in right}):
        mine = [one for one in right if one.group == group]
        contexts = sorted({one.context for one in mine})
        for one in mine:
            context = rng.choice(contexts)
            if context != one.context:
                faults = [[span for _, span in _carrying(claim)] for claim in one.claims]
                nothing = [0] * len(one.claims)
                # stays with the context that it is not about when documents are held out
                found.append(Example(context, one.claims, nothing, faults, "made", group, False))
    return found


def _maker(
    net: WordNet, texts: Sequence[str], rng: random.Random, near: Callable[[str, str], bool]
) -> Maker:
    counts = Counter(
        word.lower()
        for text in texts
        for word in WORD.findall(text)
        if word[0].isalpha() and word.islower()
    )
    usual = Counter({w: c for w, c in counts.items() if c >= 6 and w not in STOP})
    return Maker(net, by_part(net, usual), sorted({n for t in texts for n in names(t)}), rng, near)


def passages(data: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield texts of many kinds, each with the name of its kind."""
    known = sorted({row["knowledge"] for row in rows_of(data / "begin/data.jsonl")})
    rng.shuffle(known)
    for text in known:
        several = [text, *rng.sample(known, rng.choice((0, 0, 0, 1, 2, 3)))]
        rng.shuffle(several)
        yield "begin", " ".join(several)
    folder = data / "xsum_factuality"
    news = sorted(
        {
            r["summary"]
            for name in ("spans", "factuality")
            for r in rows_of(folder / f"{name}.jsonl")
        }
    )
    rng.shuffle(news)
    for i in range(0, len(news) - 4, 4):
        yield "xsum", " ".join(s[:1].upper() + s[1:].rstrip(".") + "." for s in news[i : i + 4])
    sums = rows_of(data / "gsm8k/data.jsonl.gz")
    rng.shuffle(sums)
    for one, other in zip(sums[:1400:2], sums[1:1400:2], strict=True):
        alone = rng.random() < 0.5
        yield "gsm8k", one["question"] if alone else one["question"] + " " + other["question"]
    scenes = sorted({row["context"] for row in rows_of(data / "bbq/data.jsonl.gz")})
    rng.shuffle(scenes)
    for i in range(0, 900, 3):
        yield "bbq", " ".join(scenes[i : i + 3])
    for row in rows_of(data / "pandalm/data.jsonl"):
        for key in ("input", "response1"):
            text = str(row[key])
            if 25 < len(text.split()) < 220 and text.isascii():
                yield "pandalm", text
    for row in rows_of(data / "hhh_alignment/data.jsonl"):
        if 30 < len(str(row["chosen"]).split()) < 220:
            yield "hhh", str(row["chosen"])
    yield from _chats(data, rng)
    documents = {
        (row["doc"].strip(), row["domain"]) for row in rows_of(data / "summedits/data.jsonl.gz")
    }
    for text, domain in sorted(documents):
        for _ in range(6):
            yield domain, text


def _chats(data: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    rows = rows_of(data / "hh_rlhf_harmless/data.jsonl.gz")
    rng.shuffle(rows)
    for row in rows[:500]:
        one, other = rng.sample(FIRST, 2)
        text = row["chosen"].strip()
        if len(text.split()) <= 260:
            text = text.replace("Human:", one + ":").replace("Assistant:", other + ":")
            yield "chat", "\n".join(line for line in text.split("\n") if line.strip())


def made_up(
    texts: Sequence[tuple[str, str]], maker: Maker, rng: random.Random, *, each: int
) -> Iterator[Example]:
    """Yield made-up answers about each text, of one to three claims."""
    anywhere = [
        s for _, t in texts for s in sentences(t) if 5 <= len(s.split()) <= 30 and ":" not in s
    ]
    for group, text in texts:
        inside = sentences(text)
        fit = [i for i, s in enumerate(inside) if 4 <= len(s.split()) <= 45]
        if not fit:
            continue
        for _ in range(each if len(inside) > 1 else max(2, each - 2)):
            claims = []
            for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
                if rng.random() < 0.07:
                    claims.append((_foreign(rng.choice(anywhere)), 0))
                    continue
                claim = Words.read(_base(inside, rng.choice(fit), rng))
                if len(claim.words) < 3:
                    continue
                claims.append((claim, _changed(claim, text, inside, anywhere, maker, rng)))
            if claims:
                yield _made(text, claims, group)


def _foreign(sentence: str) -> Words:
    claim = Words.read(sentence)
    claim.fault = [w[0].isalnum() and w.lower() not in STOP for w in claim.words]
    return claim


def _changed(
    claim: Words,
    text: str,
    inside: Sequence[str],
    anywhere: Sequence[str],
    maker: Maker,
    rng: random.Random,
) -> int:
    """Reword a claim, and make it wrong or not; return whether it still stands."""
    wrong = rng.random() < 0.5
    share = rng.choice((0, 0.2, 0.4, 0.7, 1))
    if rng.random() < 0.6:
        maker.reword(claim, share)
    if wrong:
        near = rng.random() < 0.3
        others = [s for s in inside if len(s.split()) > 4] if near else rng.sample(anywhere, 5)
        wrong = maker.faulty(claim, text, others)
    if rng.random() < 0.3:
        maker.reword(claim, share)
    return int(not wrong)


def _made(context: str, claims: Sequence[tuple[Words, int]], group: str) -> Example:
    texts = [claim.text() for claim, _ in claims]
    stands = [stands for _, stands in claims]
    faults = [spans for _, spans in texts]
    return Example(
        context.strip(), [t for t, _ in texts], stands, faults, "made", group, min(stands) == 1
    )


def _base(inside: Sequence[str], at: int, rng: random.Random) -> str:
    """Say what a sentence says: reported, shortened, joined to the next, or as it is."""
    said = inside[at].strip()
    turn = re.match(r"^([A-Z][\w .]{0,30}):\s+(.*)$", said)
    if turn and len(turn[2].split()) > 3:
        return _reported(turn[1], turn[2].rstrip(".!?"), said, rng)
    if rng.random() < 0.5:
        said = _shortened(said, rng)
    if rng.random() < 0.12:
        beside = at + 1 if at + 1 < len(inside) else at - 1
        other = inside[beside]
        if beside >= 0 and beside != at and ":" not in other[:30] and len(other.split()) < 20:
            said = said.rstrip(".!?") + " and " + other[:1].lower() + other[1:]
    if rng.random() < 0.12 and said:
        said = rng.choice(OPENINGS) + said[:1].lower() + said[1:]
    return said


def _reported(who: str, words: str, line: str, rng: random.Random) -> str:
    if words.endswith("?") or rng.random() < 0.15:
        return line
    words = " ".join(THIRD.get(word.lower(), word) for word in words.split())
    if not words.startswith("I"):
        words = words[:1].lower() + words[1:]
    article = rng.choice(("", "The ")) if who not in FIRST else ""
    verb = rng.choice(
        ("says", "said", "says that", "mentions that", "explains that", "stated that")
    )
    return f"{article}{who} {verb} {words}."


def _shortened(said: str, rng: random.Random) -> str:
    said = re.sub(r"\s*\([^)]*\)", "", said)
    said = re.sub(
        r"^(?:However|Also|Then|So|Well|In addition|Moreover|[Ii]n \d{4}|For example|Today|"
        r"After that|First|Finally),\s+",
        "",
        said,
    )
    if rng.random() < 0.6:
        tail = r",\s+(?:which|who|where|while|but|and|or|so|because|with|including)\b"
        head = re.split(tail, said)[0]
        if len(head.split()) >= 6:
            said = head.rstrip(".") + "."
    if rng.random() < 0.4:
        said = re.sub(r",\s+(?:which|who|also|a|an|the)\b[^,]{5,60},\s+", " ", said)
    return said[:1].upper() + said[1:]


def summedits(data: Path, maker: Maker, rng: random.Random) -> Iterator[Example]:
    """Yield SummEdits, and its consistent summaries made wrong."""
    families: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(data / "summedits/data.jsonl.gz"):
        row["summary"] = re.sub(r"^\s*\d+[).]\s*", "", row["summary"].strip())
        families[row["id"].rsplit("_", 1)[0]].append(row)
    for rows in families.values():
        right = [row["summary"] for row in rows if row["label"] == 1]
        for row in rows:
            yield _summary(row, right)
        document = rows[0]["doc"]
        inside = [s for s in sentences(document) if len(s.split()) > 4]
        for summary in right:
            for _ in range(2):
                claims = []
                for sentence in sentences(summary):
                    claim = Words.read(sentence)
                    if rng.random() < 0.3:
                        maker.reword(claim, 0.4)
                    wrong = rng.random() < 0.6 and maker.faulty(claim, document, inside)
                    claims.append((claim, int(not wrong)))
                yield _made(document, claims, rows[0]["domain"])


def _summary(row: dict[str, Any], right: Sequence[str]) -> Example:
    """A labelled summary; what differs from the nearest consistent one is what may be wrong."""
    claims = find_claims(row["summary"])
    texts = [claim.text for claim in claims]
    if row["label"] == 1:
        return _labelled(row, row["doc"], texts, [1] * len(texts), [[] for _ in texts], True)
    words = [(m.group().lower(), m.span()) for m in WORD.finditer(row["summary"])]
    changed: list[Span] = [(0, len(words))]
    size = len(words)
    for other in right:
        matcher = difflib.SequenceMatcher(
            None, [w for w, _ in words], WORD.findall(other.lower()), autojunk=False
        )
        edits = [(i, j) for op, i, j, _, _ in matcher.get_opcodes() if op != "equal"]
        if (total := sum(max(1, j - i) for i, j in edits)) < size:
            size, changed = total, edits
    # where something was left out, the words beside the gap are pointed at
    touched = [
        words[k][1]
        for i, j in changed
        for k in (range(i, j) if i < j else range(max(0, i - 1), min(len(words), i + 1)))
    ]
    faults = [
        [(a - c.start, b - c.start) for a, b in touched if c.start <= a < c.end] for c in claims
    ]
    alone = sum(map(bool, faults)) == 1
    near = size < 12
    stands = [(0 if alone else -1) if spans else (1 if near else -1) for spans in faults]
    return _labelled(row, row["doc"], texts, stands, faults, False)


def _labelled(
    row: dict[str, Any],
    context: str,
    claims: list[str],
    stands: list[int],
    faults: list[list[Span]],
    borne_out: bool,
) -> Example:
    if "domain" in row:
        kind, group, said = "summedits", row["domain"], row["summary"]
    else:
        kind, group, said = "begin", row["model"], row["response"]
    context = context.strip()
    return Example(context, claims, stands, faults, kind, group, borne_out, row["id"], said)


def begin(data: Path, maker: Maker, rng: random.Random) -> Iterator[Example]:
    """Yield BEGIN, and its attributable answers made wrong."""
    for row in rows_of(data / "begin/data.jsonl"):
        known = {word.lower() for word in WORD.findall(row["knowledge"])}
        texts = [claim.text for claim in find_claims(row["response"].strip())]
        right = row["label"].startswith("Fully")
        if texts and right:
            nothing: list[list[Span]] = [[] for _ in texts]
            yield _labelled(row, row["knowledge"], texts, [1] * len(texts), nothing, True)
        elif texts:
            carrying = [_carrying(text) for text in texts]
            faults = [[span for word, span in words if word not in known] for words in carrying]
            stands = [
                0 if len(texts) == 1 or 2 * len(new) >= len(words) else -1
                for words, new in zip(carrying, faults, strict=True)
            ]
            yield _labelled(row, row["knowledge"], texts, stands, faults, False)
        for _ in range(2 * right):
            yield from _begin_wrong(row, maker, rng)


def _carrying(text: str) -> list[tuple[str, Span]]:
    found = ((m.group().lower(), m.span()) for m in WORD.finditer(text))
    return [(word, span) for word, span in found if word[0].isalnum() and word not in STOP]


def _begin_wrong(row: dict[str, Any], maker: Maker, rng: random.Random) -> Iterator[Example]:
    claim = Words.read(row["response"].strip())
    if rng.random() < 0.3:
        maker.reword(claim, 0.4)
    if not maker.faulty(claim, row["knowledge"], []):
        return
    text, spans = claim.text()
    parts = [(c.text, c.start, c.end) for c in find_claims(text)]
    faults = [
        [(a - start, b - start) for a, b in spans if start <= a < end] for _, start, end in parts
    ]
    if any(faults):
        yield Example(
            row["knowledge"].strip(), [t for t, _, _ in parts], [int(not f) for f in faults],
            faults, "made", "begin", False,
        )  # fmt: skip


def terms() -> Iterator[Example]:
    """Yield short claims about made-up terms and records."""
    rng = random.Random(9)
    said = list(rules.make(rng, passages=500, claims=8))
    at = 0
    while at < len(said):
        size = rng.choice((1, 1, 1, 2, 3))
        some = [one for one in said[at : at + size] if one.passage == said[at].passage]
        at += len(some)
        starts = [one.claim.find(one.wrong) for one in some]
        yield Example(
            some[0].passage,
            [one.claim for one in some],
            [int(not one.wrong) for one in some],
            [
                [(start, start + len(one.wrong))] if one.wrong else []
                for one, start in zip(some, starts, strict=True)
            ],
            "made",
            "terms",
            not any(one.wrong for one in some),
        )
