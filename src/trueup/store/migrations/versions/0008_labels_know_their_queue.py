"""Labels know their queue and which answer they prefer, so that agreement is counted from an index

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

QUEUE = "(SELECT queue_id FROM item WHERE item.id = annotation.item_id)"
SOURCE = (
    "coalesce((SELECT source FROM item_answer WHERE item_answer.item_id = annotation.item_id"
    " AND item_answer.key = annotation.preferred), preferred)"
)
RATED = ["queue_id", "kind", "item_id", "reviewer", "source", "simulated", "id"]
LISTED = ["queue_id", "question_type", "cohort", "id", "reason", "gold"]


def upgrade() -> None:

    op.add_column("annotation", sa.Column("queue_id", sa.String(length=64), nullable=True))
    op.add_column("annotation", sa.Column("source", sa.String(length=100), nullable=True))
    op.execute(f"UPDATE annotation SET queue_id = {QUEUE}, source = {SOURCE}")
    op.drop_index(op.f("ix_annotation_reviewer"), "annotation")
    with op.batch_alter_table("annotation") as table:
        table.alter_column("queue_id", existing_type=sa.String(length=64), nullable=False)
        table.create_foreign_key(
            op.f("fk_annotation_queue_id_queue"), "queue", ["queue_id"], ["id"]
        )
    op.create_index("ix_annotation_rated", "annotation", RATED)
    op.create_index(
        "ix_annotation_given", "annotation", ["reviewer", "queue_id", "kind", "item_id"]
    )
    op.drop_index(op.f("ix_item_queue_id"), "item")
    op.create_index("ix_item_listed", "item", LISTED)


def downgrade() -> None:

    op.drop_index("ix_item_listed", "item")
    op.create_index(op.f("ix_item_queue_id"), "item", ["queue_id"])
    op.drop_index("ix_annotation_given", "annotation")
    op.drop_index("ix_annotation_rated", "annotation")
    with op.batch_alter_table("annotation") as table:
        table.drop_constraint(op.f("fk_annotation_queue_id_queue"), type_="foreignkey")
        table.drop_column("source")
        table.drop_column("queue_id")
    op.create_index(op.f("ix_annotation_reviewer"), "annotation", ["reviewer"])
