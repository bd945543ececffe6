"""Scores know what they follow from, so that the same input is not scored twice

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("score", sa.Column("input_hash", sa.String(64)))
    op.create_index("ix_score_input_hash", "score", ["input_hash"])


def downgrade() -> None:

    op.drop_index("ix_score_input_hash", "score")
    op.drop_column("score", "input_hash")
