"""Annotation queues: items out to reviewers, labels back, and the preferences they settle on."""

from trueup.queues._activity import Activity, Day, Overruled
from trueup.queues._agreement import MIN_RATED, Agreement, AgreementReport, ReviewerAgreement
from trueup.queues._audit import AuditReport, LabelAgreement
from trueup.queues._claims import Claim
from trueup.queues._context import ItemContext
from trueup.queues._evidence import EvidenceFile, export_evidence
from trueup.queues._exports import Export, RowFormat, Shape
from trueup.queues._haste import Haste
from trueup.queues._imports import Tool
from trueup.queues._items import NewItem
from trueup.queues._labelling import ImportReport
from trueup.queues._ledger import Submission
from trueup.queues._matches import Match, Matches
from trueup.queues._preferences import Format, PreferenceSet
from trueup.queues._queue import AnnotationQueue, list_queues
from trueup.queues._reliability import Feedback, Reliability
from trueup.queues._schema import parse_questions, spell_questions
from trueup.queues._settings import Assignment, Settings, State, Stream
from trueup.queues._settle import Origin
from trueup.queues._sources import Added
from trueup.queues._stats import QueueStats
from trueup.queues._weekly import draw_weekly

__all__ = [
    "MIN_RATED",
    "Activity",
    "Added",
    "Agreement",
    "AgreementReport",
    "AnnotationQueue",
    "Assignment",
    "AuditReport",
    "Claim",
    "Day",
    "EvidenceFile",
    "Export",
    "Feedback",
    "Format",
    "Haste",
    "ImportReport",
    "ItemContext",
    "LabelAgreement",
    "Match",
    "Matches",
    "NewItem",
    "Origin",
    "Overruled",
    "PreferenceSet",
    "QueueStats",
    "Reliability",
    "ReviewerAgreement",
    "RowFormat",
    "Settings",
    "Shape",
    "State",
    "Stream",
    "Submission",
    "Tool",
    "draw_weekly",
    "export_evidence",
    "list_queues",
    "parse_questions",
    "spell_questions",
]
