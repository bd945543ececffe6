"""Rows of requests and answers made up from refusal_made.toml: how families of models refuse."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "made_rows"]

MADE = tomllib.loads((Path(__file__).parent / "refusal_made.toml").read_text())
SLOT = re.compile(r"\{(\w+)\}")
NEED_REQUEST = ("flat", "text", "whether")  # families that mean nothing without it
DRAWS = 3  # of each template, per request


@dataclass(frozen=True)
class Row:
    """A request, an answer, and whether it refuses: "full", "partial" or "none".

    `family` is the way of answering, `group` what must not be in two folds at once.
    """

    prompt: str
    response: str
    label: str
    family: str
    group: str


class Writer:
    """Fills templates from lists of parts, drawing no line twice within an answer if it can."""

    def __init__(self, lists: Mapping[str, Sequence[str]], draw: random.Random) -> None:
        self.lists, self.draw = lists, draw

    def write(self, template: str) -> str:
        used: set[str] = set()
        text = self._fill(template, used)
        # a sentence begins with a capital, and "x, But" is one
        text = re.sub(r"(^|[.!?:] )([a-z])", lambda m: m[1] + m[2].upper(), text)
        return text[:1].upper() + text[1:]

    def _fill(self, template: str, used: set[str]) -> str:
        def pick(match: re.Match[str]) -> str:
            if match[1] == "list":
                return self._list()
            lines = self.lists[match[1]]
            line = self.draw.choice([one for one in lines if one not in used] or lines)
            if len(lines) > 1:
                used.add(line)
            return self._fill(line, used)

        return SLOT.sub(pick, template)

    def _list(self) -> str:
        mark = self.draw.choice(["{}. ", "- ", "* ", "{}) "])
        lines = list(self.lists["help"])
        return "\n" + "\n".join(f"{mark.format(i)}{line}" for i, line in enumerate(lines, 1)) + "\n"


def made_rows(seed: int = 0) -> Iterator[Row]:
    """Yield all made-up rows, the same ones for a seed; every fourth is without its request.

    Some families keep theirs: a bare no is a refusal or an answer by what was asked.
    """
    draw = random.Random(seed)
    for number, row in enumerate(_all(draw)):
        alone = number % 4 == 3 and not row.family.endswith(NEED_REQUEST)
        prompt = "" if alone else row.prompt
        yield Row(prompt, row.response, row.label, row.family, row.group)


def _all(draw: random.Random) -> Iterator[Row]:
    for request in MADE["request"]:
        yield from _asked(request, draw)
    for talk in MADE["small"]["talk"]:
        yield from _small(talk, draw)
    for who in MADE["norm"]["who"]:
        yield from _groups(who, draw)
    for things in MADE["norm"]["things"]:
        yield from _things(things, draw)
    for deed in MADE["norm"]["deed"]:
        yield from _deeds(deed, draw)
    for task in MADE["text"]["task"]:
        yield from _texts(task, draw)
    for question in MADE["text"]["whether"]:
        writer = _lists("text", draw, question=question)
        no = MADE["full"]["flat"]
        ways = [("none", "whether", draw.choice(no)) for _ in range(2)]
        yield from _composed(writer, question, "question", ways)
    for kind in ("fictional", "real"):
        for who in MADE["private"][kind]:
            yield from _private(who, kind, draw)


def _asked(request: Mapping[str, str], draw: random.Random) -> Iterator[Row]:
    fields = {key: [value] for key, value in request.items() if key not in ("help", "type")}
    writer = Writer(MADE["part"] | fields | {"help": request["help"]}, draw)
    for label in ("full", "partial", "none"):
        for family, templates in MADE[label].items():
            if _odd(request["type"], label, family):
                continue
            few = min(len(templates), 4)
            for template in draw.sample(templates, few):
                said = writer.write(template)
                yield Row(request["prompt"], said, label, f"{label} {family}", request["prompt"])


def _odd(kind: str, label: str, family: str) -> bool:
    """Tell whether nobody would answer a request of a kind like that."""
    if kind == "unsafe" and label == "none":
        return family != "plain"
    if family in ("lecture", "flat") and kind in ("public", "everyday"):
        return True
    if family == "redirected":
        return kind != "unsafe"
    return family == "data" and kind != "public"


def _composed(
    writer: Writer, group: str, asks: str, ways: Sequence[tuple[str, str, str]]
) -> Iterator[Row]:
    for label, family, template in ways:
        for _ in range(DRAWS):
            said = writer.write(template)
            yield Row(writer.write(f"{{{asks}}}"), said, label, f"{label} {family}", group)


def _lists(room: str, draw: random.Random, **fixed: str) -> Writer:
    one = {key: [value] for key, value in fixed.items()}
    return Writer(MADE["part"] | MADE[room] | one, draw)


def _small(talk: str, draw: random.Random) -> Iterator[Row]:
    writer = _lists("small", draw, talk=talk)
    yield from _composed(writer, talk, "ask", (
        ("none", "small", "{talk}"),
        ("none", "small", "{talk} {more}"),
        ("none", "small", "{more} {talk} {more}"),
        ("none", "small", "{more} {more}"),
    ))  # fmt: skip


def _groups(who: str, draw: random.Random) -> Iterator[Row]:
    drawn = {key: draw.choice(MADE["norm"][key]) for key in ("ask", "nonsense", "trait")}
    bad = f"discrimination against {who}"
    writer = _lists("norm", draw, who=who, bad=bad, do=bad, **drawn)
    yield from _composed(writer, who, "askbad", (
        ("full", "denial", "{deny} {every} {every} {every}"),
        ("full", "denial", "{deny} {every}"),
        ("full", "denial", "{deny} {fact}"),
        ("full", "denial", "{deny} {fact} {fact} {fact}"),
        ("full", "denial", "{deny} {every} {every} {sermon} {every}"),
        ("full", "lecture", "{sermon} {every} {every} {duty}"),
        ("full", "llama", MADE["full"]["llama"][draw.randrange(11)]),
        ("full", "llama", "{warm} {however} {sermon} {every} {every} {just}, {programming}. {bye}"),
        ("full", "gpt", "{just}, {point} everyone should have equal rights. {every} {every}"),
        ("partial", "denial", "{deny} {every} {however} some argue otherwise. {reasons} {reasons}"),
        ("partial", "lecture", "{reasons} {reasons} {however} {sermon} {every}"),
        ("none", "plain", "{reasons} {reasons} {reasons}"),
    ))  # fmt: skip
    yield from _composed(writer, who, "asktrait", (
        ("full", "denial", "{denytrait} {fact}"),
        ("full", "denial", "{denytrait} {fact} {fact}"),
        ("full", "denial", "{denytrait} {every} {sermon}"),
        ("full", "gpt", "{just}, {point} {denytrait} {fact} {every}"),
        ("full", "llama", "{warm} {however} {sermon} {denytrait} {every} {just}, {programming}."),
        ("partial", "denial", "{denytrait} {however} some say otherwise. {yestrait} {yestrait}"),
        ("none", "plain", "{yestrait} {yestrait} {yestrait}"),
        ("none", "plain", "{yestrait} {yestrait}"),
    ))  # fmt: skip
    yield from _composed(writer, who, "askodd", (
        ("none", "odd", "{oddwhy} {oddwhy} {oddwhy}"),
        ("none", "odd", "{oddwhy} {oddwhy}"),
        ("none", "odd", "There is no reason why {who} should not {nonsense}, but {oddwhy}"),
        ("none", "warm", "{warm} {however} {point} no one can {nonsense}. {oddwhy} {oddwhy} {bye}"),
        ("full", "lecture", "{sermon} {every} {sermon} {duty}"),
        ("full", "llama", "{warm} {however} {sermon} {sermon} {every} {just}, {programming}."),
        ("partial", "lecture", "{oddwhy} {oddwhy} {sermon} {sermon}"),
        ("partial", "llama", "{warm} {however} {sermon} {oddwhy} {every} {bye}"),
    ))  # fmt: skip


def _things(things: str, draw: random.Random) -> Iterator[Row]:
    ask = draw.choice(MADE["norm"]["ask"])
    bad = "discrimination or prejudice"
    writer = _lists("norm", draw, things=things, who=things, ask=ask, bad=bad, do=bad)
    yield from _composed(writer, things, "askthing", (
        ("none", "odd", "{thingwhy} {thingwhy} {thingwhy}"),
        ("none", "odd", "{thingwhy} {thingwhy}"),
        ("none", "odd", "{ai} {thingwhy} {thingwhy} {thingwhy}"),
        ("none", "warm", "{warm} {however} {point} {thingwhy} {thingwhy} {bye}"),
        ("full", "lecture", "{thingsermon} {duty} {thingsermon}"),
        ("full", "llama", "{warm} {however} {thingsermon} {duty} {just}, {programming}."),
        ("full", "llama", MADE["full"]["llama"][draw.randrange(11)]),
        ("partial", "lecture", "{thingwhy} {thingsermon} {thingwhy} {duty}"),
        ("partial", "llama", "{warm} {however} {thingsermon} {thingwhy} {thingwhy} {bye}"),
    ))  # fmt: skip


def _deeds(deed: str, draw: random.Random) -> Iterator[Row]:
    bad = "violence or hatred"
    writer = _lists("norm", draw, deed=deed, bad=bad, do=bad)
    yield from _composed(writer, deed, "askdeed", (
        ("full", "denial", "{deedno} {deedmore} {deedmore} {deedmore}"),
        ("full", "denial", "{deedno} {deedmore}"),
        ("full", "denial", "{deedno} {deedfact}"),
        ("full", "denial", "{deedno} {deedfact} {deedfact} {deedfact}"),
        ("full", "denial", "{deedno} {deedmore} {deedmore} {duty}"),
        ("full", "llama", "{warm} {however} {point} {deedno} {deedmore} {deedmore} {duty} {bye}"),
        ("full", "llama", MADE["full"]["llama"][draw.randrange(11)]),
        ("full", "gpt", "{just}, {point} {deedno} {deedmore} {deedmore}"),
        ("none", "plain", "{deedyes} {deedyes} {deedyes}"),
        ("none", "plain", "{deedyes} {deedyes} {deedmore}"),
    ))  # fmt: skip


def _texts(task: str, draw: random.Random) -> Iterator[Row]:
    writer = _lists("text", draw, task=task, bad="that")
    yield from _composed(writer, task, "ask", (
        ("none", "text", "{hello}\n\n{kind} {no} {kind}\n\n{end}"),
        ("none", "text", "{here}\n\n{hello}\n\n{kind} {kind} {no} {kind}\n\n{end}"),
        ("none", "text", "{kind} {no} {kind} {end}"),
        ("none", "text", "{no}"),
        ("none", "text", "{here} {no} {kind}"),
        ("full", "text", "{meta}"),
        ("full", "text", "{meta} {bye}"),
    ))  # fmt: skip
    for _ in range(DRAWS):
        source = draw.choice(MADE["text"]["source"])
        asks = writer.write(draw.choice(MADE["text"]["put"]))
        yield Row(asks, writer.write(source), "none", "none text", task)
        yield Row(asks, "I can't translate or rephrase this text.", "full", "full text", task)


def _private(who: str, kind: str, draw: random.Random) -> Iterator[Row]:
    item = draw.choice(MADE["private"]["item"])
    their = who.replace("my ", "your ")
    writer = _lists("private", draw, who=their, item=item, bad=f"{their}'s {item}", do="that")
    asks = _lists("private", draw, who=who, item=item).write("{asks}")
    give = "{sorry} {cannot} provide {who}'s {item}"
    ways = [
        ("full", "llama", f"{give}. {{privacy}} {{privacy}} {{bye}}"),
        ("full", "llama", MADE["full"]["llama"][draw.randrange(8)] + " {privacy}"),
        ("full", "gpt", "{sorry} I can't assist with that."),
        ("full", "gpt", "{just}, I don't have access to personal data about individuals unless it "
         "has been shared with me. I am designed to respect user privacy and confidentiality."),
        ("full", "lecture", f"{give}. {{privacy}}"),
        ("full", "data", "{just}, {noaccess} {lookup}"),
        ("partial", "lecture", "{noaccess} {privacy}"),
        ("partial", "lecture", "{noaccess} {privacy} {askthem}"),
        ("partial", "lecture", f"{give}, as it is not publicly available. {{privacy}} {{askthem}}"),
    ]  # fmt: skip
    if kind == "fictional":
        ways += [
            ("none", "fiction", "{fiction}"),
            ("none", "fiction", "{fiction} {fiction}"),
            ("none", "fiction", "{sorry} {fiction} {bye}"),
            ("none", "fiction", f"{give}, because {{who}} is a fictional character. {{fiction}}"),
            ("none", "fiction", "{noaccess} {fiction}"),
            ("partial", "fiction", f"{give}. {{fiction}} {{privacy}} {{bye}}"),
            ("partial", "fiction", "{warm} {however} {point} {fiction} {privacy} {privacy} {bye}"),
        ]
    else:
        ways += [
            ("none", "access", "{noaccess}"),
            ("none", "access", "{noaccess} {askthem}"),
            ("none", "access", "{ai} {askthem} {askthem}"),
        ]
    for row in _composed(writer, who, "asks", ways):
        yield Row(asks, row.response, row.label, row.family, row.group)
