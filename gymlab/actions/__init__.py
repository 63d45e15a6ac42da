"""Logs of agents: one action table from every format, its filters, and its storage in a database."""

from gymlab.actions.columns import ACTION_COLUMNS, COLUMNS, KEY, RELATIONSHIPS, Column
from gymlab.actions.filters import select_actions
from gymlab.actions.readers import FORMATS, read_actions
from gymlab.actions.schema import frame_from_records, validate_actions

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
