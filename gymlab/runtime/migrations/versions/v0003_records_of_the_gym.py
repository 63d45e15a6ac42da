"""The tables for the profiles and principles of a database of the Gym."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    number = sa.Float(53)
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "gymlab_gym_profiles",
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("total_actions", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("behavioral_entropy", number, nullable=False),
        sa.Column("meta_data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "total_actions", name="pk_gymlab_gym_profiles"),
    )
    op.create_table(
        "gymlab_gym_principles",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("last_updated", moment, nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("strength_score", number, nullable=False),
        sa.Column("confidence_lower", number, nullable=False),
        sa.Column("confidence_upper", number, nullable=False),
        sa.Column("volatility", number, nullable=False),
        sa.Column("evidence_count", sa.BigInteger(), nullable=False),
        sa.Column("contradictions_count", sa.BigInteger(), nullable=False),
        sa.Column("lineage_data", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("meta_data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "last_updated", name="pk_gymlab_gym_principles"),
    )
