"""The tables of the database, on a MetaData of their own so that a user's ``create_all`` does not make them."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Float, MetaData, Text, TypeDecorator
from sqlmodel import Field, SQLModel

# Constraints have names, so that a later migration can refer to them.
_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in any zone when it is written, aware in UTC when it is read, to the microsecond.

    SQLite has no type for it and would drop the zone without a word, so the conversion is made here.
    """

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; pandas' NaT is no moment and becomes NULL."""
        del dialect
        # NaT is the one datetime that differs from itself.
        if value is None or value != value:  # noqa: PLR0124
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back that SQLite does not keep."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Number(TypeDecorator[float]):
    """A float that may be unknown: NaN is written as NULL on every database, and read as None."""

    impl = Float(53)
    cache_ok = True
    python_type = float

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Convert NaN, which SQLite would store as NULL and PostgreSQL as a number, to NULL."""
        del dialect
        return None if value is None or value != value else value  # noqa: PLR0124


class GymlabTable(SQLModel):
    """Base of gymlab's own tables; ``GymlabTable.metadata`` holds these and no others."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=_NAMES)


class ActionRow(GymlabTable, table=True):
    """One action of an agent; numbers that are not known are None.

    Examples
    --------
    >>> row = ActionRow(
    ...     session_id="s1", agent_id="ada", step=0, action_id="s1/ada/0", timestamp=None, actor="ada",
    ...     target="bob", action_type="share", decision_context="trust_betrayal", relationship_type="ally",
    ...     impact=0.5, outcome_valence=0.2, decision_entropy=None, latency_ms=12.0, entropy_unit="bits",
    ... )
    >>> row.meta, row.n_choices
    ('', None)
    """

    __tablename__ = "gymlab_actions"
    # Clustered by the key: one B-tree instead of two, and a series is read in its order.
    __table_args__: ClassVar[dict[str, Any]] = {"sqlite_with_rowid": False}

    session_id: str = Field(primary_key=True)
    agent_id: str = Field(primary_key=True)
    step: int = Field(primary_key=True, sa_type=BigInteger)
    action_id: str
    timestamp: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    actor: str
    target: str
    action_type: str
    decision_context: str
    relationship_type: str
    impact: float | None = Field(default=None, sa_column=Column(Number))
    outcome_valence: float | None = Field(default=None, sa_column=Column(Number))
    decision_entropy: float | None = Field(default=None, sa_column=Column(Number))
    latency_ms: float | None = Field(default=None, sa_column=Column(Number))
    other_last: str | None = None
    n_choices: int | None = Field(default=None, sa_type=BigInteger)
    # SQLAlchemy keeps the name "metadata" for itself on the class; in the database it is the table's word.
    meta: str = Field(default="", sa_column=Column("metadata", Text, nullable=False))
    entropy_unit: str


class ReportRun(GymlabTable, table=True):
    """One run of the report, so that its figures can be followed over time.

    ``claims_held`` of ``claims_total`` claims held; every figure behind them is in ``results``, the text of
    the run's ``results.json``.

    Examples
    --------
    >>> run = ReportRun(
    ...     run_id="nightly-1", created_at=datetime(2026, 1, 1, tzinfo=UTC), source="log.jsonl", actions=1000,
    ...     windows=99, gymlab_version="0.1.0", claims_held=8, claims_total=9, results="{}",
    ... )
    >>> run.claims_held / run.claims_total == 8 / 9
    True
    """

    __tablename__ = "gymlab_report_runs"

    run_id: str = Field(primary_key=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    source: str
    actions: int
    windows: int
    gymlab_version: str
    claims_held: int
    claims_total: int
    results: str = Field(sa_type=Text)


class PrincipleRecord(GymlabTable, table=True):
    """One principle of one run, and which principles of the run before it comes from.

    ``situation`` is the JSON of its columns and values, ``parents`` that of the ids of earlier principles, and
    ``compared_with`` the run that these are of; None for the first of a source.

    Examples
    --------
    >>> record = PrincipleRecord(
    ...     run_id="nightly-2", number=0, created_at=datetime(2026, 1, 2, tzinfo=UTC), source="log.jsonl",
    ...     compared_with="nightly-1", subject="ada", situation='{"other_last": "take"}', action="take", probability=0.9,
    ...     low=0.8, high=0.95, n=100, q=0.01, kind="evolution", changed=False, parents='["nightly-1/3"]',
    ... )
    >>> record.id
    'nightly-2/0'
    """

    __tablename__ = "gymlab_principles"

    run_id: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    source: str = Field(index=True)
    compared_with: str | None = None
    subject: str
    situation: str = Field(sa_type=Text)
    action: str
    probability: float
    low: float
    high: float
    n: int
    q: float | None = Field(default=None, sa_column=Column(Number))
    kind: str
    changed: bool
    parents: str = Field(sa_type=Text)

    @property
    def id(self) -> str:
        """The name by which later principles call it their parent."""
        return f"{self.run_id}/{self.number}"
