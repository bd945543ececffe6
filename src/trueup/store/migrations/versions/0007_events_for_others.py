"""Webhooks with their deliveries; the audit log by actor, action, noun and safety

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
READ_BY = ("actor", "action", "noun")


def upgrade() -> None:
    for name in READ_BY:
        op.create_index(f"ix_event_{name}", "event", [name, "number"])
    op.create_index(
        "ix_event_safety",
        "event",
        ["number"],
        sqlite_where=sa.text("safety = 1"),
        postgresql_where=sa.text("safety"),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(length=100), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("queue_id", sa.String(length=64), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("project", sa.String(length=64), server_default="default", nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["queue_id"], ["queue.id"], name=op.f("fk_webhook_queue_id_queue")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index(op.f("ix_webhook_queue_id"), "webhook", ["queue_id"])
    op.create_table(
        "delivery",
        sa.Column("webhook_id", sa.String(length=64), nullable=False),
        sa.Column("seal_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try", TIME, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered')", name=op.f("ck_delivery_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhook.id"], name=op.f("fk_delivery_webhook_id_webhook")
        ),
        sa.ForeignKeyConstraint(
            ["seal_number"], ["seal.number"], name=op.f("fk_delivery_seal_number_seal")
        ),
        sa.PrimaryKeyConstraint("webhook_id", "seal_number", name=op.f("pk_delivery")),
    )
    op.create_index(
        "ix_delivery_waiting",
        "delivery",
        ["webhook_id", "seal_number"],
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_table("delivery")
    op.drop_table("webhook")
    for name in (*READ_BY, "safety"):
        op.drop_index(f"ix_event_{name}", "event")
