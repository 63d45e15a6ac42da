"""The tables of the database. They have a separate MetaData, so that ``create_all`` of a user does not make them."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache as once
from typing import Any, ClassVar, Self

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Float, MetaData, Text, TypeDecorator
from sqlalchemy.orm import configure_mappers
from sqlmodel import Field, SQLModel

# A later migration needs the names of constraints.
_NAMES = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A time with a time zone, to the microsecond; it may be written in any zone and is read in UTC.

    The conversion is made here, since SQLite drops the zone without a warning.
    """

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; NaT of pandas becomes NULL."""
        del dialect
        # NaT is the only datetime that differs from itself.
        if value is None or value != value:  # noqa: PLR0124
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the zone, which SQLite does not keep."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Number(TypeDecorator[float]):
    """A float that may be unknown: NaN is written as NULL and read as None on every database."""

    impl = Float(53)
    cache_ok = True
    python_type = float

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        """Convert NaN to NULL, since PostgreSQL would store it as a number."""
        del dialect
        return None if value is None or value != value else value  # noqa: PLR0124


class GymlabTable(SQLModel):
    """Base of the tables; ``GymlabTable.metadata`` has no other tables."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=_NAMES)


class ActionRow(GymlabTable, table=True):
    """One action of an agent; unknown numbers are None.

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
    # The table is clustered by its key: there is one B-tree instead of two, and each series is stored in order.
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
    # SQLAlchemy reserves the attribute "metadata", so only the column has this name.
    meta: str = Field(default="", sa_column=Column("metadata", Text, nullable=False))
    entropy_unit: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return a row of these values, which are not checked; it takes a tenth of the time of the constructor.

        The constructor sets each attribute through three libraries. This fills the row as SQLAlchemy fills one that it
        has read. Columns without a value get their default.
        """
        row: Self = _maker_of(cls)()
        row.__dict__.update(_ACTION_DEFAULTS)
        row.__dict__.update(values)
        return row


@once
def _maker_of(table: type[SQLModel]) -> Callable[[], Any]:
    """Return the function by which SQLAlchemy makes the rows that it has read."""
    configure_mappers()
    manager = table.__mapper__.class_manager  # type: ignore[attr-defined] # SQLAlchemy sets it
    made: Callable[[], Any] = manager.new_instance
    return made


_ACTION_DEFAULTS = {
    name: field.default for name, field in ActionRow.model_fields.items() if not field.is_required()
}


class ReportRun(GymlabTable, table=True):
    """One run of the report, for the trend of its figures.

    ``claims_held`` of ``claims_total`` claims held; ``results`` is the text of ``results.json`` with all figures.

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
    """One principle of one run, with its parents in the run before.

    ``situation`` is the JSON of its columns and values. ``parents`` is the JSON of the ids of principles in the run
    ``compared_with``, which is None for the first run of a source.

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
        """The name of the principle in ``parents`` of later principles."""
        return f"{self.run_id}/{self.number}"


class GymProfile(GymlabTable, table=True):
    """The profile of an agent in a database of the Gym, after so many actions.

    ``behavioral_entropy`` is the Gym's own figure, in 0…1; ``meta_data`` is JSON.

    Examples
    --------
    >>> profile = GymProfile(
    ...     agent_id="ada", total_actions=300, name="Ada", created_at=datetime(2026, 1, 1, tzinfo=UTC),
    ...     behavioral_entropy=0.5, meta_data="{}",
    ... )
    >>> profile.total_actions
    300
    """

    __tablename__ = "gymlab_gym_profiles"

    agent_id: str = Field(primary_key=True)
    total_actions: int = Field(primary_key=True, sa_type=BigInteger)
    name: str
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    behavioral_entropy: float = Field(sa_column=Column(Number, nullable=False))
    meta_data: str = Field(sa_type=Text)


class GymPrinciple(GymlabTable, table=True):
    """A principle in a database of the Gym, as it was at its last update; ``lineage_data`` and ``meta_data`` are JSON.

    Examples
    --------
    >>> now = datetime(2026, 1, 1, tzinfo=UTC)
    >>> principle = GymPrinciple(
    ...     id="p1", last_updated=now, agent_id="ada", name="gives", description="Tends to give", strength_score=0.9,
    ...     confidence_lower=0.8, confidence_upper=1.0, volatility=0.0, evidence_count=281, contradictions_count=0,
    ...     lineage_data="{}", created_at=now, meta_data="{}",
    ... )
    >>> principle.evidence_count
    281
    """

    __tablename__ = "gymlab_gym_principles"

    id: str = Field(primary_key=True)
    last_updated: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    agent_id: str
    name: str
    description: str = Field(sa_type=Text)
    strength_score: float = Field(sa_column=Column(Number, nullable=False))
    confidence_lower: float = Field(sa_column=Column(Number, nullable=False))
    confidence_upper: float = Field(sa_column=Column(Number, nullable=False))
    volatility: float = Field(sa_column=Column(Number, nullable=False))
    evidence_count: int = Field(sa_type=BigInteger)
    contradictions_count: int = Field(sa_type=BigInteger)
    lineage_data: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    meta_data: str = Field(sa_type=Text)
