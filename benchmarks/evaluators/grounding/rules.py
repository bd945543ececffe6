"""Made-up terms and records, with short claims about them: what is in, what is out, how much."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from trueup.text import listed

MONTHS = "January February March April May June July August September October November December"
FIRST = listed("Ana Ben Clara Dev Elena Farid Grace Hugo Ines Jonas Kira Liam Mona Nils Owen Petra")
LAST = listed("Alvarez Brandt Chen Dubois Evans Fischer Gomez Hansen Ito Jensen Kumar Lund Meyer")
KINDS = {
    "travel insurance": "theft|illness|lost luggage|a missed flight|strikes|war|pregnancy|alcohol"
    "|winter sports|a cancelled tour|storms|dental care|pre-existing conditions",
    "phone plan": "calls abroad|roaming|text messages|video streaming|hotspot use|voicemail"
    "|premium numbers|a second line|data rollover|music streaming",
    "hotel rate": "breakfast|parking|late checkout|the spa|minibar drinks|airport transfer|wifi"
    "|laundry|room service|pets|an extra bed",
    "gym membership": "group classes|the pool|personal training|towels|the sauna|guest visits"
    "|a locker|childcare|physiotherapy",
    "warranty": "battery failure|water damage|scratches|a broken screen|motor faults|wear and tear"
    "|shipping costs|rust|software errors|loss|overheating",
    "lease": "heating|water|electricity|repairs|garden work|cleaning|internet|painting"
    "|pest control",
    "health plan": "physiotherapy|glasses|vaccinations|cosmetic surgery|acupuncture|hearing aids"
    "|dental implants|an ambulance|maternity care|sleep studies",
    "car insurance": "collision|glass breakage|racing|theft|vandalism|flooded roads|towing"
    "|hail dents|tire damage|a rental car|animal collisions",
}  # fmt: skip
VERDICTS = (
    ("covered", "excluded", "is covered", "is not covered"),
    ("included", "not included", "is included", "is not included"),
    ("Covered", "Not covered", "is covered", "is not covered"),
    ("included", "excluded", "is included", "is excluded"),
    ("permitted", "ruled out", "is permitted", "is not permitted"),
)
AMOUNTS = ("deductible", "limit", "fee", "monthly price", "deposit", "excess")
STATES = [
    "under review",
    "approved",
    "rejected",
    "closed",
    "pending",
    "on hold",
    "paid out",
    "open",
]
ROLES = ["adjuster", "contact", "manager", "case worker", "technician", "agent"]


@dataclass(frozen=True)
class Said:
    """A passage, a claim about it, and the part of the claim that is wrong, if any is."""

    passage: str
    claim: str
    wrong: str


def make(rng: random.Random, passages: int, claims: int) -> Iterator[Said]:
    """Make passages, each with as many claims of which about half are wrong."""
    for _ in range(passages):
        terms = _terms(rng)
        for _ in range(claims):
            claim, wrong = _claim(rng, terms)
            yield Said(terms.text, claim, wrong)


@dataclass(frozen=True)
class Terms:
    text: str
    inside: list[str]
    outside: list[str]
    unsaid: list[str]
    verdict: tuple[str, str, str, str]
    amounts: dict[str, str]
    code: str
    state: str
    since: str
    role: str
    name: str


def _money(rng: random.Random) -> str:
    amount = rng.choice(
        (rng.randrange(20, 100, 5), rng.randrange(100, 1000, 50), rng.randrange(1000, 20000, 500))
    )
    return f"${amount:,}" if rng.random() < 0.6 else f"${amount}"


def _date(rng: random.Random) -> str:
    return f"{rng.choice(MONTHS.split())} {rng.randint(1, 28)}, {rng.randint(2019, 2026)}"


def _otherwise(rng: random.Random, date: str) -> str:
    """Write "March 5, 2024" as somebody else would."""
    month, day, year = date.replace(",", "").split()
    number = MONTHS.split().index(month) + 1
    ending = "th" if 10 < int(day) < 14 else {1: "st", 2: "nd", 3: "rd"}.get(int(day) % 10, "th")
    return rng.choice(
        (
            date,
            f"{day} {month} {year}",
            f"{year}-{number:02}-{int(day):02}",
            f"{day}{ending} of {month}",
            f"{month} {day}",
        )
    )


def _listing(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _terms(rng: random.Random) -> Terms:
    kind = rng.choice(sorted(KINDS))
    items = KINDS[kind].split("|")
    rng.shuffle(items)
    size, out = rng.randint(2, 4), rng.randint(1, 3)
    inside, outside, unsaid = items[:size], items[size : size + out], items[size + out :]
    verdict = rng.choice(VERDICTS)
    amounts = {name: _money(rng) for name in rng.sample(AMOUNTS, 2)}
    letters = "".join(rng.choice("ABCDEFGHKLMNPRST") for _ in range(2))
    code = f"{letters}-{rng.randint(1000, 99999)}"
    state, since, role = rng.choice(STATES), _date(rng), rng.choice(ROLES)
    name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
    yes, no = verdict[:2]
    listed = rng.choice(
        (
            f"{yes.capitalize()} are {_listing(inside)}. "
            f"{no.capitalize()} are {_listing(outside)}.",
            f"{yes.capitalize()}: {', '.join(inside)}. {no.capitalize()}: {', '.join(outside)}.",
            f"The following are {yes.lower()}: {_listing(inside)}. "
            f"{_listing(outside).capitalize()} {'are' if len(outside) > 1 else 'is'} {no.lower()}.",
        )
    )
    sums = rng.choice(
        (
            " ".join(f"{n.capitalize()} {a}." for n, a in amounts.items()),
            " ".join(f"The {n} is {a}." for n, a in amounts.items()),
        )
    )
    lines = [
        f"{kind.capitalize()} {letters}{rng.randint(1, 9)}: {listed} {sums}",
        f"Record {code}: {state} since {since}. The {role} is {name}.",
    ]
    if rng.random() < 0.3:
        lines.reverse()
    return Terms(
        " ".join(lines), inside, outside, unsaid, verdict, amounts, code, state, since, role, name
    )


def _claim(rng: random.Random, t: Terms) -> tuple[str, str]:
    wrong = rng.random() < 0.5
    opening = rng.random() < 0.4
    kind = rng.choice(("item", "item", "item", "sum", "both", "state", "since", "role"))
    if kind in ("item", "both"):
        favour = rng.random() < 0.5
        if wrong:
            pool = rng.choice((t.outside if favour else t.inside, t.unsaid))
        else:
            pool = t.inside if favour else t.outside
        item = rng.choice(pool)
        verdict = (
            t.verdict[2] if favour else rng.choice((t.verdict[3], f"is {t.verdict[1].lower()}"))
        )
        if item.endswith("s") and rng.random() < 0.8:
            verdict = verdict.replace("is ", "are ", 1)
        said = f"{item} {verdict}"
        fault = (said if pool is not t.unsaid else item) if wrong else ""
        if kind == "both":
            name, amount = rng.choice(sorted(t.amounts.items()))
            said += rng.choice(
                (
                    f" with a {name} of {amount}",
                    f" with a {amount} {name}",
                    f" and the {name} is {amount}",
                )
            )
        if rng.random() < 0.3:
            said += rng.choice((" under your plan", " by the policy", ""))
        if opening:
            return f"{'Yes' if favour else 'No'}, {said}.", fault
        return said[:1].upper() + said[1:] + ".", fault[:1].upper() + fault[1:]
    if kind == "sum":
        name, amount = rng.choice(sorted(t.amounts.items()))
        said = amount
        if wrong:
            others = [a for a in t.amounts.values() if a != amount]
            said = rng.choice([*others, _money(rng)])
            wrong = said.replace(",", "") != amount.replace(",", "")
        return f"{rng.choice(('The', 'Your'))} {name} is {said}.", said if wrong else ""
    if kind == "state":
        state = rng.choice([s for s in STATES if s != t.state]) if wrong else t.state
        return (
            f"{rng.choice(('Record ', 'Your claim ', ''))}{t.code} is {state}.",
            state if wrong else "",
        )
    if kind == "since":
        since = _date(rng) if wrong else t.since
        said = _otherwise(rng, since)
        return f"It has been {t.state} since {said}.", said if since != t.since else ""
    name = f"{rng.choice(FIRST)} {rng.choice(LAST)}" if wrong else t.name
    return f"The {t.role} is {name}.", name if wrong and name != t.name else ""
