"""Scores know how long they took and what a judge was paid for them

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("score", sa.Column("seconds", sa.Float(), nullable=True))
    op.add_column("score", sa.Column("cost", sa.Float(), nullable=True))


def downgrade() -> None:

    with op.batch_alter_table("score") as table:
        table.drop_column("cost")
        table.drop_column("seconds")
