"""Every table of the chain, drawn once; the migrations are held against it by a test.

Times are timezone-aware UTC. Texts live in `blob`, by the SHA-256 of their content. Rows are only
ever added: a correction is a new row that names the one it replaces.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy import BigInteger as _BigInteger

__all__ = ["metadata"]

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=_NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """A timestamp that is UTC on both sides; SQLite stores no zone, so we put it back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Turn an aware time into UTC; a naive one is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be timezone-aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give back an aware UTC time."""
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _id() -> Column[str]:
    return Column("id", String(64), primary_key=True)


def _stamp() -> list[Column[Any]]:
    """Return the columns that every row carries: whose, who wrote it, when."""
    return [
        Column("project", String(64), nullable=False, server_default="default"),
        Column("actor", String(128), nullable=False),
        Column("created_at", UtcDateTime(), nullable=False),
    ]


def _ref(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), ForeignKey(f"{target}.id"), nullable=nullable, index=True)


def _blob(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, String(64), ForeignKey("blob.id"), nullable=nullable)


blob = Table(
    "blob",
    metadata,
    _id(),  # sha256 of the text
    Column("text", Text),  # NULL once erased
    Column("erased_at", UtcDateTime()),
    *_stamp(),
)

# --- training's products -------------------------------------------------------------------------

dataset = Table(
    "dataset",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    *_stamp(),
    UniqueConstraint("project", "name"),
)

dataset_version = Table(
    "dataset_version",
    metadata,
    _id(),
    _ref("dataset_id", "dataset"),
    Column("version", String(64), nullable=False),
    Column("validation_share", Float, nullable=False),
    # NULL while a draft; the hash over its row hashes once it is sealed
    Column("content_hash", String(64)),
    Column("sealed_at", UtcDateTime()),
    Column("sealed_by", String(128)),
    Column("withdrawn_at", UtcDateTime()),
    *_stamp(),
    UniqueConstraint("dataset_id", "version"),
    CheckConstraint("validation_share BETWEEN 0 AND 1", name="validation_share_range"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _id(),
    Column("path", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("role", String(32), nullable=False),  # base, deployed, control, candidate, stage
    *_stamp(),
)

# One training stage. A checkpoint that no run names as its `checkpoint_id` came from outside.
run = Table(
    "run",
    metadata,
    _id(),
    Column("stage", String(64), nullable=False),
    Column("method", String(32), nullable=False),
    Column("config", JSON, nullable=False),
    _ref("dataset_version_id", "dataset_version", nullable=True),
    _ref("base_checkpoint_id", "checkpoint"),
    _ref("checkpoint_id", "checkpoint"),
    Column("seed", Integer, nullable=False),
    Column("code_revision", String(64), nullable=False),
    Column("metrics", JSON, nullable=False),
    *_stamp(),
)

# --- traces --------------------------------------------------------------------------------------

trace = Table(
    "trace",
    metadata,
    _id(),
    Column("conversation_id", String(200), nullable=False, index=True),
    Column("cohort", String(100), nullable=False, index=True),
    Column("question_type", String(100), nullable=False, server_default=""),
    Column("family", String(100), nullable=False, server_default=""),
    _blob("messages_blob"),  # JSON list of messages
    _blob("answer_blob"),
    _blob("context_blob"),  # JSON list of passages
    Column("steps", JSON, nullable=False),
    Column("expected", JSON),
    Column("model", String(200), nullable=False, server_default=""),
    _ref("checkpoint_id", "checkpoint", nullable=True),  # what served it, where it is one of ours
    Column("latency_ms", Float),
    Column("prompt_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("started_at", UtcDateTime()),
    Column("source", String(200), nullable=False),  # the demo, or the file it was read from
    *_stamp(),
)

span = Table(
    "span",
    metadata,
    Column("trace_id", String(64), ForeignKey("trace.id"), primary_key=True),
    Column("span_id", String(64), primary_key=True),
    Column("parent_id", String(64)),
    Column("name", String(200), nullable=False),
    Column("start_ns", _BigInteger, nullable=False),
    Column("end_ns", _BigInteger, nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("status", String(16), nullable=False),
)

# --- labelling -----------------------------------------------------------------------------------

queue = Table(
    "queue",
    metadata,
    _id(),
    Column("name", String(200), nullable=False),
    Column("overlap", Integer, nullable=False),  # annotations required per item
    Column("stream", String(16), nullable=False),  # reviewer, end_user, ai
    Column("questions", JSON, nullable=False),  # what reviewers are asked: the label schema
    Column("state", String(16), nullable=False, server_default="active"),
    Column("settings", JSON, nullable=False, server_default="{}"),
    *_stamp(),
    UniqueConstraint("project", "name"),
    CheckConstraint("overlap >= 1", name="overlap_positive"),
    CheckConstraint("stream IN ('reviewer', 'end_user', 'ai')", name="stream_known"),
    CheckConstraint("state IN ('active', 'paused', 'completed', 'archived')", name="state_known"),
)

guideline = Table(
    "guideline",
    metadata,
    _id(),
    _ref("queue_id", "queue"),
    Column("version", Integer, nullable=False),
    _blob("text_blob"),  # Markdown
    *_stamp(),
    UniqueConstraint("queue_id", "version"),
)

item = Table(
    "item",
    metadata,
    _id(),
    Column("queue_id", String(64), ForeignKey("queue.id"), nullable=False),
    _ref("trace_id", "trace"),
    Column("conversation_id", String(200), nullable=False),
    Column("cohort", String(100), nullable=False),
    Column("question_type", String(100), nullable=False),
    Column("family", String(100), nullable=False),
    _blob("messages_blob"),
    _blob("context_blob"),
    Column("expected", JSON),
    Column("reason", String(100), nullable=False),
    Column("inclusion", Float, nullable=False, server_default="1"),
    Column("tag", String(64), nullable=False, server_default=""),  # the expertise it asks for
    Column("gold", Boolean, nullable=False, server_default=false()),  # its answer is known
    *_stamp(),
    # the order that a queue's items are listed in, by every filter
    Index("ix_item_listed", "queue_id", "question_type", "cohort", "id", "reason", "gold"),
    Index(
        "ix_item_gold",
        "queue_id",
        "id",
        sqlite_where=text("gold = 1"),
        postgresql_where=text("gold"),
    ),
)

item_answer = Table(
    "item_answer",
    metadata,
    Column("item_id", String(64), ForeignKey("item.id"), primary_key=True),
    Column("key", String(1), primary_key=True),
    _blob("text_blob"),
    # served, sampled, or the name of what gave it, where answers came from elsewhere
    Column("source", String(100), nullable=False),
)

# A place at an item for one reviewer. A claim reserves it until a time, a label fills it. That an
# item has as many as it needs, and no reviewer two, is what keeps labels from being too many.
slot = Table(
    "slot",
    metadata,
    _id(),
    _ref("queue_id", "queue"),
    Column("item_id", String(64), ForeignKey("item.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String(16), nullable=False),  # label, adjudication, spot_check, gold
    Column("position", _BigInteger, nullable=False),  # the order that items are handed out in
    Column("assigned", String(128)),  # who alone may claim it
    Column("tag", String(64), nullable=False, server_default=""),  # the item's
    Column("reviewer", String(128)),
    Column("expires_at", UtcDateTime()),
    Column("filled", Boolean, nullable=False),
    *_stamp(),
    UniqueConstraint("item_id", "kind", "number"),
    UniqueConstraint("item_id", "kind", "reviewer"),
    # SQLite takes an index of some rows where the query says what the index says, in its words:
    # there a boolean is asked for as a number
    Index(
        "ix_slot_open",
        "queue_id",
        "kind",
        "position",
        "number",
        sqlite_where=text("filled = 0"),
        postgresql_where=text("NOT filled"),
    ),
    Index(
        "ix_slot_held",
        "reviewer",
        sqlite_where=text("filled = 0 AND reviewer IS NOT NULL"),
        postgresql_where=text("NOT filled AND reviewer IS NOT NULL"),
    ),
    CheckConstraint("kind IN ('label', 'adjudication', 'spot_check', 'gold')", name="kind_known"),
    CheckConstraint("NOT filled OR reviewer IS NOT NULL", name="filled_by_somebody"),
)

skip = Table(
    "skip",
    metadata,
    Column("item_id", String(64), ForeignKey("item.id"), primary_key=True),
    Column("reviewer", String(128), primary_key=True),
    Column("reason", Text, nullable=False),
    *_stamp(),
)

annotation = Table(
    "annotation",
    metadata,
    _id(),
    _ref("item_id", "item"),
    Column("queue_id", String(64), ForeignKey("queue.id"), nullable=False),  # the item's
    Column("reviewer", String(128), nullable=False),
    Column("kind", String(16), nullable=False, server_default="label"),
    Column("preferred", String(8)),  # NULL where the queue does not ask for it
    Column("source", String(100)),  # of the preferred answer, else tie or neither
    Column("strength", Integer, nullable=False),
    Column("labels", JSON, nullable=False),
    _blob("correction_blob", nullable=True),
    Column("answers", JSON, nullable=False, server_default="{}"),  # to the queue's other questions
    Column("shown", String(8), nullable=False, server_default=""),  # the order answers stood in
    Column("guideline_id", String(64), ForeignKey("guideline.id")),
    Column("seconds", Float),
    Column("stream", String(16), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("replaces_id", String(64), ForeignKey("annotation.id"), unique=True),
    *_stamp(),
    # one first label a reviewer and item; what follows it is a chain of corrections
    Index(
        "uq_annotation_first",
        "item_id",
        "reviewer",
        "kind",
        unique=True,
        sqlite_where=text("replaces_id IS NULL"),
        postgresql_where=text("replaces_id IS NULL"),
    ),
    # agreement is counted from the first alone, and what a reviewer gave found by the second
    Index(
        "ix_annotation_rated",
        "queue_id",
        "kind",
        "item_id",
        "reviewer",
        "source",
        "simulated",
        "id",
    ),
    Index("ix_annotation_given", "reviewer", "queue_id", "kind", "item_id"),
    CheckConstraint("strength BETWEEN 0 AND 3", name="strength_range"),
    CheckConstraint(
        "kind IN ('label', 'adjudication', 'spot_check', 'gold', 'known')", name="kind_known"
    ),
)

audit = Table(
    "audit",
    metadata,
    _id(),
    _ref("queue_id", "queue"),
    Column("alpha", Float),  # NULL where it is undefined; `detail` says why
    Column("min_alpha", Float, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("detail", JSON, nullable=False),
    *_stamp(),
)

# --- who did what --------------------------------------------------------------------------------

# Written in the transaction of the change itself; chained by hash afterwards, by the sealer, so
# that commits do not queue behind one chain.
event = Table(
    "event",
    metadata,
    Column("number", _BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("action", String(64), nullable=False),
    Column("noun", String(32), nullable=False),
    Column("object_id", String(200), nullable=False, index=True),
    Column("detail", JSON, nullable=False),
    Column("safety", Boolean, nullable=False),
    *_stamp(),
    # each is read the newest first
    Index("ix_event_actor", "actor", "number"),
    Index("ix_event_action", "action", "number"),
    Index("ix_event_noun", "noun", "number"),
    Index(
        "ix_event_safety",
        "number",
        sqlite_where=text("safety = 1"),
        postgresql_where=text("safety"),
    ),
)

seal = Table(
    "seal",
    metadata,
    Column("number", _BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("event_number", _BigInteger, ForeignKey("event.number"), nullable=False, unique=True),
    Column("hash", String(64), nullable=False),  # of the seal before it and the event
)

# --- what is told to others ----------------------------------------------------------------------

# State, not chain. Events are told in the order of their seals: theirs is the order of commits,
# while a number may be taken before another's and be committed after it.
webhook = Table(
    "webhook",
    metadata,
    _id(),
    Column("url", Text, nullable=False),
    Column("secret", String(100), nullable=False),  # what signs must be kept, and not its hash
    Column("actions", JSON, nullable=False),  # an empty list is all
    _ref("queue_id", "queue", nullable=True),  # NULL is all
    Column("active", Boolean, nullable=False),
    Column("position", _BigInteger, nullable=False),  # the last seal that was looked at
    *_stamp(),
)

delivery = Table(
    "delivery",
    metadata,
    Column("webhook_id", String(64), ForeignKey("webhook.id"), primary_key=True),
    Column("seal_number", _BigInteger, ForeignKey("seal.number"), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column(
        "next_try", UtcDateTime(), nullable=False
    ),  # while one is under way: when it is given up
    Column("last_error", Text, nullable=False),
    Column("delivered_at", UtcDateTime()),
    Index(
        "ix_delivery_waiting",
        "webhook_id",
        "seal_number",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    CheckConstraint("state IN ('waiting', 'delivered')", name="state_known"),
)

# --- people --------------------------------------------------------------------------------------

# State, not chain: what changes here is an event. Of every secret only its SHA-256 is kept, and of
# a password its argon2id hash. A `..._key` is a name as it is compared, without case.
member = Table(
    "member",
    metadata,
    _id(),
    Column("name", String(128), nullable=False),  # the `reviewer` of annotations
    Column("name_key", String(128), nullable=False),
    Column("email", String(254)),
    Column("email_key", String(254)),
    Column("role", String(16), nullable=False),
    Column("password_hash", String(200)),  # NULL: signs in elsewhere, or not at all
    Column("tags", JSON, nullable=False),  # expertise, as items ask for it
    Column("active", Boolean, nullable=False),
    Column("oidc_issuer", String(200)),
    Column("oidc_subject", String(255)),
    *_stamp(),
    UniqueConstraint("project", "name_key"),
    UniqueConstraint("project", "email_key"),
    UniqueConstraint("oidc_issuer", "oidc_subject"),
    CheckConstraint(
        "role IN ('admin', 'manager', 'senior', 'reviewer', 'viewer')", name="role_known"
    ),
    CheckConstraint("(oidc_issuer IS NULL) = (oidc_subject IS NULL)", name="subject_has_issuer"),
)

team = Table(
    "team",
    metadata,
    _id(),
    Column("name", String(128), nullable=False),
    Column("name_key", String(128), nullable=False),
    *_stamp(),
    UniqueConstraint("project", "name_key"),
)

team_member = Table(
    "team_member",
    metadata,
    Column("team_id", String(64), ForeignKey("team.id"), primary_key=True),
    Column("member_id", String(64), ForeignKey("member.id"), primary_key=True, index=True),
    *_stamp(),
)

api_key = Table(
    "api_key",
    metadata,
    _id(),
    Column("hash", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),  # to tell keys apart by
    _ref("member_id", "member"),
    Column("name", String(128), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("expires_at", UtcDateTime()),
    Column("revoked_at", UtcDateTime()),
    Column("last_used_at", UtcDateTime()),
    *_stamp(),
)

session = Table(
    "session",
    metadata,
    _id(),  # sha256 of the token
    _ref("member_id", "member"),
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("ended_at", UtcDateTime()),
    *_stamp(),
)

invitation = Table(
    "invitation",
    metadata,
    _id(),
    Column("hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("email", String(254)),
    Column("first", Boolean, nullable=False),  # good only while there is no member
    Column("expires_at", UtcDateTime(), nullable=False),
    Column("used_at", UtcDateTime()),
    *_stamp(),
    CheckConstraint(
        "role IN ('admin', 'manager', 'senior', 'reviewer', 'viewer')", name="role_known"
    ),
)

# a sign-in that another service is to vouch for, under way in some browser; gone once it is used
pending_sign_in = Table(
    "pending_sign_in",
    metadata,
    _id(),  # sha256 of the secret that the browser keeps
    Column("expires_at", UtcDateTime(), nullable=False, index=True),
    *_stamp(),
)

sign_in_failure = Table(
    "sign_in_failure",
    metadata,
    _id(),
    Column("subject", String(64), nullable=False, index=True),  # hash of a name or an address
    *_stamp(),
)

# --- preferences and dataset rows ----------------------------------------------------------------

preference = Table(
    "preference",
    metadata,
    _id(),
    _ref("item_id", "item"),
    _blob("chosen_blob"),
    _blob("rejected_blob", nullable=True),
    Column("origin", String(16), nullable=False),
    Column("agreement", Float),
    Column("raters", Integer, nullable=False),
    Column("strength", Float, nullable=False),
    *_stamp(),
    CheckConstraint("origin IN ('served', 'sampled', 'corrected', 'given')", name="origin_known"),
)

preference_annotation = Table(
    "preference_annotation",
    metadata,
    Column("preference_id", String(64), ForeignKey("preference.id"), primary_key=True),
    Column("annotation_id", String(64), ForeignKey("annotation.id"), primary_key=True, index=True),
)

dataset_row = Table(
    "dataset_row",
    metadata,
    Column("version_id", String(64), ForeignKey("dataset_version.id"), primary_key=True),
    Column("row_hash", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    _ref("preference_id", "preference"),
    Column("split", String(16), nullable=False),  # train, validation
    Column("cohort", String(100), nullable=False),
    *_stamp(),
)

# --- scores, replays and verdicts ----------------------------------------------------------------

replay = Table(
    "replay",
    metadata,
    _id(),
    _ref("checkpoint_id", "checkpoint"),
    Column("suite", String(200), nullable=False),  # names the held-out requests
    Column("suite_hash", String(64), nullable=False),  # only equal ones are comparable
    Column("sampling", JSON, nullable=False),
    *_stamp(),
)

replay_answer = Table(
    "replay_answer",
    metadata,
    _id(),
    _ref("replay_id", "replay"),
    Column("request_id", String(200), nullable=False),
    Column("cohort", String(100), nullable=False),
    Column("family", String(100), nullable=False),
    _blob("messages_blob"),
    _blob("answer_blob"),
    Column("tokens", Integer, nullable=False),
    Column("finish_reason", String(16), nullable=False),
    UniqueConstraint("replay_id", "request_id"),
)

score = Table(
    "score",
    metadata,
    _id(),
    _ref("trace_id", "trace", nullable=True),
    _ref("replay_answer_id", "replay_answer", nullable=True),
    Column("version_id", String(64)),
    Column("row_hash", String(64)),
    Column("evaluator", String(100), nullable=False),
    Column("evaluator_version", String(32), nullable=False),
    Column("value", Float),
    Column("label", String(100)),
    Column("measure", Float),
    Column("reason", Text, nullable=False),
    Column("evidence", JSON, nullable=False),
    Column("seconds", Float),
    Column("cost", Float),  # US dollars
    # of the evaluator, its version and all that it scored by; NULL where none can be shared
    Column("input_hash", String(64), index=True),
    *_stamp(),
    ForeignKeyConstraint(
        ["version_id", "row_hash"], ["dataset_row.version_id", "dataset_row.row_hash"]
    ),
    CheckConstraint("value IS NULL OR (value >= 0 AND value <= 1)", name="value_range"),
    CheckConstraint(
        "CASE WHEN trace_id IS NULL THEN 0 ELSE 1 END"
        " + CASE WHEN replay_answer_id IS NULL THEN 0 ELSE 1 END"
        " + CASE WHEN row_hash IS NULL THEN 0 ELSE 1 END = 1",
        name="one_subject",
    ),
    Index("ix_score_version_row", "version_id", "row_hash"),
)

evaluation = Table(
    "evaluation",
    metadata,
    _id(),
    _ref("version_id", "dataset_version"),
    Column("evaluator", String(100), nullable=False),
    Column("evaluator_version", String(32), nullable=False),
    Column("cohort", String(100), nullable=False),
    Column("threshold", Float, nullable=False),
    Column("mean", Float),  # NULL when no row could be scored
    Column("scored", Integer, nullable=False),
    Column("unscored", Integer, nullable=False),
    Column("passed", Boolean, nullable=False),
    *_stamp(),
)

verdict = Table(
    "verdict",
    metadata,
    _id(),
    _ref("baseline_replay_id", "replay"),
    _ref("candidate_replay_id", "replay"),
    Column("outcome", String(16), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("table", JSON, nullable=False),
    Column("margins", JSON, nullable=False),
    *_stamp(),
    CheckConstraint("outcome IN ('ship', 'block', 'inconclusive')", name="outcome_known"),
)
