"""The page that a queue is made and set up on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from trueup.errors import InputError, TrueupError
from trueup.people import list_members, permissions_of
from trueup.queues import (
    AnnotationQueue,
    Assignment,
    Settings,
    State,
    Stream,
    parse_questions,
    spell_questions,
)
from trueup.store import Store
from trueup.types import Question, QuestionKind
from trueup.web._access import allowed, checked_form
from trueup.web._params import Manager, Opened
from trueup.web._queues import queue_of
from trueup.web._render import page, status_of
from trueup.web._text import safe_html

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=200_000)]
Names = Annotated[list[str], Form(max_length=1000)]

_EXAMPLES: Mapping[str, Question] = {
    asked.kind: asked
    for asked in (
        Question("preference", "preference", "Which answer is better?", required=True),
        Question("order", "ranking", "Rank the answers, the best first"),
        Question("tone", "choice", "How does it sound?", ("warm", "plain", "cold")),
        Question("labels", "choices", "What holds?", ("unsafe_refusal", "wrong_tool")),
        Question("cost", "number", "What did it cost?", low=0, high=1000),
        Question("stars", "rating", "How good is it?", low=1, high=5),
        Question("keep", "thumbs", "May it be sent?", required=True),
        Question("marks", "span", "Mark what is wrong", ("error", "rude")),
        Question("why", "text", "Why?"),
        Question("correction", "edit", "What would be right?"),
        Question("steps", "steps", "Judge each step"),
    )
}
_SHARES = ("min_agreement", "spot_check_share", "gold_share", "gold_line")  # in per cent
_MOST_LABELS = 1000
_USUAL = tuple(_EXAMPLES[kind] for kind in ("preference", "choices", "edit"))


def form_of(
    name: Text = "",
    overlap: Text = "",
    stream: Text = "reviewer",
    questions: Long = "",
    description: Long = "",
    guidelines: Long = "",
    reviewers: Names = [],  # noqa: B006, it is copied by the framework
    teams: Names = [],  # noqa: B006
    assignment: Text = "open",
    reservation_minutes: Text = "30",
    safety: Text = "",
    min_agreement: Text = "",
    review_required: Text = "",
    adjudicators_see: Text = "",
    spot_check_share: Text = "2",
    gold_share: Text = "5",
    gold_line: Text = "80",
    state: Text = "active",
) -> dict[str, Any]:
    """Return the form as it was filled in."""
    return {
        "name": name.strip(),
        "overlap": overlap.strip(),
        "stream": stream,
        "questions": questions,
        "description": description.strip(),
        "guidelines": guidelines.replace("\r\n", "\n"),
        "reviewers": reviewers,
        "teams": teams,
        "assignment": assignment,
        "reservation_minutes": reservation_minutes.strip(),
        "safety": bool(safety),
        "min_agreement": min_agreement.strip(),
        "review_required": bool(review_required),
        "adjudicators_see": bool(adjudicators_see),
        "spot_check_share": spot_check_share.strip(),
        "gold_share": gold_share.strip(),
        "gold_line": gold_line.strip(),
        "state": state,
    }


Filled = Annotated[dict[str, Any], Depends(form_of)]


@router.get("/queues/new", dependencies=[Depends(allowed("manage_queue"))])
def new(request: Request, store: Opened) -> Response:
    """Show the form that a queue is made by."""
    filled = form_of(overlap="3", questions=spell_questions(_USUAL), adjudicators_see="1")
    return _form(request, store, None, filled)


@router.post("/queues/new", dependencies=[Depends(checked_form)])
def create(request: Request, store: Opened, actor: Manager, filled: Filled) -> Response:
    """Make a queue, and show it; what was filled in stays where something is wrong with it."""
    try:
        _check_texts(filled)
        queue = AnnotationQueue.create(
            filled["name"],
            overlap=_overlap(filled),
            stream=filled["stream"],
            questions=parse_questions(filled["questions"]),
            settings=Settings(**_settings(filled)),
            store=store,
            actor=actor.name,
        )
        if filled["guidelines"].strip():
            queue.configure(guidelines=filled["guidelines"], actor=actor.name)
    except TrueupError as error:
        return _form(request, store, None, filled, error)
    return RedirectResponse(f"/queue/{queue.id}", status_code=303)


@router.get("/queue/{key}/settings")
def settings(request: Request, store: Opened, actor: Manager, key: str) -> Response:
    """Show how a queue is set."""
    queue = queue_of(store, actor, key)
    versions = queue.guidelines()
    filled = asdict(queue.settings) | {
        "name": queue.name,
        "overlap": queue.overlap,
        "stream": queue.stream,
        "questions": "",
        "guidelines": versions[-1].text if versions else "",
        "state": queue.state,
        "reservation_minutes": f"{queue.settings.reservation_minutes:g}",
    }
    for name in _SHARES:
        filled[name] = "" if filled[name] is None else f"{100 * filled[name]:g}"
    return _form(request, store, queue, filled)


@router.post("/queue/{key}/settings", dependencies=[Depends(checked_form)])
def change(request: Request, store: Opened, actor: Manager, key: str, filled: Filled) -> Response:
    """Set a queue, and show it; what was filled in stays where something is wrong with it."""
    queue = queue_of(store, actor, key)
    versions = queue.guidelines()
    before = versions[-1].text if versions else ""
    try:
        _check_texts(filled)
        queue.configure(
            overlap=_overlap(filled),
            state=filled["state"],
            guidelines=filled["guidelines"] if filled["guidelines"] != before else None,
            actor=actor.name,
            **_settings(filled),
        )
    except TrueupError as error:
        return _form(request, store, queue, filled, error)
    return RedirectResponse(f"/queue/{queue.id}", status_code=303)


def _settings(filled: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "description": filled["description"],
        "reviewers": tuple(filled["reviewers"]),
        "teams": tuple(filled["teams"]),
        "assignment": filled["assignment"],
        "reservation_minutes": _number(filled, "reservation_minutes"),
        "safety": filled["safety"],
        "review_required": filled["review_required"],
        "adjudicators_see": filled["adjudicators_see"],
        **{name: _number(filled, name) / 100 if filled[name] else None for name in _SHARES},
    }


def _check_texts(filled: Mapping[str, Any]) -> None:
    """Refuse what no database holds."""
    for name, value in filled.items():
        texts = value if isinstance(value, list) else [str(value)]
        if any("\0" in text for text in texts):
            raise InputError(f"{name}: a null character is in it; leave it out")


def _number(filled: Mapping[str, Any], name: str) -> float:
    try:
        return float(filled[name])
    except ValueError as error:
        what = name.replace("_", " ")
        raise InputError(f"{what} is {filled[name]!r}; give a number") from error


def _overlap(filled: Mapping[str, Any]) -> int:
    found = _number(filled, "overlap")
    if not (found.is_integer() and 1 <= found <= _MOST_LABELS):
        raise InputError(
            f"an item cannot need {filled['overlap']} labels; give 1 to {_MOST_LABELS}"
        )
    return int(found)


def _form(
    request: Request,
    store: Store,
    queue: AnnotationQueue | None,
    filled: Mapping[str, Any],
    error: TrueupError | None = None,
) -> Response:
    members = [m for m in list_members(store) if "label" in permissions_of(m)]
    names = [member.name for member in members]
    teams = sorted({team for member in members for team in member.teams})
    versions = [] if queue is None else queue.guidelines()
    return page(
        request,
        "setup.html",
        status=200 if error is None else status_of(error),
        error="" if error is None else str(error),
        queue=queue,
        filled=filled,
        streams=get_args(Stream),
        states=get_args(State),
        assignments=get_args(Assignment),
        members=[*names, *(name for name in filled["reviewers"] if name not in names)],
        teams=[*teams, *(name for name in filled["teams"] if name not in teams)],
        kinds=get_args(QuestionKind),
        examples={kind: spell_questions([asked]) for kind, asked in _EXAMPLES.items()},
        versions=[(v, Markup(safe_html(v.text))) for v in reversed(versions)],
    )
