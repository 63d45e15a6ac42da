"""Logs of what agents did: one action table from every format, its filters and its store."""

from gymlab.actions.filters import select_actions
from gymlab.actions.readers import FORMATS, read_actions
from gymlab.actions.schema import (
    ACTION_COLUMNS,
    COLUMNS,
    KEY,
    RELATIONSHIPS,
    Column,
    frame_from_records,
    validate_actions,
)

__all__ = [
    "ACTION_COLUMNS",
    "COLUMNS",
    "FORMATS",
    "KEY",
    "RELATIONSHIPS",
    "Column",
    "frame_from_records",
    "read_actions",
    "select_actions",
    "validate_actions",
]
