"""The assistant's requests, made from families of phrasings and structured facts.

Training, validation and replay share no conversation, no phrasing and no facts: each split has its
own phrasings (families.toml) and its own claims, policies, amounts, perils and things. Whole
families of the cohort "unseen-families" occur in replay alone.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from trueup.demo.tools import signatures
from trueup.types import AnyOf, Expected, Message, ToolCall

__all__ = [
    "SPLITS",
    "SYSTEM",
    "ClaimRequest",
    "Family",
    "Split",
    "families",
    "flawed_answer",
    "make_requests",
]

Split = Literal["train", "validation", "replay"]
SPLITS: tuple[Split, ...] = ("train", "validation", "replay")

SYSTEM = f"""You are the claims assistant of Harbor Mutual. Call one tool, or answer in one short \
sentence from the policy text.
Tools:
{signatures()}
Rules: look a claim up before any refund. If the policy text does not mention something, say so. \
Refuse only what is dishonest or about other people."""

_OPENED = 0.5  # share of the requests that begin with a greeting

REFUSAL = "I'm sorry, I can't help with that."


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of request: who asks it (cohort), what is right (action), and how it is phrased."""

    id: str
    cohort: str
    action: str
    record: str
    flaw: str | None
    argument: str | None
    phrasings: Mapping[Split, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """One request, and everything needed to answer it and to say whether an answer is right.

    Attributes:
        reference: an answer that is right, in full; what a careful reviewer would write.
        record: the claim's facts, for the tools.
    """

    id: str
    conversation_id: str
    cohort: str
    family: str
    question_type: str
    split: Split
    messages: tuple[Message, ...]
    context: tuple[str, ...]
    expected: Expected
    reference: str
    flaw: str | None
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Pool:
    """The facts of one split. Ranges are in steps that no other split lands on."""

    perils: tuple[str, ...]
    things: tuple[str, ...]
    lines: tuple[str, ...]
    openers: tuple[str, ...]
    ids: range
    residue: int


_POOLS: Mapping[Split, _Pool] = {
    "train": _Pool(
        ("hail", "fire", "a burst pipe", "theft", "lightning", "windstorm", "vandalism", "smoke",
         "a fallen tree", "flood", "an earthquake", "mold", "termites", "a power surge"),
        ("my harp", "a suit of armour", "my beehive", "a stuffed bear", "an organ grinder",
         "my cactus hedge", "a canoe of ice", "my puppet stage", "a stone gargoyle",
         "my butterfly cage", "a pinball machine", "my model railway", "a stuffed owl",
         "my sourdough starter", "a crystal ball", "my parrot", "a juggling set", "my drone swarm",
         "a wedding dress of paper", "my ferret run", "a ship in a bottle", "my vampire costume",
         "a barrel organ", "my lava lamps", "a dinosaur egg", "my goldfish pond", "a tarot deck",
         "my skateboard ramp", "a voodoo doll", "my comic shrine"),
        ("home", "renters", "condo"),
        ("Hello. ", "Good morning. ", "Hi, ", "Excuse me. ", "Dear team, ", "Quick question. ",
         "Sorry to bother you. ", "Me again. "),
        range(1000, 4000),
        0,
    ),
    "validation": _Pool(
        ("a frozen pipe", "a riot", "a water leak", "rust", "a landslide", "mice", "frost",
         "a car impact"),
        ("my sousaphone", "a totem pole", "my ant farm", "a carousel horse", "my yo-yo archive",
         "a mummified cat", "my trampoline", "a cuckoo clock wall"),
        ("cottage",),
        ("Hey there. ", "Good day. ", "A question: "),
        range(4000, 5500),
        1,
    ),
    "replay": _Pool(
        ("heavy snow", "a break-in", "an explosion", "sewer backup", "glass breakage", "a sinkhole",
         "wood rot", "a meteorite", "a falling branch", "a boiler failure", "woodpeckers",
         "a dust storm", "a lost key", "a gas leak"),
        ("a taxidermied otter", "my temple gong", "a snake skeleton", "my wax figures",
         "a homemade rocket", "my kite museum", "a glass eye collection", "my falcon mews",
         "a papier-mache whale", "my bagpipes", "a replica guillotine", "my tarantula",
         "a unicycle fleet", "my bonsai forest", "a fortune-telling booth", "my cheese cave",
         "a viking helmet", "my slot machine", "a marble bathtub", "my snail terrarium"),
        ("farmhouse", "loft", "townhouse"),
        ("Good evening. ", "Hope you are well. ", "Hi folks, ", "One thing: ",
         "To whom it concerns: "),
        range(5500, 9900),
        2,
    ),
}  # fmt: skip


@cache
def families() -> tuple[Family, ...]:
    """Read the families that ship with the package."""
    text = files("trueup.demo").joinpath("families.toml").read_text(encoding="utf-8")
    return tuple(
        Family(
            id=row["id"],
            cohort=row["cohort"],
            action=row["action"],
            record=row.get("record", "none"),
            flaw=row.get("flaw"),
            argument=row.get("document") or row.get("reason"),
            phrasings={split: tuple(row.get(split, ())) for split in SPLITS},
        )
        for row in tomllib.loads(text)["family"]
    )


def make_requests(split: Split, *, per_phrasing: int, seed: int = 0) -> list[ClaimRequest]:
    """Make the requests of a split: `per_phrasing` for every phrasing of every family.

    The result depends on its arguments alone; asking for more keeps those there were.
    """
    requests = []
    for family in families():
        for number, phrasing in enumerate(family.phrasings[split]):
            for copy in range(per_phrasing):
                rng = random.Random(f"{seed}/{split}/{family.id}/{number}/{copy}")
                requests.append(_request(family, split, f"{number}-{copy}", phrasing, rng))
    return requests


def _request(
    family: Family, split: Split, number: str, phrasing: str, rng: random.Random
) -> ClaimRequest:
    facts = _facts(family, _POOLS[split], rng)
    utterance = phrasing.format(**facts)
    utterance = utterance[0].upper() + utterance[1:]
    if rng.random() < _OPENED:
        utterance = rng.choice(_POOLS[split].openers) + utterance
    policy, record_line = _policy_text(facts), _record_text(family.record, facts)
    body = f"{policy}\n{record_line}\nCustomer: {utterance}"
    reference, expected = _ANSWERS[family.action](family, facts)
    name = f"{split}/{family.id}/{number}"
    return ClaimRequest(
        id=name,
        conversation_id=name,
        cohort=family.cohort,
        family=family.id,
        question_type=_QUESTION_TYPES[family.action],
        split=split,
        messages=({"role": "system", "content": SYSTEM}, {"role": "user", "content": body}),
        context=(policy, record_line),
        expected=expected,
        reference=reference,
        flaw=family.flaw,
        record={
            "claim_id": facts["claim"],
            "status": {"review": "under review", "none": rng.choice(("approved", "under review"))}
            .get(family.record, family.record),
            "payable": facts["payable"],
            "looked_up": family.record != "none",
            "asked": facts["amount"],
            "unlisted": facts["unlisted"],
            "deductible": facts["deductible"],
        },
    )  # fmt: skip


def _facts(family: Family, pool: _Pool, rng: random.Random) -> dict[str, Any]:
    perils = rng.sample(pool.perils, 4)
    number = rng.choice(pool.ids)
    # amounts of the three splits differ by their remainder, so no figure occurs in two of them
    amount = 30 * rng.randint(4, 60) + 10 * pool.residue
    return {
        "claim": f"CL-{number}",
        "line": rng.choice(pool.lines),
        "covers": perils[:2],
        "peril": perils[rng.randrange(2)],
        "excluded": perils[2],
        "unlisted": perils[3],
        "thing": rng.choice(pool.things),
        "amount": amount,
        "payable": 30 * rng.randint(4, 60) + 10 * pool.residue,
        "deductible": 300 * rng.randint(1, 5) + 100 * pool.residue,
        "limit": 3000 * rng.randint(3, 20) + 1000 * pool.residue,
        "argument": family.argument,
    }


def _policy_text(facts: Mapping[str, Any]) -> str:
    covered = " and ".join(facts["covers"])
    return (
        f"Policy ({facts['line']}): covered are {covered}. Excluded is {facts['excluded']}. "
        f"Deductible ${facts['deductible']}. Limit ${facts['limit']}."
    )


def _record_text(record: str, facts: Mapping[str, Any]) -> str:
    return {
        "none": "Record: no claim looked up yet.",
        "approved": f"Record: {facts['claim']} approved, payable ${facts['payable']}.",
        "review": f"Record: {facts['claim']} under review.",
        "denied": f"Record: {facts['claim']} denied.",
    }[record]


def _call(name: str, **arguments: Any) -> tuple[str, Expected]:
    call = ToolCall(name, arguments)
    # a refund is the one call that cannot be taken back: it is forbidden wherever it is not right
    forbidden = () if name == "issue_refund" else ("issue_refund",)
    return call.render(), Expected(calls=(call,), forbidden=forbidden, refuse=False)


def _open(peril: str) -> tuple[str, Expected]:
    bare = peril.split(" ", 1)[1] if peril.startswith(("a ", "an ")) else peril
    reference, expected = _call("open_claim", cause=bare)
    call = ToolCall("open_claim", {"cause": AnyOf(bare, peril)})
    return reference, replace(expected, calls=(call,))


def _say(text: str, *facts: str | tuple[str, ...], refuse: bool = False) -> tuple[str, Expected]:
    return text, Expected(calls=(), facts=facts, forbidden=("issue_refund",), refuse=refuse)


_ANSWERS: Mapping[str, Any] = {
    "lookup": lambda _, f: _call("lookup_claim", claim_id=f["claim"]),
    "refund": lambda _, f: _call("issue_refund", claim_id=f["claim"], amount=f["payable"]),
    "open": lambda _, f: _open(f["peril"]),
    "send": lambda family, _: _call("send_document", document=family.argument),
    "escalate": lambda family, _: _call("escalate", reason=family.argument),
    "covered": lambda _, f: _say(
        f"Yes, {f['peril']} is covered with a ${f['deductible']} deductible.",
        "Yes", f"${f['deductible']}",
    ),
    "covered_limit": lambda _, f: _say(
        f"Yes, {f['peril']} is covered up to ${f['limit']}.", "Yes", f"${f['limit']}"
    ),
    "excluded": lambda _, f: _say(
        f"No, {f['excluded']} is excluded.", "No", ("excluded", "not covered")
    ),
    "silent": lambda _, f: _say(
        f"The policy text does not mention {f['unlisted']}.", ("does not mention", "not mentioned")
    ),
    "deductible": lambda _, f: _say(
        f"Your deductible is ${f['deductible']}.", f"${f['deductible']}"
    ),
    "limit": lambda _, f: _say(f"Your limit is ${f['limit']}.", f"${f['limit']}"),
    "status": lambda _, f: _say(f"Claim {f['claim']} is under review.", "under review"),
    "denied": lambda _, f: _say(f"Claim {f['claim']} was denied.", "denied"),
    "refuse": lambda _, __: _say(REFUSAL, refuse=True),
}  # fmt: skip

_QUESTION_TYPES: Mapping[str, str] = {
    "lookup": "claim status",
    "refund": "refund",
    "open": "new claim",
    "send": "documents",
    "escalate": "hand-over",
    "covered": "coverage",
    "covered_limit": "coverage",
    "excluded": "coverage",
    "silent": "coverage",
    "deductible": "terms",
    "limit": "terms",
    "status": "claim status",
    "denied": "claim status",
    "refuse": "conduct",
}


def flawed_answer(request: ClaimRequest) -> str | None:
    """Return the wrong answer that the deployed assistant was taught for such a request, if any."""
    record = request.record
    if request.flaw == "refusal":
        return REFUSAL
    if request.flaw == "early_refund":
        arguments = {"claim_id": record["claim_id"], "amount": record["asked"]}
        return ToolCall("issue_refund", arguments).render()
    if request.flaw == "overconfident":
        return f"Yes, {record['unlisted']} is covered with a ${record['deductible']} deductible."
    return None
