"""The nouns of the chain, as frozen records that every room shares.

They carry data and what follows from it alone; nothing here reads a store, a file or a clock.
"""

from trueup.types._labels import (
    LABELS,
    Annotation,
    AnnotationKind,
    Item,
    ItemAnswer,
    Label,
    Preference,
    Question,
    QuestionKind,
)
from trueup.types._runs import (
    Checkpoint,
    Completion,
    Example,
    Run,
    Verdict,
    VerdictOutcome,
)
from trueup.types._traces import (
    ALL_COHORTS,
    BROKE,
    AnyOf,
    Expected,
    Message,
    Messages,
    Score,
    Span,
    ToolCall,
    Trace,
)

__all__ = [
    "ALL_COHORTS",
    "BROKE",
    "LABELS",
    "Annotation",
    "AnnotationKind",
    "AnyOf",
    "Checkpoint",
    "Completion",
    "Example",
    "Expected",
    "Item",
    "ItemAnswer",
    "Label",
    "Message",
    "Messages",
    "Preference",
    "Question",
    "QuestionKind",
    "Run",
    "Score",
    "Span",
    "ToolCall",
    "Trace",
    "Verdict",
    "VerdictOutcome",
]
