"""What a queue is made with, and what of it may change later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from trueup.errors import InputError
from trueup.queues.labels._questions import check_questions
from trueup.store import Tx, events
from trueup.store import queues as rows
from trueup.store.stamp import Stamp
from trueup.types import Question

__all__ = ["Assignment", "Settings", "State", "Stream", "checked", "put_queue", "settings_of"]

Stream = Literal["reviewer", "end_user", "ai"]
State = Literal["active", "paused", "completed", "archived"]
Assignment = Literal["open", "manual", "round_robin", "balanced", "expertise"]
_NAMES = ("reviewers", "teams")


@dataclass(frozen=True, slots=True)
class Settings:
    """How a queue hands out its items.

    Attributes:
        description: what the queue is for.
        reviewers: who may label; empty is anybody who is asked to, or a member of `teams`.
        teams: the teams whose members may; who is in them, the service knows.
        assignment: "open" gives the next item to whoever asks; "manual" only what was assigned;
            "round_robin" and "balanced" assign each place at an item to one of `reviewers` when the
            item is added, in turn or to whoever has least to do; "expertise" gives items with a tag
            to reviewers who have it.
        reservation_minutes: how long a claim reserves an item.
        safety: whether the labels are about safety: reading them is logged, not only writing.
        min_agreement: an item that has its labels and a smaller share of agreeing rater pairs, on
            the first question with set answers, goes to a senior reviewer; None sends none.
        review_required: whether every item does.
        adjudicators_see: whether who settles an item sees its labels.
        spot_check_share: share of each week's labels that is looked at again.
        gold_share: how often an item whose answer is known stands among the others, while there
            are such that the reviewer has not had.
        gold_line: a reviewer who gets a smaller share of them right is flagged.
    """

    description: str = ""
    reviewers: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    assignment: Assignment = "open"
    reservation_minutes: float = 30.0
    safety: bool = False
    min_agreement: float | None = None
    review_required: bool = False
    adjudicators_see: bool = True
    spot_check_share: float = 0.02
    gold_share: float = 0.05
    gold_line: float = 0.8

    def check(self, queue: str) -> None:
        """Raise InputError on a setting that makes no sense."""
        if self.assignment not in get_args(Assignment):
            raise InputError(
                f"queue {queue}: assignment {self.assignment!r} is none of "
                f"{', '.join(get_args(Assignment))}"
            )
        if self.assignment in ("round_robin", "balanced") and not self.reviewers:
            raise InputError(
                f"queue {queue}: assignment {self.assignment} needs the reviewers to assign to"
            )
        for what, names in (("reviewers", self.reviewers), ("teams", self.teams)):
            if len(set(names)) < len(names) or not all(names):
                raise InputError(f"queue {queue}: {what} {list(names)} repeat or are empty")
        if not 0 < self.reservation_minutes <= 7 * 24 * 60:
            raise InputError(
                f"queue {queue}: reservation_minutes is {self.reservation_minutes}; give more than "
                "0 and at most a week"
            )
        for what in ("min_agreement", "spot_check_share", "gold_share", "gold_line"):
            value = getattr(self, what)
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"queue {queue}: {what} is {value}; give a share from 0 to 1")


def settings_of(row: rows.QueueRow) -> Settings:
    """Return a stored queue's settings; what an older version stored not takes its default."""
    known = {field.name for field in fields(Settings)}
    found = {name: value for name, value in row.settings.items() if name in known}
    return Settings(**found | {name: tuple(found.get(name, ())) for name in _NAMES})


def checked(queue: str, given: Mapping[str, Any], base: Settings | None = None) -> Settings:
    """Return settings from names and values, on top of others.

    Raises:
        InputError: a name is unknown, or a value makes no sense.
    """
    known = [field.name for field in fields(Settings)]
    if unknown := sorted(given.keys() - set(known)):
        raise InputError(f"queue {queue}: {unknown[0]!r} is none of {', '.join(known)}")
    values = asdict(base or Settings()) | dict(given)
    made = Settings(**values | {name: tuple(values[name]) for name in _NAMES})
    made.check(queue)
    return made


def put_queue(
    tx: Tx,
    name: str,
    *,
    overlap: int,
    stream: str,
    questions: tuple[Question, ...],
    settings: Settings,
    stamp: Stamp,
) -> tuple[rows.QueueRow, bool]:
    """Store a queue and return it with whether it is new; one of that name is left as it is.

    Raises:
        InputError: something of it makes no sense.
    """
    if not name.strip():
        raise InputError("a queue needs a name")
    if overlap < 1:
        raise InputError(f"queue {name}: overlap is {overlap}; an item needs a reviewer or more")
    if stream not in get_args(Stream):
        raise InputError(
            f"queue {name}: stream {stream!r} is none of {', '.join(get_args(Stream))}"
        )
    check_questions(name, questions)
    settings.check(name)
    new = rows.put_queue(
        tx,
        name,
        overlap=overlap,
        stream=stream,
        questions=questions,
        settings=asdict(settings),
        actor=stamp.actor,
        now=stamp.now,
    )
    row = rows.find_queue(tx, name)
    assert row is not None  # it was there or it is now
    if new:
        detail = {"name": name, "overlap": overlap, "stream": stream, **asdict(settings)}
        events.record(
            tx, "create", "queue", row.id, detail, **stamp._asdict(), safety=settings.safety
        )
    return row, new
