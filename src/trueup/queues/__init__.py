"""Annotation queues: items out to reviewers, labels back, and the preferences they settle on."""

from trueup.queues._queue import AnnotationQueue, list_queues
from trueup.queues._settings import Assignment, Settings, State, Stream
from trueup.queues._stats import QueueStats
from trueup.queues.exports._evidence import EvidenceFile, export_evidence
from trueup.queues.exports._exports import Export, RowFormat, Shape
from trueup.queues.exports._preferences import Format, PreferenceSet
from trueup.queues.exports._settle import Origin
from trueup.queues.imports._imports import Tool
from trueup.queues.imports._labelling import ImportReport
from trueup.queues.labels._claims import Claim
from trueup.queues.labels._ledger import Submission
from trueup.queues.labels._schema import parse_questions, spell_questions
from trueup.queues.quality._activity import Activity, Day, Overruled
from trueup.queues.quality._agreement import (
    MIN_RATED,
    Agreement,
    AgreementReport,
    ReviewerAgreement,
)
from trueup.queues.quality._audit import AuditReport, LabelAgreement
from trueup.queues.quality._haste import Haste
from trueup.queues.quality._matches import Match, Matches
from trueup.queues.seniors._reliability import Feedback, Reliability
from trueup.queues.seniors._weekly import draw_weekly
from trueup.queues.sources._context import ItemContext
from trueup.queues.sources._items import NewItem
from trueup.queues.sources._sources import Added

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
