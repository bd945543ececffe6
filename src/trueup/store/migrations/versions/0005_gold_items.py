"""Gold items: their answer is known, and what reviewers give on them is a kind of its own

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

PLACES = "kind IN ('label', 'adjudication', 'spot_check', 'gold')"
LABELS = "kind IN ('label', 'adjudication', 'spot_check', 'gold', 'known')"


def upgrade() -> None:

    op.add_column(
        "item", sa.Column("gold", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index(
        "ix_item_gold",
        "item",
        ["queue_id", "id"],
        sqlite_where=sa.text("gold = 1"),
        postgresql_where=sa.text("gold"),
    )
    with op.batch_alter_table("slot") as table:
        table.drop_constraint(op.f("ck_slot_kind_known"), type_="check")
        table.create_check_constraint(op.f("ck_slot_kind_known"), PLACES)
    with op.batch_alter_table("annotation") as table:
        table.create_check_constraint(op.f("ck_annotation_kind_known"), LABELS)


def downgrade() -> None:

    with op.batch_alter_table("annotation") as table:
        table.drop_constraint(op.f("ck_annotation_kind_known"), type_="check")
    op.execute("DELETE FROM slot WHERE kind = 'gold'")  # state; the labels themselves stay
    with op.batch_alter_table("slot") as table:
        table.drop_constraint(op.f("ck_slot_kind_known"), type_="check")
        table.create_check_constraint(
            op.f("ck_slot_kind_known"), "kind IN ('label', 'adjudication', 'spot_check')"
        )
    op.drop_index("ix_item_gold", "item")
    op.drop_column("item", "gold")
