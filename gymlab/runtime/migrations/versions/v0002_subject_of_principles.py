"""The column ``unit`` of principles is renamed to ``subject``."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Rename the column."""
    with op.batch_alter_table("gymlab_principles") as table:
        table.alter_column("unit", new_column_name="subject")
