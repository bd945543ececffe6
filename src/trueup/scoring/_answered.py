"""A request and an answer to it, which is what every evaluator reads."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.types import Expected, Messages, ToolCall, Trace

__all__ = ["Answered"]


@dataclass(frozen=True, slots=True)
class Answered:
    """A request and an answer to it, from wherever: a trace, a sample, a dataset row, a replay.

    Attributes:
        messages: the conversation up to the answer.
        context: the passages that the answer may rest on.
        answer: the answer's text, tool calls included.
        expected: what a right answer contains, where it is known.
        steps: every tool call made; empty reads those in the answer.
    """

    messages: Messages
    context: tuple[str, ...]
    answer: str
    expected: Expected | None = None
    steps: tuple[ToolCall, ...] = ()

    @classmethod
    def of(cls, trace: Trace) -> Answered:
        """Return what a trace was asked and how it was answered."""
        return cls(trace.messages, trace.context, trace.answer, trace.expected, trace.steps)

    @property
    def prompt(self) -> str:
        """The last thing that the user said."""
        turns = (m.get("content") for m in reversed(self.messages) if m.get("role") == "user")
        return str(next(turns, None) or "")

    @property
    def trajectory(self) -> Trace:
        """The same as a trace, without what says where it came from."""
        return Trace(
            id="",
            conversation_id="",
            cohort="",
            messages=tuple(self.messages),
            answer=self.answer,
            steps=self.steps or ToolCall.parse_all(self.answer),
            expected=self.expected,
        )
