"""The columns of the action table as data: name, kind, range and meaning of each."""

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
        Its name, in the table and in every neutral format.
    kind
        What its raw values are: text, category, number, integer, time or json.
    meaning
        What it says of an action.
    required
        A source without it is no action log, and a row without it is a bad row.
    blank
        The empty text is an answer too.
    optional
        The table has this column only if the source knows something to put there.
    low, high
        The least and the greatest value.
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
        """Its range in words."""
        return f"{self.low:g} or more" if self.high is None else f"{self.low:g}…{self.high:g}"


COLUMNS: tuple[Column, ...] = (
    Column("action_id", "text", "name of the action; made from the key where the source has none"),
    Column(
        "session_id", "text", "what the agent was doing when it acted: a match, a task, a run", required=True
    ),
    Column("agent_id", "text", "who acted; two agents of one session are two series", required=True),
    Column("step", "integer", "order within the series", required=True, low=0),
    Column("timestamp", "time", "when, in UTC"),
    Column("actor", "text", "role of the one who acted", required=True, blank=True),
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
    Column("metadata", "json", "whatever else the source says, further columns among it, as JSON text"),
)
ACTION_COLUMNS: tuple[str, ...] = tuple(column.name for column in COLUMNS)
REQUIRED_COLUMNS = tuple(column.name for column in COLUMNS if column.required)
