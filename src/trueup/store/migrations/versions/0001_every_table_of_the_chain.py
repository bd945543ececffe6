"""Every table of the chain

Revision: 0001, after
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "blob",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "dataset",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_dataset_project_name")),
    )
    op.create_table(
        "queue",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("overlap", sa.Integer(), nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "stream IN ('reviewer', 'end_user', 'ai')", name=op.f("ck_queue_stream_known")
        ),
        sa.CheckConstraint("overlap >= 1", name=op.f("ck_queue_overlap_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue")),
        sa.UniqueConstraint("project", "name", name=op.f("uq_queue_project_name")),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("queue_id", sa.String(length=64), nullable=False),
        sa.Column("alpha", sa.Float(), nullable=True),
        sa.Column("min_alpha", sa.Float(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["queue_id"], ["queue.id"], name=op.f("fk_audit_queue_id_queue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_queue_id"), "audit", ["queue_id"], unique=False)
    op.create_table(
        "dataset_version",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("dataset_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("validation_share", sa.Float(), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sealed_by", sa.String(length=128), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "validation_share BETWEEN 0 AND 1",
            name=op.f("ck_dataset_version_validation_share_range"),
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_version_dataset_id_dataset")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint(
            "dataset_id", "version", name=op.f("uq_dataset_version_dataset_id_version")
        ),
    )
    op.create_index(
        op.f("ix_dataset_version_dataset_id"), "dataset_version", ["dataset_id"], unique=False
    )
    op.create_table(
        "replay",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("checkpoint_id", sa.String(length=64), nullable=False),
        sa.Column("suite", sa.String(length=200), nullable=False),
        sa.Column("suite_hash", sa.String(length=64), nullable=False),
        sa.Column("sampling", sa.JSON(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_replay_checkpoint_id_checkpoint")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay")),
    )
    op.create_index(op.f("ix_replay_checkpoint_id"), "replay", ["checkpoint_id"], unique=False)
    op.create_table(
        "trace",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("cohort", sa.String(length=100), nullable=False),
        sa.Column("question_type", sa.String(length=100), server_default="", nullable=False),
        sa.Column("family", sa.String(length=100), server_default="", nullable=False),
        sa.Column("messages_blob", sa.String(length=64), nullable=False),
        sa.Column("answer_blob", sa.String(length=64), nullable=False),
        sa.Column("context_blob", sa.String(length=64), nullable=False),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=True),
        sa.Column("model", sa.String(length=200), server_default="", nullable=False),
        sa.Column("checkpoint_id", sa.String(length=64), nullable=True),
        sa.Column("latency_ms", sa.Float(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=True),
        sa.Column("completion_tokens", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_blob"], ["blob.id"], name=op.f("fk_trace_answer_blob_blob")
        ),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_trace_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(
            ["context_blob"], ["blob.id"], name=op.f("fk_trace_context_blob_blob")
        ),
        sa.ForeignKeyConstraint(
            ["messages_blob"], ["blob.id"], name=op.f("fk_trace_messages_blob_blob")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace")),
    )
    op.create_index(op.f("ix_trace_checkpoint_id"), "trace", ["checkpoint_id"], unique=False)
    op.create_index(op.f("ix_trace_cohort"), "trace", ["cohort"], unique=False)
    op.create_index(op.f("ix_trace_conversation_id"), "trace", ["conversation_id"], unique=False)
    op.create_table(
        "evaluation",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("evaluator", sa.String(length=100), nullable=False),
        sa.Column("evaluator_version", sa.String(length=32), nullable=False),
        sa.Column("cohort", sa.String(length=100), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("mean", sa.Float(), nullable=True),
        sa.Column("scored", sa.Integer(), nullable=False),
        sa.Column("unscored", sa.Integer(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_evaluation_version_id_dataset_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation")),
    )
    op.create_index(op.f("ix_evaluation_version_id"), "evaluation", ["version_id"], unique=False)
    op.create_table(
        "item",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("queue_id", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", sa.String(length=200), nullable=False),
        sa.Column("cohort", sa.String(length=100), nullable=False),
        sa.Column("question_type", sa.String(length=100), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False),
        sa.Column("messages_blob", sa.String(length=64), nullable=False),
        sa.Column("context_blob", sa.String(length=64), nullable=False),
        sa.Column("expected", sa.JSON(), nullable=True),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["context_blob"], ["blob.id"], name=op.f("fk_item_context_blob_blob")
        ),
        sa.ForeignKeyConstraint(
            ["messages_blob"], ["blob.id"], name=op.f("fk_item_messages_blob_blob")
        ),
        sa.ForeignKeyConstraint(["queue_id"], ["queue.id"], name=op.f("fk_item_queue_id_queue")),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_item_trace_id_trace")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
    )
    op.create_index(op.f("ix_item_queue_id"), "item", ["queue_id"], unique=False)
    op.create_index(op.f("ix_item_trace_id"), "item", ["trace_id"], unique=False)
    op.create_table(
        "replay_answer",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("replay_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=200), nullable=False),
        sa.Column("cohort", sa.String(length=100), nullable=False),
        sa.Column("family", sa.String(length=100), nullable=False),
        sa.Column("messages_blob", sa.String(length=64), nullable=False),
        sa.Column("answer_blob", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("finish_reason", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_blob"], ["blob.id"], name=op.f("fk_replay_answer_answer_blob_blob")
        ),
        sa.ForeignKeyConstraint(
            ["messages_blob"], ["blob.id"], name=op.f("fk_replay_answer_messages_blob_blob")
        ),
        sa.ForeignKeyConstraint(
            ["replay_id"], ["replay.id"], name=op.f("fk_replay_answer_replay_id_replay")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay_answer")),
        sa.UniqueConstraint(
            "replay_id", "request_id", name=op.f("uq_replay_answer_replay_id_request_id")
        ),
    )
    op.create_index(
        op.f("ix_replay_answer_replay_id"), "replay_answer", ["replay_id"], unique=False
    )
    op.create_table(
        "run",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("dataset_version_id", sa.String(length=64), nullable=True),
        sa.Column("base_checkpoint_id", sa.String(length=64), nullable=False),
        sa.Column("checkpoint_id", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("code_revision", sa.String(length=64), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["base_checkpoint_id"],
            ["checkpoint.id"],
            name=op.f("fk_run_base_checkpoint_id_checkpoint"),
        ),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"], ["checkpoint.id"], name=op.f("fk_run_checkpoint_id_checkpoint")
        ),
        sa.ForeignKeyConstraint(
            ["dataset_version_id"],
            ["dataset_version.id"],
            name=op.f("fk_run_dataset_version_id_dataset_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index(op.f("ix_run_base_checkpoint_id"), "run", ["base_checkpoint_id"], unique=False)
    op.create_index(op.f("ix_run_checkpoint_id"), "run", ["checkpoint_id"], unique=False)
    op.create_index(op.f("ix_run_dataset_version_id"), "run", ["dataset_version_id"], unique=False)
    op.create_table(
        "span",
        sa.Column("trace_id", sa.String(length=64), nullable=False),
        sa.Column("span_id", sa.String(length=64), nullable=False),
        sa.Column("parent_id", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("end_ns", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_span_trace_id_trace")),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name=op.f("pk_span")),
    )
    op.create_table(
        "verdict",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("baseline_replay_id", sa.String(length=64), nullable=False),
        sa.Column("candidate_replay_id", sa.String(length=64), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("table", sa.JSON(), nullable=False),
        sa.Column("margins", sa.JSON(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('ship', 'block', 'inconclusive')", name=op.f("ck_verdict_outcome_known")
        ),
        sa.ForeignKeyConstraint(
            ["baseline_replay_id"], ["replay.id"], name=op.f("fk_verdict_baseline_replay_id_replay")
        ),
        sa.ForeignKeyConstraint(
            ["candidate_replay_id"],
            ["replay.id"],
            name=op.f("fk_verdict_candidate_replay_id_replay"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verdict")),
    )
    op.create_index(
        op.f("ix_verdict_baseline_replay_id"), "verdict", ["baseline_replay_id"], unique=False
    )
    op.create_index(
        op.f("ix_verdict_candidate_replay_id"), "verdict", ["candidate_replay_id"], unique=False
    )
    op.create_table(
        "annotation",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("reviewer", sa.String(length=128), nullable=False),
        sa.Column("preferred", sa.String(length=8), nullable=False),
        sa.Column("strength", sa.Integer(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("correction_blob", sa.String(length=64), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("replaces_id", sa.String(length=64), nullable=True),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "preferred IN ('a', 'b', 'tie', 'neither')", name=op.f("ck_annotation_preferred_known")
        ),
        sa.CheckConstraint("strength BETWEEN 0 AND 3", name=op.f("ck_annotation_strength_range")),
        sa.ForeignKeyConstraint(
            ["correction_blob"], ["blob.id"], name=op.f("fk_annotation_correction_blob_blob")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_annotation_item_id_item")),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["annotation.id"], name=op.f("fk_annotation_replaces_id_annotation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotation")),
        sa.UniqueConstraint("replaces_id", name=op.f("uq_annotation_replaces_id")),
    )
    op.create_index(op.f("ix_annotation_item_id"), "annotation", ["item_id"], unique=False)
    op.create_index(op.f("ix_annotation_reviewer"), "annotation", ["reviewer"], unique=False)
    op.create_index(
        "uq_annotation_first",
        "annotation",
        ["item_id", "reviewer"],
        unique=True,
        sqlite_where=sa.text("replaces_id IS NULL"),
        postgresql_where=sa.text("replaces_id IS NULL"),
    )
    op.create_table(
        "item_answer",
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=1), nullable=False),
        sa.Column("text_blob", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "source IN ('served', 'sampled')", name=op.f("ck_item_answer_source_known")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_answer_item_id_item")),
        sa.ForeignKeyConstraint(
            ["text_blob"], ["blob.id"], name=op.f("fk_item_answer_text_blob_blob")
        ),
        sa.PrimaryKeyConstraint("item_id", "key", name=op.f("pk_item_answer")),
    )
    op.create_table(
        "preference",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("item_id", sa.String(length=64), nullable=False),
        sa.Column("chosen_blob", sa.String(length=64), nullable=False),
        sa.Column("rejected_blob", sa.String(length=64), nullable=True),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("agreement", sa.Float(), nullable=True),
        sa.Column("raters", sa.Integer(), nullable=False),
        sa.Column("strength", sa.Float(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "origin IN ('served', 'sampled', 'corrected')", name=op.f("ck_preference_origin_known")
        ),
        sa.ForeignKeyConstraint(
            ["chosen_blob"], ["blob.id"], name=op.f("fk_preference_chosen_blob_blob")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_preference_item_id_item")),
        sa.ForeignKeyConstraint(
            ["rejected_blob"], ["blob.id"], name=op.f("fk_preference_rejected_blob_blob")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preference")),
    )
    op.create_index(op.f("ix_preference_item_id"), "preference", ["item_id"], unique=False)
    op.create_table(
        "dataset_row",
        sa.Column("version_id", sa.String(length=64), nullable=False),
        sa.Column("row_hash", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("preference_id", sa.String(length=64), nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.Column("cohort", sa.String(length=100), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["preference_id"],
            ["preference.id"],
            name=op.f("fk_dataset_row_preference_id_preference"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["dataset_version.id"],
            name=op.f("fk_dataset_row_version_id_dataset_version"),
        ),
        sa.PrimaryKeyConstraint("version_id", "row_hash", name=op.f("pk_dataset_row")),
    )
    op.create_index(
        op.f("ix_dataset_row_preference_id"), "dataset_row", ["preference_id"], unique=False
    )
    op.create_table(
        "preference_annotation",
        sa.Column("preference_id", sa.String(length=64), nullable=False),
        sa.Column("annotation_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotation_id"],
            ["annotation.id"],
            name=op.f("fk_preference_annotation_annotation_id_annotation"),
        ),
        sa.ForeignKeyConstraint(
            ["preference_id"],
            ["preference.id"],
            name=op.f("fk_preference_annotation_preference_id_preference"),
        ),
        sa.PrimaryKeyConstraint(
            "preference_id", "annotation_id", name=op.f("pk_preference_annotation")
        ),
    )
    op.create_index(
        op.f("ix_preference_annotation_annotation_id"),
        "preference_annotation",
        ["annotation_id"],
        unique=False,
    )
    op.create_table(
        "score",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("trace_id", sa.String(length=64), nullable=True),
        sa.Column("replay_answer_id", sa.String(length=64), nullable=True),
        sa.Column("version_id", sa.String(length=64), nullable=True),
        sa.Column("row_hash", sa.String(length=64), nullable=True),
        sa.Column("evaluator", sa.String(length=100), nullable=False),
        sa.Column("evaluator_version", sa.String(length=32), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("label", sa.String(length=100), nullable=True),
        sa.Column("measure", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN trace_id IS NULL THEN 0 ELSE 1 END + CASE WHEN replay_answer_id IS NULL THEN 0 ELSE 1 END + CASE WHEN row_hash IS NULL THEN 0 ELSE 1 END = 1",
            name=op.f("ck_score_one_subject"),
        ),
        sa.CheckConstraint(
            "value IS NULL OR (value >= 0 AND value <= 1)", name=op.f("ck_score_value_range")
        ),
        sa.ForeignKeyConstraint(
            ["replay_answer_id"],
            ["replay_answer.id"],
            name=op.f("fk_score_replay_answer_id_replay_answer"),
        ),
        sa.ForeignKeyConstraint(["trace_id"], ["trace.id"], name=op.f("fk_score_trace_id_trace")),
        sa.ForeignKeyConstraint(
            ["version_id", "row_hash"],
            ["dataset_row.version_id", "dataset_row.row_hash"],
            name=op.f("fk_score_version_id_row_hash_dataset_row"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score")),
    )
    op.create_index(op.f("ix_score_replay_answer_id"), "score", ["replay_answer_id"], unique=False)
    op.create_index(op.f("ix_score_trace_id"), "score", ["trace_id"], unique=False)
    op.create_index("ix_score_version_row", "score", ["version_id", "row_hash"], unique=False)


def downgrade() -> None:

    op.drop_index("ix_score_version_row", table_name="score")
    op.drop_index(op.f("ix_score_trace_id"), table_name="score")
    op.drop_index(op.f("ix_score_replay_answer_id"), table_name="score")
    op.drop_table("score")
    op.drop_index(
        op.f("ix_preference_annotation_annotation_id"), table_name="preference_annotation"
    )
    op.drop_table("preference_annotation")
    op.drop_index(op.f("ix_dataset_row_preference_id"), table_name="dataset_row")
    op.drop_table("dataset_row")
    op.drop_index(op.f("ix_preference_item_id"), table_name="preference")
    op.drop_table("preference")
    op.drop_table("item_answer")
    op.drop_index("uq_annotation_first", table_name="annotation")
    op.drop_index(op.f("ix_annotation_reviewer"), table_name="annotation")
    op.drop_index(op.f("ix_annotation_item_id"), table_name="annotation")
    op.drop_table("annotation")
    op.drop_index(op.f("ix_verdict_candidate_replay_id"), table_name="verdict")
    op.drop_index(op.f("ix_verdict_baseline_replay_id"), table_name="verdict")
    op.drop_table("verdict")
    op.drop_table("span")
    op.drop_index(op.f("ix_run_dataset_version_id"), table_name="run")
    op.drop_index(op.f("ix_run_checkpoint_id"), table_name="run")
    op.drop_index(op.f("ix_run_base_checkpoint_id"), table_name="run")
    op.drop_table("run")
    op.drop_index(op.f("ix_replay_answer_replay_id"), table_name="replay_answer")
    op.drop_table("replay_answer")
    op.drop_index(op.f("ix_item_trace_id"), table_name="item")
    op.drop_index(op.f("ix_item_queue_id"), table_name="item")
    op.drop_table("item")
    op.drop_index(op.f("ix_evaluation_version_id"), table_name="evaluation")
    op.drop_table("evaluation")
    op.drop_index(op.f("ix_trace_conversation_id"), table_name="trace")
    op.drop_index(op.f("ix_trace_cohort"), table_name="trace")
    op.drop_index(op.f("ix_trace_checkpoint_id"), table_name="trace")
    op.drop_table("trace")
    op.drop_index(op.f("ix_replay_checkpoint_id"), table_name="replay")
    op.drop_table("replay")
    op.drop_index(op.f("ix_dataset_version_dataset_id"), table_name="dataset_version")
    op.drop_table("dataset_version")
    op.drop_index(op.f("ix_audit_queue_id"), table_name="audit")
    op.drop_table("audit")
    op.drop_table("queue")
    op.drop_table("dataset")
    op.drop_table("checkpoint")
    op.drop_table("blob")
