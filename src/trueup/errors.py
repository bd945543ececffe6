"""Every error trueup raises on purpose, as one tree.

A message says what went wrong, which object it concerns, and what to do, in one line; the command
line prints it without a traceback and exits with 1.

    TrueupError
    ├── InputError            bad input from outside: a file, a line, a flag's value
    │   ├── TraceRejected     lines of a trace file that are not traces
    │   ├── UnknownName       a cohort, queue, dataset, evaluator ... that does not exist
    │   └── PromptTooLong     a prompt that does not fit the model's context
    ├── StoreError            the store cannot be opened, found or migrated
    │   └── StoreBusy         another process holds the store's workflow lock
    ├── QueueError            a queue cannot do what was asked of it
    │   ├── QueueEmpty        nothing to export, audit or label
    │   └── LeaseExpired      a label arrived after its lease ended
    ├── DatasetError
    │   ├── VersionSealed     other rows for a version that can no longer change
    │   └── VersionConflict   a version exists with other content
    ├── AgreementTooLow       the audit's red line: the labels may not be trained on
    ├── ModelError            a model folder that cannot be loaded or saved
    ├── TrainingError         training cannot start or go on
    │   └── LossNotFinite     the loss became NaN or infinite; names the batch
    ├── EvaluationError       an evaluation cannot go on; what was scored is kept
    ├── GateError             replays that cannot be compared, margins that make no sense
    ├── AccessDenied          a member, or an API key, may not do what was asked
    ├── SignInError           a wrong name or password, or too many tries
    └── MissingExtra          a part that needs `pip install trueup[...]`
"""

from datetime import datetime

__all__ = [
    "AccessDenied",
    "AgreementTooLow",
    "DatasetError",
    "EvaluationError",
    "GateError",
    "InputError",
    "LeaseExpired",
    "LossNotFinite",
    "MissingExtra",
    "ModelError",
    "PromptTooLong",
    "QueueEmpty",
    "QueueError",
    "SignInError",
    "StoreBusy",
    "StoreError",
    "TraceRejected",
    "TrainingError",
    "TrueupError",
    "UnknownName",
    "VersionConflict",
    "VersionSealed",
]


class TrueupError(Exception):
    """Base of every error that trueup raises on purpose."""


class InputError(TrueupError):
    """Input from outside that cannot be used as it is."""


class TraceRejected(InputError):
    """Lines of a trace file that are not traces; the message counts and names them."""


class UnknownName(InputError):
    """A name that nothing answers to; the message lists those that exist."""


class PromptTooLong(InputError):
    """A prompt that leaves no room for its completion in the model's context."""


class StoreError(TrueupError):
    """The store cannot be opened, found or brought to this version's schema."""


class StoreBusy(StoreError):
    """Another process runs workflows on this store."""


class QueueError(TrueupError):
    """A queue cannot do what was asked of it."""


class QueueEmpty(QueueError):
    """The queue holds nothing that fits what was asked for."""


class LeaseExpired(QueueError):
    """A label came after its lease had ended."""


class DatasetError(TrueupError):
    """A dataset cannot do what was asked of it."""


class VersionSealed(DatasetError):
    """Other rows were given to a dataset version that can no longer change."""


class VersionConflict(DatasetError):
    """A dataset version of this name exists with other content."""


class AgreementTooLow(TrueupError):
    """The labels' agreement is under the line, so they are not trained on."""


class ModelError(TrueupError):
    """A model that cannot be found, loaded or saved."""


class TrainingError(TrueupError):
    """Training that cannot start or go on."""


class LossNotFinite(TrainingError):
    """The loss became NaN or infinite."""


class EvaluationError(TrueupError):
    """An evaluation that cannot go on; what was scored is kept."""


class GateError(TrueupError):
    """Replays that cannot be compared, or margins that make no sense."""


class AccessDenied(TrueupError):
    """What was asked is not allowed to the one who asked, or at all; the message says who may."""


class SignInError(TrueupError):
    """A sign-in that failed; the message does not say whether the name or the password was wrong.

    Attributes:
        retry_at: when the next try is let through, where there were too many; else None.
    """

    def __init__(self, message: str, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class MissingExtra(TrueupError):
    """A part of trueup whose optional dependencies are not installed."""
