"""What the pages and the API about quality take and give."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from trueup.people import Actor, permissions_of
from trueup.queues import Match
from trueup.web._shapes import annotation_out, item_out
from trueup.web.quality._quality import Filters

__all__ = ["Asked", "Looked", "blind_to", "match_out"]

_Name = Annotated[str, Field(max_length=200)]


class _Query(BaseModel):
    # a form sends what is left empty as an empty text
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    question: _Name = ""
    cohort: _Name = ""
    question_type: _Name | None = None
    reviewer: _Name = ""


class Asked(_Query):
    """Which part of a queue's agreement; see `AnnotationQueue.agreement`."""

    since: date | Annotated[str, Field(max_length=0)] = ""
    until: date | Annotated[str, Field(max_length=0)] = ""
    simulated: bool = True

    def filters(self) -> Filters:
        """Return the record."""
        return Filters(
            self.question or None,
            self.cohort or None,
            self.question_type or None,
            self.reviewer or None,
            self.since if isinstance(self.since, date) else None,
            self.until if isinstance(self.until, date) else None,
            self.simulated,
        )


class Looked(_Query):
    """Which items; see `AnnotationQueue.matches`."""

    beside: Annotated[_Name, Field(alias="with")] = ""
    disagree: bool = False
    label: _Name = ""
    page: Annotated[int, Field(ge=1, le=50)] = 1

    def options(self) -> dict[str, Any]:
        """Return the arguments."""
        given = {name: value or None for name, value in self.model_dump().items()}
        return given | {"disagree": self.disagree, "page": self.page}

    def said(self) -> str:
        """Say in words which items."""
        parts = [
            f"cohort {self.cohort}" if self.cohort else "",
            f"question type {self.question_type}" if self.question_type else "",
            f"labelled by {self.reviewer}" if self.reviewer else "",
            f"and by {self.beside}" if self.beside else "",
            f"with the label {self.label}" if self.label else "",
            f"whose answers to {self.question or 'the question'} differ"
            if self.disagree and not self.label
            else "on which not all agree"
            if self.disagree
            else "",
        ]
        return ", ".join(part for part in parts if part) or "all items"

    def address(self, queue_id: str, page: int) -> str:
        """Return another page of the same."""
        given = self.model_dump(by_alias=True, exclude_defaults=True)
        given |= {"page": page} | ({"disagree": "1"} if self.disagree else {})
        return f"/queue/{queue_id}/items?{urlencode(given)}"


def blind_to(actor: Actor) -> str | None:
    """Return whose labelling the labels of others would bias: not who sets the queue up."""
    allowed = permissions_of(actor)
    return actor.name if "label" in allowed and "manage_queue" not in allowed else None


def match_out(match: Match) -> dict[str, Any]:
    """Return an item with its labels; with where its answers came from only if it shows these."""
    return {
        "item": item_out(match.item, blind=bool(match.hidden)),
        "labels": [annotation_out(given) for given in match.labels],
        "hidden": match.hidden,
    }
