"""SQLite finds open places by their indexes, which it passed over for how they were written

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OPEN = ("ix_slot_open", ["queue_id", "kind", "position", "number"])
HELD = ("ix_slot_held", ["reviewer"])


def make(free: str) -> None:
    for (name, columns), where in ((OPEN, free), (HELD, f"{free} AND reviewer IS NOT NULL")):
        op.drop_index(name, "slot")
        op.create_index(name, "slot", columns, sqlite_where=sa.text(where))


def upgrade() -> None:

    if op.get_bind().dialect.name == "sqlite":
        make("filled = 0")


def downgrade() -> None:

    if op.get_bind().dialect.name == "sqlite":
        make("NOT filled")
