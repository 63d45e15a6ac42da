"""The training sessions of this process, for metrics and panels."""

from dataclasses import dataclass
from typing import Literal

from gymlab.runtime.live_objects import LiveObjects

SESSION_STATES = ("waiting", "running", "done", "failed")


@dataclass(eq=False, slots=True, weakref_slot=True)
class SessionState:
    """The state of a training session.

    Attributes
    ----------
    agent, session
        Name of the agent, and id of the session.
    state
        ``waiting``, ``running``, ``done`` or ``failed``.
    decided, missing
        The decisions so far, and those that could not be had.
    entropy_bits
        Entropy of the latest decisions of this session, in bits.
    cause
        Why the session failed.
    """

    agent: str
    session: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    decided: int = 0
    missing: int = 0
    entropy_bits: float = 0.0
    cause: str = ""

    def __post_init__(self) -> None:
        SESSIONS.add(self)


# The sessions of this process.
SESSIONS: LiveObjects[SessionState] = LiveObjects()
