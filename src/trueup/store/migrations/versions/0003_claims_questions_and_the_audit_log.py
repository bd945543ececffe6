"""Claims, questions and the audit log

Revision: 0003, after 0002
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STATES = "state IN ('active', 'paused', 'completed', 'archived')"
JSONS = [sa.column(name, sa.JSON()) for name in ("questions", "labels")]


def stamp() -> list[sa.Column[Any]]:
    return [
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def upgrade() -> None:

    op.create_table(
        "guideline",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("queue_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("text_blob", sa.String(length=64), nullable=False),
        *stamp(),
        sa.ForeignKeyConstraint(
            ["queue_id"], ["queue.id"], name=op.f("fk_guideline_queue_id_queue")
        ),
        sa.ForeignKeyConstraint(
            ["text_blob"], ["blob.id"], name=op.f("fk_guideline_text_blob_blob")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guideline")),
        sa.UniqueConstraint("queue_id", "version", name=op.f("uq_guideline_queue_id_version")),
    )
    op.create_index(op.f("ix_guideline_queue_id"), "guideline", ["queue_id"])
    op.create_table(
        "slot",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("queue_id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("assigned", sa.String(length=128), nullable=True),
        sa.Column("tag", sa.String(length=64), server_default="", nullable=False),
        sa.Column("reviewer", sa.String(length=128), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filled", sa.Boolean(), nullable=False),
        *stamp(),
        sa.CheckConstraint(
            "kind IN ('label', 'adjudication', 'spot_check')", name=op.f("ck_slot_kind_known")
        ),
        sa.CheckConstraint(
            "NOT filled OR reviewer IS NOT NULL", name=op.f("ck_slot_filled_by_somebody")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_slot_item_id_item")),
        sa.ForeignKeyConstraint(["queue_id"], ["queue.id"], name=op.f("fk_slot_queue_id_queue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("item_id", "kind", "number", name=op.f("uq_slot_item_id_kind_number")),
        sa.UniqueConstraint(
            "item_id", "kind", "reviewer", name=op.f("uq_slot_item_id_kind_reviewer")
        ),
    )
    op.create_index(op.f("ix_slot_queue_id"), "slot", ["queue_id"])
    for name, columns, where in (
        ("ix_slot_open", ["queue_id", "kind", "position", "number"], "NOT filled"),
        ("ix_slot_held", ["reviewer"], "NOT filled AND reviewer IS NOT NULL"),
    ):
        op.create_index(
            name, "slot", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
    op.create_table(
        "skip",
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *stamp(),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_skip_item_id_item")),
        sa.PrimaryKeyConstraint("item_id", "reviewer", name=op.f("pk_skip")),
    )
    op.create_table(
        "event",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("noun", sa.String(length=32), nullable=False),
        sa.Column("object_id", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("safety", sa.Boolean(), nullable=False),
        *stamp(),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event")),
    )
    op.create_index(op.f("ix_event_object_id"), "event", ["object_id"])
    op.create_table(
        "seal",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("event_number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["event_number"], ["event.number"], name=op.f("fk_seal_event_number_event")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seal")),
        sa.UniqueConstraint("event_number", name=op.f("uq_seal_event_number")),
    )
    op.add_column("item", sa.Column("tag", sa.String(length=64), server_default="", nullable=False))
    _questions_take_the_place_of_labels()
    with op.batch_alter_table("item_answer") as table:
        table.drop_constraint(op.f("ck_item_answer_source_known"), type_="check")
        table.alter_column("source", type_=sa.String(length=100), existing_nullable=False)
    with op.batch_alter_table("preference") as table:
        table.drop_constraint(op.f("ck_preference_origin_known"), type_="check")
        table.create_check_constraint(
            op.f("ck_preference_origin_known"),
            "origin IN ('served', 'sampled', 'corrected', 'given')",
        )
    op.drop_index("uq_annotation_first", "annotation")
    with op.batch_alter_table("annotation") as table:
        table.drop_constraint(op.f("ck_annotation_preferred_known"), type_="check")
        table.alter_column("preferred", existing_type=sa.String(length=8), nullable=True)
        table.add_column(
            sa.Column("kind", sa.String(length=16), server_default="label", nullable=False)
        )
        table.add_column(sa.Column("answers", sa.JSON(), server_default="{}", nullable=False))
        table.add_column(sa.Column("shown", sa.String(length=8), server_default="", nullable=False))
        table.add_column(sa.Column("guideline_id", sa.String(length=64), nullable=True))
        table.create_foreign_key(
            op.f("fk_annotation_guideline_id_guideline"), "guideline", ["guideline_id"], ["id"]
        )
    _first_label_index("item_id", "reviewer", "kind")
    _make_slots()


def downgrade() -> None:

    op.drop_index("uq_annotation_first", "annotation")
    with op.batch_alter_table("annotation") as table:
        table.drop_constraint(op.f("fk_annotation_guideline_id_guideline"), type_="foreignkey")
        for name in ("guideline_id", "shown", "answers", "kind"):
            table.drop_column(name)
        table.alter_column("preferred", existing_type=sa.String(length=8), nullable=False)
        table.create_check_constraint(
            op.f("ck_annotation_preferred_known"), "preferred IN ('a', 'b', 'tie', 'neither')"
        )
    _first_label_index("item_id", "reviewer")
    with op.batch_alter_table("item_answer") as table:
        table.alter_column("source", type_=sa.String(length=16), existing_nullable=False)
        table.create_check_constraint(
            op.f("ck_item_answer_source_known"), "source IN ('served', 'sampled')"
        )
    with op.batch_alter_table("preference") as table:
        table.drop_constraint(op.f("ck_preference_origin_known"), type_="check")
        table.create_check_constraint(
            op.f("ck_preference_origin_known"), "origin IN ('served', 'sampled', 'corrected')"
        )
    _labels_take_the_place_of_questions()
    op.drop_column("item", "tag")
    for name in ("seal", "event", "skip", "slot", "guideline"):
        op.drop_table(name)


def _questions_take_the_place_of_labels() -> None:
    """A queue asked for a preference, for labels to tick and for a correction, and still does."""
    with op.batch_alter_table("queue") as table:
        table.add_column(sa.Column("questions", sa.JSON(), server_default="[]", nullable=False))
        table.add_column(
            sa.Column("state", sa.String(length=16), server_default="active", nullable=False)
        )
        table.add_column(sa.Column("settings", sa.JSON(), server_default="{}", nullable=False))
        table.create_check_constraint(op.f("ck_queue_state_known"), STATES)
    queue = sa.table("queue", sa.column("id"), *JSONS)
    tx = op.get_bind()
    for row in tx.execute(sa.select(queue)).all():
        asked = [
            {"name": "preference", "kind": "preference", "required": True}
            | {"title": "Which answer is better?"},
            {"name": "labels", "kind": "choices", "options": row.labels, "title": "What holds?"},
            {"name": "correction", "kind": "edit", "title": "What would be right?"},
        ]
        tx.execute(sa.update(queue).where(queue.c.id == row.id).values(questions=asked))
    with op.batch_alter_table("queue") as table:
        table.drop_column("labels")
        table.alter_column("questions", existing_type=sa.JSON(), server_default=None)


def _labels_take_the_place_of_questions() -> None:
    with op.batch_alter_table("queue") as table:
        table.add_column(sa.Column("labels", sa.JSON(), server_default="[]", nullable=False))
    queue = sa.table("queue", sa.column("id"), *JSONS)
    tx = op.get_bind()
    for row in tx.execute(sa.select(queue)).all():
        options = [q.get("options", []) for q in row.questions if q["name"] == "labels"]
        labels = options[0] if options else []
        tx.execute(sa.update(queue).where(queue.c.id == row.id).values(labels=labels))
    with op.batch_alter_table("queue") as table:
        table.drop_constraint(op.f("ck_queue_state_known"), type_="check")
        for name in ("questions", "state", "settings"):
            table.drop_column(name)
        table.alter_column("labels", existing_type=sa.JSON(), server_default=None)


def _first_label_index(*columns: str) -> None:
    where = sa.text("replaces_id IS NULL")
    op.create_index(
        "uq_annotation_first",
        "annotation",
        list(columns),
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _make_slots() -> None:
    """Give every item as many places as its queue asks for, filled by the labels that it has."""
    tx = op.get_bind()
    meta = sa.MetaData()
    queue, item, annotation, slot = (
        sa.Table(name, meta, autoload_with=tx) for name in ("queue", "item", "annotation", "slot")
    )
    overlap = dict(tx.execute(sa.select(queue.c.id, queue.c.overlap)).all())
    first = sa.select(annotation.c.item_id, annotation.c.reviewer).where(
        annotation.c.replaces_id.is_(None)
    )
    raters: dict[str, list[str]] = {}
    for item_id, reviewer in tx.execute(first.order_by(annotation.c.created_at)):
        raters.setdefault(item_id, []).append(reviewer)
    rows = tx.execute(sa.select(item).order_by(item.c.created_at, item.c.id)).all()
    for position, row in enumerate(rows):
        given = raters.get(row.id, [])
        for number in range(max(overlap[row.queue_id], len(given))):
            reviewer = given[number] if number < len(given) else None
            tx.execute(
                sa.insert(slot).values(
                    id=_id("slot", row.id, "label", number),
                    queue_id=row.queue_id,
                    item_id=row.id,
                    number=number,
                    kind="label",
                    position=position,
                    reviewer=reviewer,
                    filled=reviewer is not None,
                    project=row.project,
                    actor=row.actor,
                    created_at=row.created_at,
                )
            )


def _id(*parts: object) -> str:
    """Return the id that the store gives a slot, as it did when this was written."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
