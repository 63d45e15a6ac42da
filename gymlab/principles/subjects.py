"""The subjects of principles: agents, sessions, or the patterns of an extraction."""

from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal, Protocol, cast, get_args, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.arguments import instance, one_of
from gymlab.errors import InputError

By = Literal["agent", "session", "cluster"]

_COLUMNS = {"agent": "agent_id", "session": "session_id"}


@runtime_checkable
class LabelledPatterns(Protocol):
    """The part of an extraction that principles need; :class:`gymlab.Extraction` has it."""

    @property
    def patterns(self) -> Sized:
        """The patterns, in the order of their labels."""

    def labelled_actions(self) -> pd.DataFrame:
        """Return the action table with a column ``pattern``: the label of the pattern, ``<NA>`` for none."""


@dataclass(frozen=True, eq=False)
class Subjects:
    """The subjects of a log.

    Attributes
    ----------
    names
        The name of each subject.
    codes
        int64 ``(n_actions,)``: the subject of each action, −1 for none.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]


def checked_by(by: str) -> By:
    """Return an argument that has to be a kind of subject.

    Raises
    ------
    InputError
        If it is no kind of subject.
    """
    return cast("By", one_of("by", by, get_args(By)))


def subjects_of(log: pd.DataFrame, by: By, extraction: LabelledPatterns | None = None) -> Subjects:
    """Return the subjects of a log, in the order of their first action.

    Raises
    ------
    InputError
        If ``by`` is unknown, or asks for clusters without an extraction of this log.
    """
    if extraction is not None:
        instance("extraction", extraction, LabelledPatterns, "an Extraction of this log")
    if checked_by(by) != "cluster":
        codes, names = pd.factorize(log[_COLUMNS[by]])
        return Subjects(tuple(map(str, names)), codes.astype(np.int64))
    if extraction is None:
        raise InputError(
            "by='cluster' needs an extraction: infer_principles(log, by='cluster', extraction=…)"
        )
    labelled = extraction.labelled_actions()
    same = ["session_id", "agent_id", "step", "action_type", "decision_context"]
    first, second = (table[same].astype(object).reset_index(drop=True) for table in (labelled, log))
    if not first.equals(second):
        raise InputError("the extraction is of another log; extract the patterns of this one")
    patterns = tuple(f"pattern {label}" for label in range(len(extraction.patterns)))
    return Subjects(patterns, labelled["pattern"].fillna(-1).to_numpy(dtype=np.int64))
