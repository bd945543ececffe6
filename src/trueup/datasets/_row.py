"""A row of a dataset as evaluators and trainers read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trueup.errors import InputError
from trueup.scoring import Answered
from trueup.types import Example, Expected, Message, Preference, Score, ToolCall, Trace

__all__ = ["Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """A preference in a dataset version.

    Attributes:
        row_hash: the hash of its content; its id within the version.
        split: "train" or "validation".
        preference: what the reviewers settled on, with its lineage ids.
    """

    row_hash: str
    split: str
    preference: Preference
    _attach: Callable[[Mapping[str, Score]], None] = field(repr=False, compare=False)

    @property
    def prompt(self) -> tuple[Message, ...]:
        """The conversation up to the answer."""
        return self.preference.messages

    @property
    def answer(self) -> str:
        """The chosen answer's text: what evaluations read."""
        return self.preference.chosen

    @property
    def chosen(self) -> str:
        """The chosen answer's text."""
        return self.preference.chosen

    @property
    def rejected(self) -> str | None:
        """The rejected answer's text, or None where no shown answer was worse."""
        return self.preference.rejected

    @property
    def context(self) -> tuple[str, ...]:
        """The passages that the answer may rest on."""
        return self.preference.context

    @property
    def expected(self) -> Expected | None:
        """What a right answer contains, where it is known."""
        return self.preference.expected

    @property
    def cohort(self) -> str:
        """The group of users or requests that the row is of."""
        return self.preference.cohort

    @property
    def trace(self) -> Trace:
        """The trace that the row came from, as if it had ended with the chosen answer."""
        row = self.preference
        return Trace(
            id=row.trace_id,
            conversation_id=row.conversation_id,
            cohort=row.cohort,
            messages=row.messages,
            answer=row.chosen,
            question_type=row.question_type,
            family=row.family,
            context=row.context,
            steps=ToolCall.parse_all(row.chosen),
            expected=row.expected,
        )

    @property
    def answered(self) -> Answered:
        """What evaluators read: the request with the chosen answer."""
        return Answered(self.prompt, self.context, self.answer, self.expected)

    def attach_scores(self, **scores: Score) -> None:
        """Store scores of the chosen answer; each is kept under its own evaluator's name.

        Raises:
            InputError: a value is not a score; nothing is stored.
        """
        for name, score in scores.items():
            if not isinstance(score, Score):
                raise InputError(
                    f"attach_scores({name}=...): give what an evaluator returned, "
                    f"not {type(score).__name__}"
                )
        self._attach(scores)

    def example(self, *, pair: bool) -> Example:
        """Return the row for training: chosen and rejected as a pair, or the chosen answer alone.

        Raises:
            InputError: a pair of a row without a rejected answer.
        """
        if pair and self.rejected is None:
            raise InputError(f"row {self.row_hash[:12]} has no rejected answer to make a pair of")
        completions = (self.chosen, self.rejected) if pair else (self.chosen,)
        return Example(
            self.row_hash,
            self.prompt,
            tuple(c for c in completions if c is not None),
            weight=self.preference.weight,
            cohort=self.cohort,
            agreement=self.preference.agreement,
        )
