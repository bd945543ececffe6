"""Items know the probability with which they were queued

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.add_column("item", sa.Column("inclusion", sa.Float(), server_default="1", nullable=False))


def downgrade() -> None:

    op.drop_column("item", "inclusion")
