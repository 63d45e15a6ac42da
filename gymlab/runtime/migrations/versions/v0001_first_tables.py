"""The tables of gymlab 0.1.0."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    number = sa.Float(53)
    op.create_table(
        "gymlab_actions",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("agent_id", sa.String(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("action_id", sa.String(), nullable=False),
        sa.Column("timestamp", sa.DateTime(timezone=True)),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("action_type", sa.String(), nullable=False),
        sa.Column("decision_context", sa.String(), nullable=False),
        sa.Column("relationship_type", sa.String(), nullable=False),
        sa.Column("impact", number),
        sa.Column("outcome_valence", number),
        sa.Column("decision_entropy", number),
        sa.Column("latency_ms", number),
        sa.Column("other_last", sa.String()),
        sa.Column("n_choices", sa.BigInteger()),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("entropy_unit", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", "agent_id", "step", name="pk_gymlab_actions"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gymlab_report_runs",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("windows", sa.Integer(), nullable=False),
        sa.Column("gymlab_version", sa.String(), nullable=False),
        sa.Column("claims_held", sa.Integer(), nullable=False),
        sa.Column("claims_total", sa.Integer(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_gymlab_report_runs"),
    )
    op.create_index("ix_gymlab_report_runs_created_at", "gymlab_report_runs", ["created_at"])
    op.create_table(
        "gymlab_principles",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("compared_with", sa.String()),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("situation", sa.Text(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("q", number),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("parents", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "number", name="pk_gymlab_principles"),
    )
    op.create_index("ix_gymlab_principles_source", "gymlab_principles", ["source"])
