"""What the doctor says of one thing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "absent", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    topic
        What it is.
    state
        ``ok``; ``absent`` where gymlab works without it; ``problem`` where a report cannot be made, or the notebooks cannot be run.
    text
        What was found, and for what is not there, what to do.
    """

    topic: str
    state: State
    text: str


Look = Callable[[], Iterator[Finding]]
