"""The columns of the action table as data: the name, kind, range and meaning of each column."""

from dataclasses import dataclass
from typing import Literal

RELATIONSHIPS = ("ally", "adversary", "neutral", "resource", "self", "environment")
KEY = ["session_id", "agent_id", "step"]
BITS = "bits"
ONE_MINUS_CONFIDENCE = "1 - confidence"
MIXED_UNITS = "mixed"


@dataclass(frozen=True)
class Column:
    """One column of the action table.

    Attributes
    ----------
    name
        The name, in the table and in every neutral format.
    kind
        The kind of the raw values: text, category, number, integer, time or json.
    meaning
        The meaning of a value.
    required
        Whether every source must have this column, and every row a value in it.
    blank
        Whether the empty text is a value.
    optional
        Whether the table has this column only if the source has values for it.
    low, high
        The smallest and the largest value; None for no bound.
    allowed
        The categories.
    """

    name: str
    kind: Literal["text", "category", "number", "integer", "time", "json"]
    meaning: str
    required: bool = False
    blank: bool = False
    optional: bool = False
    low: float | None = None
    high: float | None = None
    allowed: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """The range in words."""
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g}…{self.high:g}"


COLUMNS: tuple[Column, ...] = (
    Column("action_id", "text", "name of the action; made from the key where the source has none"),
    Column("session_id", "text", "the match, task or run in which the agent acted", required=True),
    Column("agent_id", "text", "who acted; two agents of one session are two series", required=True),
    Column("step", "integer", "order within the series", required=True, low=0),
    Column("timestamp", "time", "when, in UTC"),
    Column("actor", "text", "role of the agent or user who acted", required=True, blank=True),
    Column("target", "text", "on whom or what", required=True, blank=True),
    Column("action_type", "text", "what was chosen", required=True),
    Column("decision_context", "text", "in what situation", required=True, blank=True),
    Column(
        "relationship_type",
        "category",
        "what the target is to the agent",
        required=True,
        allowed=RELATIONSHIPS,
    ),
    Column("impact", "number", "effect on the other", low=-1, high=1),
    Column("outcome_valence", "number", "outcome for the agent", low=-1, high=1),
    Column("decision_entropy", "number", "uncertainty of the decision, in attrs['entropy_unit']", low=0),
    Column("latency_ms", "number", "time that the decision took", low=0),
    Column("other_last", "text", "what the counterpart did last", optional=True),
    Column("n_choices", "integer", "how many choices there were", optional=True, low=1),
    Column("metadata", "json", "everything else in the source, with its further columns, as JSON text"),
)
ACTION_COLUMNS: tuple[str, ...] = tuple(column.name for column in COLUMNS)
REQUIRED_COLUMNS = tuple(column.name for column in COLUMNS if column.required)
